// exec: a command in a running container, with this terminal when asked.
#include "cli/console.h"
#include "cli/run_checks.h"
#include "cli/run_parts.h"
#include "loop/scope.h"

#include <fmt/format.h>

namespace cli {

namespace {

struct ExecOptions {
    bool detach = false, interactive = false, privileged = false, tty = false;
    std::string keys, user, workdir;
    Arguments env, env_file;
};

Value window_value() {
    auto [rows, columns] = window_size();
    Value size = Value::array();
    size.push(static_cast<std::int64_t>(rows)).push(static_cast<std::int64_t>(columns));
    return size;
}

Result<Value> exec_body(const ExecOptions& options, const Arguments& command) {
    TRY(Arguments env, env_of(options.env_file, options.env));
    Value body = Value::object();
    body.set("User", options.user)
        .set("Privileged", options.privileged)
        .set("Tty", options.tty)
        .set("AttachStdin", options.interactive && !options.detach)
        .set("AttachStdout", !options.detach)
        .set("AttachStderr", !options.detach)
        .set("Detach", options.detach)
        .set("DetachKeys", options.keys)
        .set("WorkingDir", options.workdir)
        .set("Cmd", Value::texts(command));
    if (!env.empty()) body.set("Env", Value::texts(env));
    if (options.tty) body.set("ConsoleSize", window_value());
    return body;
}

std::string start_body(const ExecOptions& options) {
    Value body = Value::object();
    body.set("Detach", options.detach).set("Tty", options.tty);
    if (options.tty) body.set("ConsoleSize", window_value());
    return body.json();
}

Task<int> exit_code(Context& context, std::string id) {
    auto found = co_await context.engine.value(get("/exec/" + id + "/json"));
    if (!found) {
        // The engine has gone meanwhile: docker's own code for that.
        if (found.error().kind() == Kind::unavailable) co_return 255;
        co_return fail(found.error());
    }
    co_return static_cast<int>((*found)["ExitCode"].integer());
}

// Holds the session until the process has ended or the keys were typed.
Task<int> follow(Context& context, const ExecOptions& options, std::string id) {
    AttachPlan plan;
    plan.exec = id;
    plan.exec_body = start_body(options);
    plan.detach_keys = options.keys;
    plan.stdin_ = options.interactive;
    plan.tty = options.tty;
    Session session(context.engine, std::move(plan));
    auto open = co_await session.open();
    if (!open) co_return fail(open.error());
    Scope scope(context.engine.loop(), co_await loop::this_stop());
    if (options.tty && is_terminal(1)) {
        scope.spawn(resize(context.engine, "/exec/" + id));
        scope.spawn(watch_signals(context.engine, "/exec/" + id, true, false));
    }
    auto end = co_await session.pump();
    co_await scope.close();
    if (!end) co_return fail(end.error());
    if (*end == AttachEnd::detached) co_return fail("read escape sequence");
    co_return co_await exit_code(context, id);
}

}  // namespace

Task<int> run_exec(Context& context, Arguments words) {
    ExecOptions options;
    FlagSet flags(context.program, "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
                  "Execute a command in a running container");
    flags.boolean("detach", 'd', options.detach, "Detached mode: run command in the background");
    flags.text("detach-keys", 0, options.keys, "Key sequence that leaves the command running");
    auto add_env = [&options](const std::string& text) -> Status {
        TRY_DO(check_env(text));
        options.env.push_back(text);
        return {};
    };
    flags.each("env", 'e', "list", add_env, "Set environment variables");
    flags.list("env-file", 0, options.env_file, "Read in a file of environment variables");
    flags.boolean("interactive", 'i', options.interactive, "Keep STDIN open even if not attached");
    flags.boolean("privileged", 0, options.privileged, "Give extended privileges to the command");
    flags.boolean("tty", 't', options.tty, "Allocate a pseudo-TTY");
    flags.text("user", 'u', options.user, "Username or UID (format: \"<name|uid>[:<group|gid>]\")");
    flags.text("workdir", 'w', options.workdir, "Working directory inside the container");
    Parsed parsed = parse_command(flags, words, {2, -1}, false);
    if (parsed.exit) co_return *parsed.exit;
    std::string container = parsed.arguments[0];
    Arguments command(parsed.arguments.begin() + 1, parsed.arguments.end());
    if (options.keys.empty()) options.keys = context.config["detachKeys"].text();
    auto body = exec_body(options, command);
    if (!body) co_return fail(body.error());
    // A container that is not there is told before a terminal that is none.
    auto found = co_await context.engine.done(get("/containers/" + container + "/json"));
    if (!found) co_return fail(found.error());
    if (!options.detach && options.interactive && options.tty && !is_terminal(0))
        co_return fail("the input device is not a TTY");
    Engine::Call create = post("/containers/" + container + "/exec");
    create.body = body->json();
    auto made = co_await context.engine.value(std::move(create));
    if (!made) co_return fail(made.error());
    std::string id = (*made)["Id"].text();
    if (!options.detach) co_return co_await follow(context, options, std::move(id));
    Engine::Call start = post("/exec/" + id + "/start");
    start.body = start_body(options);
    auto started = co_await context.engine.done(std::move(start));
    co_return started ? 0 : fail(started.error());
}

}  // namespace cli
