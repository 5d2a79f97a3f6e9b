#include "cli/prune.h"

#include "cli/human.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace cli {

bool confirm(std::string_view question) {
    constexpr std::size_t answer_bytes_max = 64 * 1024;
    print(fmt::format("{} [y/N] ", question));
    std::string answer;
    char c = 0;
    while (answer.size() < answer_bytes_max) {
        ssize_t got = ::read(0, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || c == '\n') break;
        answer += c;
    }
    if (answer.ends_with('\r')) answer.pop_back();
    return answer == "y" || answer == "Y";
}

Result<std::string> prune_filters(const Value& config, Arguments filters) {
    auto given = [&](const std::string& filter) {
        return std::ranges::find(filters, filter) != filters.end();
    };
    Arguments all = filters;
    for (const Value& one : config["pruneFilters"].items()) {
        std::size_t equals = one.text().find('=');
        if (equals == std::string::npos) continue;
        std::string key = one.text().substr(0, equals), value = one.text().substr(equals + 1);
        if (key == "label" && given("label!=" + value)) continue;
        if (key == "label!" && given("label=" + value)) continue;
        all.push_back(one.text());
    }
    return filters_of(all);
}

void add_prune_filter(FlagSet& flags, Arguments& filters) {
    auto set = [&filters](const std::string& text) -> Status {
        if (text.find('=') == text.npos)
            return Error(Kind::invalid, "bad format of filter (expected name=value)");
        filters.push_back(text);
        return {};
    };
    flags.each("filter", 0, "filter", set, "Take only what fits (until=24h, label=x ...)");
}

Task<int> run_container_prune(Context& context, Arguments words) {
    bool force = false;
    Arguments filters;
    FlagSet flags(context.program, "container prune [OPTIONS]", "Remove all stopped containers");
    flags.boolean("force", 'f', force, "Do not ask");
    add_prune_filter(flags, filters);
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    auto filter = prune_filters(context.config, std::move(filters));
    if (!filter) co_return fail(filter.error(), 125);
    if (!force && !confirm("WARNING! This will remove all stopped containers.\n"
                           "Are you sure you want to continue?"))
        co_return 0;
    Engine::Call call = post("/containers/prune");
    if (!filter->empty()) call.query.add("filters", *filter);
    auto answer = co_await context.engine.value(std::move(call));
    if (!answer) co_return fail(answer.error());
    std::string out;
    for (const Value& id : (*answer)["ContainersDeleted"].items())
        out += id.text() + "\n";
    if (!out.empty()) out = "Deleted Containers:\n" + out + "\n";
    out += fmt::format("Total reclaimed space: {}\n",
                       human_size((*answer)["SpaceReclaimed"].real(), 4));
    print(out);
    co_return 0;
}

}  // namespace cli
