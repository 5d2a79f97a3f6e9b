// pause and unpause.
#include "cli/at_once.h"

namespace cli {

namespace {

Task<int> for_each(Context& context, Arguments words, std::string verb, std::string about) {
    FlagSet flags(context.program, verb + " CONTAINER [CONTAINER...]", std::move(about));
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<Engine::Call> calls;
    for (const std::string& id : parsed.arguments)
        calls.push_back(post("/containers/" + id + "/" + verb));
    co_return tell(parsed.arguments, co_await all_done(context, std::move(calls)), false);
}

}  // namespace

Task<int> run_pause(Context& context, Arguments words) {
    return for_each(context, std::move(words), "pause",
                    "Pause all processes within one or more containers");
}

Task<int> run_unpause(Context& context, Arguments words) {
    return for_each(context, std::move(words), "unpause",
                    "Unpause all processes within one or more containers");
}

}  // namespace cli
