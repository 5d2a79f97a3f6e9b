// run, create, start, attach: the commands that hold a container's terminal.
#include "cli/console.h"
#include "cli/container_proxies.h"
#include "cli/platform.h"
#include "cli/run_options.h"
#include "loop/scope.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace cli {

namespace {

std::string with_help(Context& context, std::string_view command, std::string_view text) {
    return fmt::format("{}: {}\n\nRun '{} {} --help' for more information", context.program, text,
                       context.program, command);
}

// Docker tells how a start failed by the words of the runtime.
int start_exit_code(std::string_view text) {
    auto has = [&](std::string_view words) { return text.find(words) != text.npos; };
    if (has("executable file not found") || has("no such file or directory")) return 127;
    if (has("permission denied") || has("is a directory")) return 126;
    return 125;
}

Task<Result<std::string>> create_once(Context& context, const RunOptions& options,
                                      std::string platform, std::string body) {
    Engine::Call call = post("/containers/create");
    if (!options.name.empty()) call.query.add("name", options.name);
    if (!platform.empty()) call.query.add("platform", platform);
    call.body = std::move(body);
    CO_TRY(Value made, co_await context.engine.value(std::move(call)));
    for (const Value& warning : made["Warnings"].items())
        fail("WARNING: " + warning.text());
    co_return made["Id"].text();
}

// The document that create sends; what is wrong here is wrong use.
Result<std::string> body_of(const Context& context, RunOptions& options, const std::string& image,
                            const Arguments& command) {
    if (options.pull != "always" && options.pull != "missing" && options.pull != "never" &&
        !options.pull.empty())
        return Error(
            Kind::invalid,
            fmt::format(
                "invalid pull option: '{}': must be one of \"always\", \"missing\" or \"never\"",
                options.pull));
    add_proxies(context.config, context.engine.host(), options.env);
    TRY(Value document, create_body(options, image, command));
    return document.json();
}

struct FlagNeeds {
    std::string_view flag, version;  // no version: Windows
};
constexpr FlagNeeds flag_needs[] = {{"annotation", "1.43"},
                                    {"cgroupns", "1.41"},
                                    {"cpu-count", ""},
                                    {"cpu-percent", ""},
                                    {"cpus", "1.25"},
                                    {"gpus", "1.40"},
                                    {"health-start-interval", "1.44"},
                                    {"health-start-period", "1.29"},
                                    {"init", "1.25"},
                                    {"io-maxbandwidth", ""},
                                    {"io-maxiops", ""},
                                    {"platform", "1.32"},
                                    {"stop-timeout", "1.25"}};

// Flags that the engine at the other end has nothing for.
Task<Status> check_flags(Context& context, std::vector<FlagSet::Given> given) {
    std::string wrong;
    for (const FlagNeeds& one : flag_needs) {
        if (std::ranges::find(given, one.flag, &FlagSet::Given::name) == given.end()) continue;
        std::string flag = fmt::format("--{}", one.flag);
        if (one.version.empty()) {
            wrong +=
                fmt::format("\"{}\" is only supported on a Docker daemon running on windows, but "
                            "the Docker daemon is running on linux\n",
                            flag);
            continue;
        }
        auto fits = co_await context.engine.needs(flag, std::string(one.version));
        if (fits) continue;
        if (fits.error().kind() != Kind::unsupported) co_return Status();  // told by the request
        wrong += fits.error().message() + "\n";
    }
    if (wrong.empty()) co_return Status();
    wrong.pop_back();
    co_return Error(Kind::unsupported, wrong);
}

bool names_mac_address(const RunOptions& options) {
    return !options.mac_address.empty() ||
           std::ranges::any_of(options.networks, [](const std::string& spec) {
               return spec.contains("mac-address=");
           });
}

// What needs the engine to be known as wrong, and is told without `run`'s help.
Task<Status> check_create(Context& context, RunOptions& options, std::string& platform) {
    if (!options.platform.empty()) {
        auto parsed = parse_platform(options.platform);
        if (!parsed)
            co_return std::move(parsed).error().context("error parsing specified platform");
        platform = parsed->text();
    }
    if (names_mac_address(options)) {
        auto fits = co_await context.engine.needs("specify mac-address per network", "1.44");
        if (!fits && fits.error().kind() == Kind::unsupported) co_return fits;
    }
    co_return Status();
}

void warn_of_local_dns(const RunOptions& options) {
    auto local = std::ranges::find_if(options.dns, [](const std::string& server) {
        return server.starts_with("127.") || server == "::1";
    });
    if (local != options.dns.end())
        fail(fmt::format("WARNING: Localhost DNS ({}) may fail in containers.", *local));
}

// Creates, after a pull where the policy asks for one or the image is missing.
Task<Result<std::string>> create(Context& context, RunOptions& options, std::string image,
                                 std::string body) {
    CO_TRY_DO(check_reference(image));
    if (!options.cidfile.empty() && access(options.cidfile.c_str(), F_OK) == 0)
        co_return Error(Kind::invalid,
                        fmt::format("container ID file found, make sure the other container isn't "
                                    "running or delete {}",
                                    options.cidfile));
    std::string platform;
    CO_TRY_DO(co_await check_create(context, options, platform));
    if (options.pull == "always")
        CO_TRY_DO(co_await pull(context, image, options.platform, options.quiet, 2));
    auto id = co_await create_once(context, options, platform, body);
    bool no_image = !id && id.error().kind() == Kind::missing &&
                    id.error().message().find("No such image") != std::string::npos;
    if (no_image && options.pull == "missing") {
        if (!options.quiet)
            fail(fmt::format("Unable to find image '{}' locally", familiar_with_tag(image)));
        CO_TRY_DO(co_await pull(context, image, options.platform, options.quiet, 2));
        id = co_await create_once(context, options, platform, body);
    }
    if (id) warn_of_local_dns(options);
    if (id && !options.cidfile.empty()) {
        int fd = ::open(options.cidfile.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd >= 0) {
            put(fd, *id);
            ::close(fd);
        }
    }
    co_return id;
}

Task<Result<std::unique_ptr<Exchange>>> open_wait(Context& context, std::string id,
                                                  std::string condition) {
    Engine::Call call = post("/containers/" + id + "/wait");
    if (!condition.empty()) call.query.add("condition", condition);
    co_return co_await context.engine.request(std::move(call));
}

Task<int> exit_code(Exchange& wait) {
    auto answer = co_await wait.next_value();
    if (!answer) co_return fail(answer.error(), 125);
    if (const std::string& text = (*answer)["Error"]["Message"].text(); !text.empty())
        fail("Error waiting for container: " + text);
    co_return static_cast<int>((*answer)["StatusCode"].integer(125));
}

struct Held {
    std::string id;
    AttachPlan plan;
    bool sig_proxy = true;
    bool leaving_fails =
        false;  // `attach` says so when the keys were typed; `run` and `start` end with 0
};

// From a started container with an open session to its exit code.
Task<int> hold(Context& context, Held held, Session& session, Exchange& wait) {
    Scope scope(context.engine.loop(), co_await loop::this_stop());
    bool sized = held.plan.tty && is_terminal(1);
    if (sized) scope.spawn(resize(context.engine, "/containers/" + held.id));
    scope.spawn(watch_signals(context.engine, "/containers/" + held.id, sized,
                              held.sig_proxy && !held.plan.tty));
    auto end = co_await session.pump();
    int code = 0;
    if (!end)
        code = fail(end.error(), 125);
    else if (*end == AttachEnd::detached)
        code = held.leaving_fails ? fail("read escape sequence") : 0;
    else
        code = co_await exit_code(wait);
    co_await scope.close();
    co_return code;
}

Task<Status> start(Context& context, std::string id) {
    co_return co_await context.engine.done(post("/containers/" + id + "/start"));
}

}  // namespace

