#include "cli/prune.h"

#include "cli/human.h"
#include "cli/prompt.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

bool confirm(std::string_view question) {
    print(fmt::format("{} [y/N] ", question));
    std::string answer = read_line();
    return answer == "y" || answer == "Y";
}

Arguments prune_filters(const Value& config, const Arguments& filters) {
    auto given = [&](const std::string& filter) {
        return std::ranges::find(filters, filter) != filters.end();
    };
    Arguments all;
    for (const Value& one : config["pruneFilters"].items()) {
        std::size_t equals = one.text().find('=');
        if (equals == std::string::npos) continue;
        std::string key = one.text().substr(0, equals), value = one.text().substr(equals + 1);
        if (key == "label" && given("label!=" + value)) continue;
        if (key == "label!" && given("label=" + value)) continue;
        all.push_back(one.text());
    }
    all.insert(all.end(), filters.begin(), filters.end());
    return all;
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
    auto filter = filters_of(prune_filters(context.config, filters));
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

namespace {

constexpr std::string_view any_image =
    "all images without at least one container associated to them";

// "Deleted Images:" and what follows it, of a report; empty when there is nothing.
std::string deleted_list(std::string_view title, const Value& list) {
    std::string out;
    for (const Value& one : list.items()) {
        if (!one.is_object())
            out += one.text() + "\n";
        else if (const Value* untagged = one.find("Untagged");
                 untagged && !untagged->text().empty())
            out += "untagged: " + untagged->text() + "\n";
        else
            out += "deleted: " + one["Deleted"].text() + "\n";
    }
    return out.empty() ? out : fmt::format("Deleted {}:\n{}\n", title, out);
}

std::string reclaimed(double bytes) {
    return fmt::format("Total reclaimed space: {}\n", human_size(bytes, 4));
}

// `filters` and whether untagged images alone go, as the API wants it.
Result<std::string> image_filters(Arguments filters, bool all) {
    filters.push_back(all ? "dangling=false" : "dangling=true");
    return filters_of(filters);
}

struct SystemPrune {
    bool all = false, volumes = false;
    Arguments filters;
};

std::string system_warning(const SystemPrune& order) {
    std::string out = "WARNING! This will remove:\n  - all stopped containers\n"
                      "  - all networks not used by at least one container\n";
    if (order.volumes) out += "  - all anonymous volumes not used by at least one container\n";
    out += fmt::format("  - {}\n  - {}\n", order.all ? any_image : "all dangling images",
                       order.all ? "all build cache" : "unused build cache");
    if (!order.filters.empty()) {
        Arguments sorted = order.filters;
        std::ranges::sort(sorted);
        out += "\n  Items to be pruned will be filtered with:\n";
        for (const std::string& filter : sorted)
            out += "  - " + filter + "\n";
    }
    return out + "\nAre you sure you want to continue?";
}

// One kind after the other, as docker does it; what fails ends it.
Task<int> prune_system(Context& context, SystemPrune order) {
    struct Kind {
        const char *path, *title, *list;
    };
    constexpr Kind kinds[] = {{"/containers/prune", "Containers", "ContainersDeleted"},
                              {"/networks/prune", "Networks", "NetworksDeleted"},
                              {"/volumes/prune", "Volumes", "VolumesDeleted"},
                              {"/images/prune", "Images", "ImagesDeleted"},
                              {"/build/prune", "build cache objects", "CachesDeleted"}};
    auto plain = filters_of(order.filters);
    auto images = image_filters(order.filters, order.all);
    if (!plain) co_return fail(plain.error(), 125);
    if (!images) co_return fail(images.error(), 125);
    double bytes = 0;
    for (const Kind& kind : kinds) {
        std::string_view path = kind.path;
        if (path == "/volumes/prune" && !order.volumes) continue;
        Engine::Call call = post(kind.path);
        bool build = path == "/build/prune";
        if (build && order.all) call.query.add("all", "1");
        const std::string& filters = path == "/images/prune" ? *images : *plain;
        if (build || !filters.empty()) call.query.add("filters", filters);
        auto report = co_await context.engine.value(std::move(call));
        if (!report) co_return fail(report.error());
        print(deleted_list(kind.title, (*report)[kind.list]));
        bytes += (*report)["SpaceReclaimed"].real();
    }
    print(reclaimed(bytes));
    co_return 0;
}

}  // namespace

Task<int> run_image_prune(Context& context, Arguments words) {
    bool all = false, force = false;
    Arguments filters;
    FlagSet flags(context.program, "image prune [OPTIONS]", "Remove unused images");
    flags.boolean("all", 'a', all, "Remove all unused images, not just dangling ones");
    flags.boolean("force", 'f', force, "Do not ask");
    add_prune_filter(flags, filters);
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    auto filter = image_filters(prune_filters(context.config, filters), all);
    if (!filter) co_return fail(filter.error(), 125);
    if (!force && !confirm(fmt::format("WARNING! This will remove {}.\nAre you sure you want to "
                                       "continue?",
                                       all ? any_image : "all dangling images")))
        co_return 0;
    Engine::Call call = post("/images/prune");
    call.query.add("filters", *filter);
    auto report = co_await context.engine.value(std::move(call));
    if (!report) co_return fail(report.error());
    print(deleted_list("Images", (*report)["ImagesDeleted"]) +
          reclaimed((*report)["SpaceReclaimed"].real()));
    co_return 0;
}

Task<int> run_system_prune(Context& context, Arguments words) {
    bool force = false;
    SystemPrune order;
    FlagSet flags(context.program, "system prune [OPTIONS]", "Remove unused data");
    flags.boolean("all", 'a', order.all, "Remove all unused images, not just dangling ones");
    flags.boolean("force", 'f', force, "Do not ask");
    flags.boolean("volumes", 0, order.volumes, "Prune anonymous volumes");
    add_prune_filter(flags, order.filters);
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    order.filters = prune_filters(context.config, order.filters);
    auto is_until = [](const std::string& filter) { return filter.starts_with("until="); };
    if (order.volumes && std::ranges::any_of(order.filters, is_until))
        co_return fail("ERROR: The \"until\" filter is not supported with \"--volumes\"");
    if (!force && !confirm(system_warning(order))) co_return 0;
    co_return co_await prune_system(context, std::move(order));
}

}  // namespace cli
