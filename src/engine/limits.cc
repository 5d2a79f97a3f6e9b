#include "engine/limits.h"

#include "codec/number_list.h"
#include "run/sysctl.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <optional>

namespace engine {

namespace {

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

// The kernel's bounds; runc's words.
Status check_shares(std::int64_t shares) {
    constexpr std::int64_t least = 2, most = 262144;
    if (shares != 0 && shares < least)
        return invalid(fmt::format("the minimum allowed cpu-shares is {}", least));
    if (shares > most) return invalid(fmt::format("the maximum allowed cpu-shares is {}", most));
    return {};
}

Status check_pids(const std::optional<std::int64_t>& limit) {
    constexpr std::int64_t most = 4'194'304;  // PID_MAX_LIMIT
    if (limit && *limit > most)
        return invalid(fmt::format("invalid pids limit {}: the maximum is {}", *limit, most));
    return {};
}

struct Cpuset {
    std::string_view what, requested, available;
    std::string_view missing;  // Docker's words for what is not there
};

Status check_list(const Cpuset& set) {
    // Docker's own bound on how many processors a machine may have.
    constexpr unsigned numbers_max = 8192;
    if (set.requested.empty()) return {};
    auto wanted = codec::parse_number_list(set.requested, numbers_max);
    if (!wanted)
        return invalid(fmt::format("Invalid value {} for cpuset {}: {}", set.requested, set.what,
                                   wanted.error().message()));
    auto have = codec::parse_number_list(set.available, numbers_max);
    if (have && codec::covers(*have, *wanted)) return {};
    return invalid(fmt::format("Requested {} are not available - requested {}, available: {}",
                               set.missing, set.requested, set.available));
}

bool is_access(std::string_view text) {
    constexpr std::size_t letters = 3;
    return !text.empty() && text.size() <= letters &&
           text.find_first_not_of("rwm") == std::string_view::npos;
}

Status check_devices(const wire::HostConfig& host) {
    for (const wire::DeviceMapping& device : host.devices)
        if (!device.cgroup_permissions.empty() && !is_access(device.cgroup_permissions))
            return invalid(fmt::format("bad mode specified: {}", device.cgroup_permissions));
    for (const std::string& text : host.device_cgroup_rules)
        TRY_DO(parse_device_rule(text));
    return {};
}

Status check_sysctls(const wire::HostConfig& host) {
    auto of = [](std::string_view mode) {
        return mode == "host" ? run::Namespace::host : run::Namespace::fresh;
    };
    run::Namespaces own;
    own.network = of(host.network_mode);
    own.ipc = of(host.ipc_mode);
    own.uts = of(host.uts_mode);
    for (const auto& [key, value] : host.sysctls)
        TRY_DO(run::check_sysctl(key, value, own));
    return {};
}

// "*" or digits; -1 stands for any.
std::optional<std::int64_t> device_number(std::string_view text) {
    constexpr std::int64_t any = -1;
    if (text == "*") return any;
    std::uint32_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

}  // namespace

Status check_cpuset(std::string_view cpus, std::string_view mems, std::string_view cpus_available,
                    std::string_view mems_available) {
    TRY_DO(check_list({"cpus", cpus, cpus_available, "CPUs"}));
    return check_list({"mems", mems, mems_available, "memory nodes"});
}

Status check_limits(const wire::HostConfig& host, const sys::CgroupHost& cgroups) {
    TRY_DO(check_shares(host.cpu_shares));
    TRY_DO(check_pids(host.pids_limit));
    // Without the controller the wish is dropped with a warning.
    bool asked = !host.cpuset_cpus.empty() || !host.cpuset_mems.empty();
    if (asked && cgroups.find("cpuset") != nullptr)
        TRY_DO(check_cpuset(host.cpuset_cpus, host.cpuset_mems, cgroups.cpus(), cgroups.mems()));
    TRY_DO(check_devices(host));
    return check_sysctls(host);
}

Result<sys::CgroupDeviceRule> parse_device_rule(std::string_view text) {
    Error wrong = invalid(fmt::format("invalid device cgroup rule format: '{}'", text));
    // One letter, a blank, major:minor, a blank, the access.
    constexpr std::size_t numbers_at = 2;
    std::size_t blank = text.find(' ', numbers_at);
    if (blank == std::string_view::npos || text[1] != ' ' ||
        std::string_view("abc").find(text[0]) == std::string_view::npos)
        return wrong;
    std::string_view numbers = text.substr(numbers_at, blank - numbers_at);
    std::size_t colon = numbers.find(':');
    if (colon == std::string_view::npos) return wrong;
    auto major = device_number(numbers.substr(0, colon));
    auto minor = device_number(numbers.substr(colon + 1));
    std::string_view access = text.substr(blank + 1);
    if (!major || !minor || !is_access(access)) return wrong;
    return sys::CgroupDeviceRule{true, text[0], *major, *minor, std::string(access)};
}

std::int64_t default_memory_swap(std::int64_t memory) {
    constexpr std::int64_t unlimited = -1;
    return memory > std::numeric_limits<std::int64_t>::max() / 2 ? unlimited : memory * 2;
}

}  // namespace engine