Task<int> run_create(Context& context, Arguments words) {
    RunOptions options;
    FlagSet flags(context.program, "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
                  "Create a new container");
    add_run_flags(flags, options, false);
    Parsed parsed = parse_command(flags, words, {1, -1}, false);
    if (parsed.exit) co_return *parsed.exit;
    if (auto fit = co_await check_flags(context, flags.given()); !fit) co_return fail(fit.error());
    std::string image = parsed.arguments[0];
    parsed.arguments.erase(parsed.arguments.begin());
    auto body = body_of(context, options, image, parsed.arguments);
    if (!body) co_return fail(with_help(context, "create", body.error().message()), 125);
    auto id = co_await create(context, options, std::move(image), std::move(body).value());
    if (!id) co_return fail(id.error());
    print(*id + "\n");
    co_return 0;
}

Task<int> run_run(Context& context, Arguments words) {
    RunOptions options;
    FlagSet flags(context.program, "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
                  "Create and run a new container from an image");
    add_run_flags(flags, options, true);
    Parsed parsed = parse_command(flags, words, {1, -1}, false);
    if (parsed.exit) co_return *parsed.exit;
    if (auto fit = co_await check_flags(context, flags.given()); !fit) co_return fail(fit.error());
    if (options.detach_keys.empty()) options.detach_keys = context.config["detachKeys"].text();
    // Before there is a container that nobody could leave.
    if (auto keys = parse_detach_keys(options.detach_keys); !keys) co_return fail(keys.error());
    if (options.detach && !options.attach.empty())
        co_return fail("conflicting options: cannot specify both --attach and --detach");
    if (options.tty && options.interactive && !options.detach && options.attach.empty() &&
        !is_terminal(0))
        co_return fail("the input device is not a TTY");
    std::string image = parsed.arguments[0];
    parsed.arguments.erase(parsed.arguments.begin());
    auto body = body_of(context, options, image, parsed.arguments);
    if (!body) co_return fail(with_help(context, "run", body.error().message()), 125);
    auto id = co_await create(context, options, std::move(image), std::move(body).value());
    if (!id) co_return fail(with_help(context, "run", id.error().message()), 125);

    Held held;
    held.id = *id;
    held.sig_proxy = options.sig_proxy;
    held.plan = {*id,
                 options.detach_keys,
                 options.attach_stdin,
                 options.attach_stdout,
                 options.attach_stderr,
                 options.tty,
                 false};
    bool attached = options.attach_stdin || options.attach_stdout || options.attach_stderr;
    Session session(context.engine, held.plan);
    std::unique_ptr<Exchange> wait;
    if (attached) {
        auto open = co_await session.open();
        if (!open) co_return fail(with_help(context, "run", open.error().message()), 125);
        auto waiting = co_await open_wait(context, *id, options.remove ? "removed" : "next-exit");
        if (!waiting) co_return fail(with_help(context, "run", waiting.error().message()), 125);
        wait = std::move(waiting).value();
    }
    auto started = co_await start(context, *id);
    if (!started) {
        int code = start_exit_code(started.error().message());
        fail(with_help(context, "run", started.error().message()));
        // With --rm the engine removes what did not start; be gone only when it is.
        if (wait && options.remove) (void)co_await wait->next_value();
        co_return code;
    }
    if (!attached) {
        print(*id + "\n");
        co_return 0;
    }
    co_return co_await hold(context, std::move(held), session, *wait);
}

