// stop, restart, kill, rm, rename, wait, top: one call per container.
#include "cli/at_once.h"
#include "cli/context.h"
#include "cli/table.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace cli {

namespace {

struct Stopping {
    std::optional<std::int64_t> timeout;
    std::string signal;
};

Task<int> stop_or_restart(Context& context, Arguments words, std::string verb, std::string about) {
    Stopping with;
    FlagSet flags(context.program, verb + " [OPTIONS] CONTAINER [CONTAINER...]", std::move(about));
    flags.text("signal", 's', with.signal, "Signal to send");
    flags.integer("timeout", 't', with.timeout, "Seconds to wait before killing");
    flags.also("time", "timeout");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<Engine::Call> calls;
    for (const std::string& id : parsed.arguments) {
        Engine::Call call = post("/containers/" + id + "/" + verb);
        if (with.timeout) call.query.add("t", std::to_string(*with.timeout));
        if (!with.signal.empty()) call.query.add("signal", with.signal);
        calls.push_back(std::move(call));
    }
    co_return tell(parsed.arguments, co_await all_done(context, std::move(calls)), false);
}

}  // namespace

Task<int> run_stop(Context& context, Arguments words) {
    return stop_or_restart(context, std::move(words), "stop", "Stop running containers");
}

Task<int> run_restart(Context& context, Arguments words) {
    return stop_or_restart(context, std::move(words), "restart", "Restart containers");
}

Task<int> run_kill(Context& context, Arguments words) {
    std::string signal;
    FlagSet flags(context.program, "kill [OPTIONS] CONTAINER [CONTAINER...]",
                  "Kill running containers");
    flags.text("signal", 's', signal, "Signal to send");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<Engine::Call> calls;
    for (const std::string& id : parsed.arguments) {
        Engine::Call call = post("/containers/" + id + "/kill");
        if (!signal.empty()) call.query.add("signal", signal);
        calls.push_back(std::move(call));
    }
    co_return tell(parsed.arguments, co_await all_done(context, std::move(calls)), false);
}

Task<int> run_rm(Context& context, Arguments words) {
    bool force = false, link = false, volumes = false;
    FlagSet flags(context.program, "rm [OPTIONS] CONTAINER [CONTAINER...]", "Remove containers");
    flags.boolean("force", 'f', force, "Kill a running container first");
    flags.boolean("link", 'l', link, "Remove the link");
    flags.boolean("volumes", 'v', volumes, "Remove its anonymous volumes");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<Engine::Call> calls;
    for (const std::string& id : parsed.arguments) {
        Engine::Call call = post("/containers/" + id);
        call.method = "DELETE";
        if (force) call.query.add("force", "1");
        if (link) call.query.add("link", "1");
        if (volumes) call.query.add("v", "1");
        calls.push_back(std::move(call));
    }
    co_return tell(parsed.arguments, co_await all_done(context, std::move(calls)), force);
}

Task<int> run_rename(Context& context, Arguments words) {
    FlagSet flags(context.program, "rename CONTAINER NEW_NAME", "Rename a container");
    Parsed parsed = parse_command(flags, words, {2, 2});
    if (parsed.exit) co_return *parsed.exit;
    if (parsed.arguments[0].empty() || parsed.arguments[1].empty())
        co_return fail("Error: Neither old nor new names may be empty");
    Engine::Call call = post("/containers/" + parsed.arguments[0] + "/rename");
    call.query.add("name", parsed.arguments[1]);
    auto done = co_await context.engine.done(std::move(call));
    if (done) co_return 0;
    fail(done.error());
    co_return fail("Error: failed to rename container named " + parsed.arguments[0]);
}

Task<int> run_wait(Context& context, Arguments words) {
    FlagSet flags(context.program, "wait CONTAINER [CONTAINER...]",
                  "Block until containers stop, then print their exit codes");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    int code = 0;
    for (const std::string& id : parsed.arguments) {
        auto answer = co_await context.engine.value(post("/containers/" + id + "/wait"));
        if (answer)
            print((*answer)["StatusCode"].digits() + "\n");
        else
            code = fail(answer.error());
    }
    co_return code;
}

Task<int> run_top(Context& context, Arguments words) {
    FlagSet flags(context.program, "top CONTAINER [ps OPTIONS]",
                  "Display the running processes of a container");
    Parsed parsed = parse_command(flags, words, {1, -1}, false);
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call = get("/containers/" + parsed.arguments[0] + "/top");
    if (parsed.arguments.size() > 1) {
        Arguments options(parsed.arguments.begin() + 1, parsed.arguments.end());
        call.query.add("ps_args", fmt::format("{}", fmt::join(options, " ")));
    }
    auto answer = co_await context.engine.value(std::move(call));
    if (!answer) co_return fail(answer.error());
    auto line = [](const Value& cells) {
        Arguments texts;
        for (const Value& cell : cells.items())
            texts.push_back(cell.text());
        return fmt::format("{}\n", fmt::join(texts, "\t"));
    };
    // Docker prints processes in columns of 20.
    std::string out = line((*answer)["Titles"]);
    for (const Value& process : (*answer)["Processes"].items())
        out += line(process);
    print(align(out, 20));
    co_return 0;
}

}  // namespace cli
