// logs: the container's output so far, and on.
#include "cli/console.h"
#include "cli/context.h"
#include "cli/human.h"

namespace cli {

Task<int> run_logs(Context& context, Arguments words) {
    bool details = false, follow = false, times = false;
    std::string since, until, tail = "all";
    FlagSet flags(context.program, "logs [OPTIONS] CONTAINER", "Fetch the logs of a container");
    flags.boolean("details", 0, details, "Show extra details");
    flags.boolean("follow", 'f', follow, "Follow the output");
    flags.text("since", 0, since, "Only what is younger (a time, or 42m for 42 minutes)");
    flags.text("tail", 'n', tail, "Lines to show from the end (default \"all\")");
    flags.boolean("timestamps", 't', times, "Show times");
    flags.text("until", 0, until, "Only what is older");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    auto found = co_await context.engine.value(get("/containers/" + parsed.arguments[0] + "/json"));
    if (!found) co_return fail(found.error());
    Engine::Call call = get("/containers/" + (*found)["Id"].text() + "/logs");
    call.query.add("stdout", "1");
    call.query.add("stderr", "1");
    for (auto [name, text] : {std::pair("since", &since), std::pair("until", &until)}) {
        if (text->empty()) continue;
        auto moment = parse_moment(*text);
        if (!moment)
            co_return fail("invalid value for \"" + std::string(name) +
                           "\": " + moment.error().message());
        call.query.add(name, *moment);
    }
    if (details) call.query.add("details", "1");
    if (follow) call.query.add("follow", "1");
    if (times) call.query.add("timestamps", "1");
    call.query.add("tail", tail);
    auto answer = co_await context.engine.request(std::move(call));
    if (!answer) co_return fail(answer.error());
    bool tty = (*found)["Config"]["Tty"].flag();
    FrameWriter frames;
    for (;;) {
        auto bytes = co_await (*answer)->read();
        if (!bytes) co_return fail(bytes.error());
        if (bytes->empty()) co_return 0;
        if (tty)
            put(1, *bytes);
        else if (!frames.feed(*bytes))
            co_return fail("Error response from daemon: " + frames.error());
    }
}

}  // namespace cli