Task<int> run_start(Context& context, Arguments words) {
    bool attach = false, interactive = false;
    std::string keys, checkpoint, checkpoint_dir;
    FlagSet flags(context.program, "start [OPTIONS] CONTAINER [CONTAINER...]",
                  "Start stopped containers");
    flags.boolean("attach", 'a', attach, "Attach STDOUT and STDERR and forward signals");
    flags.boolean("interactive", 'i', interactive, "Attach STDIN");
    flags.text("detach-keys", 0, keys, "Key sequence that leaves the container running");
    flags.text("checkpoint", 0, checkpoint, "Restore from this checkpoint");
    flags.text("checkpoint-dir", 0, checkpoint_dir, "Where checkpoints are");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    if (!checkpoint.empty() || !checkpoint_dir.empty())
        co_return fail(fmt::format("\"--{}\" is only supported on a Docker daemon with "
                                   "experimental features enabled",
                                   checkpoint.empty() ? "checkpoint-dir" : "checkpoint"));
    if (!attach && !interactive) {
        std::string failed;
        for (const std::string& id : parsed.arguments) {
            auto done = co_await start(context, id);
            if (done || done.error().kind() == Kind::unchanged) {
                print(id + "\n");
                continue;
            }
            fail(done.error());
            failed += (failed.empty() ? "" : ", ") + id;
        }
        co_return failed.empty() ? 0 : fail("Error: failed to start containers: " + failed);
    }
    if (parsed.arguments.size() > 1)
        co_return fail("you cannot start and attach multiple containers at once");
    auto found = co_await context.engine.value(get("/containers/" + parsed.arguments[0] + "/json"));
    if (!found) co_return fail(found.error());
    const Value& config = (*found)["Config"];
    Held held;
    held.id = (*found)["Id"].text();
    held.plan = {held.id,
                 keys.empty() ? context.config["detachKeys"].text() : keys,
                 interactive && config["OpenStdin"].flag(),
                 true,
                 true,
                 config["Tty"].flag(),
                 false};
    Session session(context.engine, held.plan);
    auto open = co_await session.open();
    if (!open) co_return fail(open.error());
    bool removes = (*found)["HostConfig"]["AutoRemove"].flag();
    auto wait = co_await open_wait(context, held.id, removes ? "removed" : "next-exit");
    if (!wait) co_return fail(wait.error());
    auto started = co_await start(context, held.id);
    if (!started) co_return fail(started.error());
    co_return co_await hold(context, std::move(held), session, **wait);
}

