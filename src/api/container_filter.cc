#include "api/container_filter.h"

#include "engine/mounts.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace api {

namespace {

using engine::Container;

constexpr std::string_view states[] = {"created",  "running", "paused", "restarting",
                                       "removing", "exited",  "dead"};
constexpr std::string_view healths[] = {"none", "starting", "healthy", "unhealthy"};

template <class T> bool to_number(std::string_view text, T& out) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

// "80", "80/udp", "8000-8010/tcp": every port of it as exposed ports are written.
Status add_ports(std::string_view key, std::string_view value, std::set<std::string>& ports) {
    if (value.find(':') != value.npos)
        return Error(Kind::invalid,
                     fmt::format("filter for '{}' should not contain ':': {}", key, value));
    std::size_t slash = value.find('/');
    std::string_view protocol = slash == value.npos ? "tcp" : value.substr(slash + 1);
    std::string_view range = value.substr(0, slash);
    std::size_t dash = range.find('-');
    std::uint16_t first = 0, last = 0;
    bool read = to_number(range.substr(0, dash), first) &&
                to_number(dash == range.npos ? range : range.substr(dash + 1), last);
    if (!read || first > last)
        return Error(Kind::invalid,
                     fmt::format("error while looking up for {} {}: invalid port", key, value));
    for (unsigned port = first; port <= last; ++port)
        ports.insert(fmt::format("{}/{}", port, protocol));
    return {};
}

}  // namespace

bool ContainerFilter::Texts::match(std::string_view text) const {
    if (exact.empty() || std::ranges::find(exact, text) != exact.end()) return true;
    return std::ranges::any_of(
        patterns, [&](const codec::Pattern& pattern) { return pattern.found_in(text); });
}

ContainerFilter::Texts ContainerFilter::texts(const std::vector<std::string>& values) {
    Texts out;
    out.exact = values;
    for (const std::string& text : values)
        if (auto pattern = codec::Pattern::compile(text); pattern)
            out.patterns.push_back(std::move(*pattern));
    return out;
}

Result<ContainerFilter> ContainerFilter::parse(std::string_view text) {
    ContainerFilter filter;
    TRY(filter.filters_, codec::Filters::parse(text));
    const codec::Filters& filters = filter.filters_;
    TRY_DO(filters.allow_only({"ancestor", "before", "exited", "expose", "health", "id", "is-task",
                               "isolation", "label", "label!", "name", "network", "publish",
                               "since", "status", "volume"}));
    TRY_DO(filter.read_states());
    TRY_DO(filter.read_exit_codes());
    filter.names_ = texts(filters.values("name"));
    filter.ids_ = texts(filters.values("id"));
    for (const std::string& value : filters.values("expose"))
        TRY_DO(add_ports("expose", value, filter.exposed_));
    for (const std::string& value : filters.values("publish"))
        TRY_DO(add_ports("publish", value, filter.published_));
    TRY(bool tasks, filters.boolean("is-task", false));
    filter.nothing_ = tasks;  // without swarm there are none
    return filter;
}

Status ContainerFilter::read_states() {
    for (const std::string& state : filters_.values("status"))
        if (std::ranges::find(states, state) == std::end(states))
            return Error(Kind::invalid,
                         fmt::format("invalid filter 'status={}': invalid value for state ({}): "
                                     "must be one of created, running, paused, restarting, "
                                     "removing, exited, dead",
                                     state, state));
    if (filters_.has("status")) all_ = true;
    for (const std::string& health : filters_.values("health"))
        if (std::ranges::find(healths, health) == std::end(healths))
            return Error(Kind::invalid, fmt::format("invalid filter 'health={}'", health));
    return {};
}

Status ContainerFilter::read_exit_codes() {
    for (const std::string& text : filters_.values("exited")) {
        std::int64_t code = 0;
        if (!to_number(text, code))
            return Error(Kind::invalid, fmt::format("invalid filter 'exited={}'", text));
        exit_codes_.push_back(code);
    }
    return {};
}

bool ContainerFilter::takes_state(const Container& container) const {
    if (!all_ && !container.is_active()) return false;
    if (filters_.has("status") && !filters_.exact("status", container.state())) return false;
    const auto& health = container.record.health;
    if (filters_.has("health") && !filters_.exact("health", health ? health->status : "none"))
        return false;
    // There are no kinds of isolation: all have none.
    if (filters_.has("isolation") && !filters_.exact("isolation", "")) return false;
    if (exit_codes_.empty()) return true;
    const engine::ContainerRecord& record = container.record;
    return record.started && !container.is_active() &&
           std::ranges::find(exit_codes_, record.exit_code) != exit_codes_.end();
}

bool ContainerFilter::takes_name(const Container& container) const {
    return (names_.match(container.record.name) || names_.match(container.slash_name())) &&
           ids_.match(container.id()) && filters_.labels(container.record.config.labels);
}

// By name, or by what the id begins with.
bool ContainerFilter::takes_network(const Container& container, std::string_view network_id) const {
    if (!filters_.has("network")) return true;
    const std::string& mode = container.record.host_config.network_mode;
    if (filters_.exact("network", mode)) return true;
    return mode == "bridge" &&
           std::ranges::any_of(filters_.values("network"), [&](const std::string& value) {
               return !value.empty() && network_id.starts_with(value);
           });
}

bool ContainerFilter::takes_volume(const Container& container) const {
    if (!filters_.has("volume")) return true;
    auto mounts = engine::user_mounts(container.record.host_config);
    return mounts && std::ranges::any_of(*mounts, [&](const engine::UserMount& mount) {
               return filters_.exact("volume", mount.destination) ||
                      filters_.exact("volume", mount.source);
           });
}

bool ContainerFilter::takes(const Container& container, std::string_view network_id) const {
    const engine::ContainerRecord& record = container.record;
    if (nothing_ || !takes_state(container) || !takes_name(container)) return false;
    if (images_ && std::ranges::find(*images_, record.image_id) == images_->end()) return false;
    if (!before_.is_never() && record.created >= before_) return false;
    if (!since_.is_never() && record.created <= since_) return false;
    auto has_one = [](const std::set<std::string>& wanted, const auto& ports) {
        return wanted.empty() || std::ranges::any_of(ports, [&](const auto& port) {
                   return wanted.contains(port.first);
               });
    };
    return has_one(exposed_, record.config.exposed_ports) &&
           has_one(published_, record.host_config.port_bindings) &&
           takes_network(container, network_id) && takes_volume(container);
}

}  // namespace api
