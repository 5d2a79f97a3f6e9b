// GET /containers/json: the list behind `ps`, its filters and their words.
#include "api/container_view.h"
#include "api/containers.h"
#include "api/status.h"
#include "codec/filters.h"
#include "codec/pattern.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace api {

namespace {

using engine::Container;
using engine::ContainerPtr;

constexpr std::string_view states[] = {"created",  "running", "paused", "restarting",
                                       "removing", "exited",  "dead"};

// The filters of one request, read and checked once.
struct Selection {
    codec::Filters filters;
    std::vector<codec::Pattern> names, ids;
    std::vector<int> exit_codes;
    std::vector<std::string> ancestors;  // image ids
    bool by_ancestor = false;
    Time before, since;  // never: no bound
    bool all = false;
};

Result<std::vector<codec::Pattern>> patterns(const codec::Filters& filters, std::string_view key) {
    std::vector<codec::Pattern> out;
    for (const std::string& text : filters.values(key)) {
        TRY(codec::Pattern pattern, codec::Pattern::compile(text));
        out.push_back(std::move(pattern));
    }
    return out;
}

Status read_states(Selection& selection) {
    for (const std::string& state : selection.filters.values("status"))
        if (std::ranges::find(states, state) == std::end(states))
            return Error(
                Kind::invalid,
                fmt::format("invalid filter 'status={}': invalid value for state ({}): must "
                            "be one of created, running, paused, restarting, removing, "
                            "exited, dead",
                            state, state));
    if (selection.filters.has("status")) selection.all = true;
    for (const std::string& text : selection.filters.values("exited")) {
        int code = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
        if (error != std::errc() || end != text.data() + text.size())
            return Error(Kind::invalid, fmt::format("invalid filter 'exited={}'", text));
        selection.exit_codes.push_back(code);
    }
    for (const std::string& health : selection.filters.values("health"))
        if (health != "none" && health != "starting" && health != "healthy" &&
            health != "unhealthy")
            return Error(Kind::invalid, fmt::format("invalid filter 'health={}'", health));
    return {};
}

Result<Selection> read_selection(engine::Engine& engine, const http::Request& request) {
    Selection selection;
    selection.all = request.query().flag("all");
    TRY(selection.filters, codec::Filters::parse(request.query().text("filters")));
    TRY_DO(
        selection.filters.allow_only({"ancestor", "annotation", "before", "exited", "expose",
                                      "health", "id", "is-task", "isolation", "label", "label!",
                                      "name", "network", "publish", "since", "status", "volume"}));
    TRY_DO(read_states(selection));
    TRY(selection.names, patterns(selection.filters, "name"));
    TRY(selection.ids, patterns(selection.filters, "id"));
    TRY(bool task, selection.filters.boolean("is-task", false));
    if (task) selection.by_ancestor = true;  // there are no swarm tasks: nothing matches
    for (const std::string& name : selection.filters.values("ancestor")) {
        selection.by_ancestor = true;
        if (auto image = engine.images.find(name); image)
            selection.ancestors.push_back((*image)->record.id);
    }
    for (const std::string& name : selection.filters.values("before")) {
        TRY(ContainerPtr other, engine.containers.find(name));
        selection.before = other->record.created;
    }
    for (const std::string& name : selection.filters.values("since")) {
        TRY(ContainerPtr other, engine.containers.find(name));
        selection.since = other->record.created;
    }
    return selection;
}

bool any_found(const std::vector<codec::Pattern>& wanted, std::string_view text,
               std::string_view other = {}) {
    return wanted.empty() || std::ranges::any_of(wanted, [&](const codec::Pattern& pattern) {
               return pattern.found_in(text) || (!other.empty() && pattern.found_in(other));
           });
}

bool any_equal(const codec::Filters& filters, std::string_view key, std::string_view text) {
    return !filters.has(key) || filters.exact(key, text);
}

bool has_port(const codec::Filters& filters, std::string_view key, const Container& container) {
    if (!filters.has(key)) return true;
    return std::ranges::any_of(filters.values(key), [&](const std::string& wanted) {
        std::string port = wanted.find('/') == std::string::npos ? wanted + "/tcp" : wanted;
        // Nothing is published yet, so `publish` matches nothing.
        return key == "expose" && container.record.config.exposed_ports.contains(port);
    });
}

bool has_volume(const codec::Filters& filters, const Container& container) {
    if (!filters.has("volume")) return true;
    auto mounts = engine::user_mounts(container.record.host_config);
    return mounts && std::ranges::any_of(*mounts, [&](const engine::UserMount& mount) {
               return filters.exact("volume", mount.destination) ||
                      filters.exact("volume", mount.source);
           });
}

bool selected(const Selection& selection, const Container& container,
              const std::string& network_id) {
    const engine::ContainerRecord& record = container.record;
    const codec::Filters& filters = selection.filters;
    std::string state = container.state();
    if (!selection.all && state != "running" && state != "paused" && state != "restarting")
        return false;
    if (!any_equal(filters, "status", state)) return false;
    if (!any_found(selection.names, container.slash_name(), record.name)) return false;
    if (!any_found(selection.ids, record.id)) return false;
    if (!filters.labels(record.config.labels)) return false;
    if (!any_equal(filters, "health", "none")) return false;
    if (!any_equal(filters, "network", record.host_config.network_mode) &&
        !(record.host_config.network_mode == "bridge" && filters.exact("network", network_id)))
        return false;
    if (!selection.exit_codes.empty() &&
        (!record.started || container.running ||
         std::ranges::find(selection.exit_codes, record.exit_code) == selection.exit_codes.end()))
        return false;
    if (selection.by_ancestor &&
        std::ranges::find(selection.ancestors, record.image_id) == selection.ancestors.end())
        return false;
    if (!selection.before.is_never() && record.created >= selection.before) return false;
    if (!selection.since.is_never() && record.created <= selection.since) return false;
    return has_port(filters, "expose", container) && has_port(filters, "publish", container) &&
           has_volume(filters, container);
}

}  // namespace

Task<Result<http::Reply>> container_list(engine::Engine& engine, const http::Request& request) {
    CO_TRY(std::int64_t limit, request.query().number_or("limit", 0));
    CO_TRY(Selection selection, read_selection(engine, request));
    if (limit > 0) selection.all = true;
    bool sizes = request.query().flag("size");
    std::vector<wire::ContainerSummary> out;
    Time now = base::now();
    for (const ContainerPtr& container : engine.containers.all()) {
        if (!selected(selection, *container, engine.network.network_id())) continue;
        wire::ContainerSummary one = summary_view(engine, *container, request.version(), now);
        if (sizes)
            if (auto size = co_await engine.containers.sizes(container); size) {
                one.size_rw = size->writable;
                one.size_root_fs = size->all;
            }
        out.push_back(std::move(one));
        if (limit > 0 && out.size() == static_cast<std::size_t>(limit)) break;
    }
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