Task<int> run_attach(Context& context, Arguments words) {
    bool no_stdin = false, sig_proxy = true;
    std::string keys;
    FlagSet flags(context.program, "attach [OPTIONS] CONTAINER",
                  "Attach local standard input, output, and error streams to a running container");
    flags.text("detach-keys", 0, keys, "Key sequence that leaves the container running");
    flags.boolean("no-stdin", 0, no_stdin, "Do not attach STDIN");
    flags.boolean("sig-proxy", 0, sig_proxy, "Pass signals on to the process (default true)");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    auto found = co_await context.engine.value(get("/containers/" + parsed.arguments[0] + "/json"));
    if (!found) co_return fail(found.error());
    const Value& state = (*found)["State"];
    if (!state["Running"].flag())
        co_return fail("You cannot attach to a stopped container, start it first");
    if (state["Paused"].flag())
        co_return fail("You cannot attach to a paused container, unpause it first");
    if (state["Restarting"].flag())
        co_return fail("You cannot attach to a restarting container, wait until it is running");
    const Value& config = (*found)["Config"];
    bool tty = config["Tty"].flag();
    bool input = !no_stdin && config["OpenStdin"].flag();
    if (tty && input && !is_terminal(0)) co_return fail("the input device is not a TTY");
    Held held;
    held.id = (*found)["Id"].text();
    held.sig_proxy = sig_proxy;
    held.leaving_fails = true;
    held.plan = {
        held.id, keys.empty() ? context.config["detachKeys"].text() : keys, input, true, true, tty,
        false};
    auto wait = co_await open_wait(context, held.id, "");
    if (!wait) co_return fail(wait.error());
    Session session(context.engine, held.plan);
    auto open = co_await session.open();
    if (!open) co_return fail(open.error());
    if (tty && is_terminal(1)) {
        // A program redraws only when the size changes: one more in each direction, then the real
        // one.
        auto [rows, columns] = window_size();
        Engine::Call call = post("/containers/" + held.id + "/resize");
        call.query.add("h", std::to_string(rows + 1));
        call.query.add("w", std::to_string(columns + 1));
        (void)co_await context.engine.done(std::move(call));
    }
    co_return co_await hold(context, std::move(held), session, **wait);
}

}  // namespace cli
