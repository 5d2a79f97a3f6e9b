// CgroupLimits to the files of v1 and v2: which file, which form, in which order.
#include "sys/cgroup_device.h"
#include "sys/cgroup_files.h"
#include "sys/file.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/core.h>

namespace sys {

namespace {

constexpr std::uint64_t cpu_period_default = 100000;  // microseconds; the kernel's and Docker's

std::string amount(std::int64_t value, std::string_view unlimited) {
    return value < 0 ? std::string(unlimited) : fmt::format("{}", value);
}

std::string pids_text(std::int64_t limit) {
    return limit <= 0 ? "max" : fmt::format("{}", limit);
}

// The group in the hierarchy of `controller`; an error when something is to be limited there and
// it is not mounted.
Result<CgroupFolder> group_in(const CgroupHost& host, std::string_view controller,
                              const std::string& path) {
    if (const auto* hierarchy = host.find(controller)) return open_group(*hierarchy, path);
    return Error(Kind::unsupported, fmt::format("cgroup {} is not mounted", controller));
}

// Of a limit that was exceeded at once, the kernel says only "device or resource busy".
Status set_memory(const CgroupFolder& folder, const char* file, std::int64_t value) {
    Status written = folder.write(file, amount(value, "-1"));
    if (written ||
        folder.number("memory.usage_in_bytes").value_or(0) <= static_cast<std::uint64_t>(value))
        return written;
    return Error(Kind::internal,
                 fmt::format("unable to set memory limit to {} (current usage: {}, peak usage: {})",
                             value, folder.number("memory.usage_in_bytes").value_or(0),
                             folder.number("memory.max_usage_in_bytes").value_or(0)));
}

// limit <= memory + swap must hold at every moment, so raising begins with the sum.
Status memory_and_swap_v1(const CgroupFolder& folder, const CgroupLimits& limits) {
    constexpr const char* limit_file = "memory.limit_in_bytes";
    constexpr const char* swap_file = "memory.memsw.limit_in_bytes";
    auto limit = limits.memory_limit;
    auto swap = folder.has(swap_file) ? limits.memory_swap : std::nullopt;
    // No bound on memory means none on the sum.
    if (limit == -1 && !limits.memory_swap && folder.has(swap_file)) swap = -1;
    bool raising = swap && (*swap < 0 || static_cast<std::uint64_t>(*swap) >
                                             folder.number(swap_file).value_or(0));
    if (swap && raising) TRY_DO(set_memory(folder, swap_file, *swap));
    if (limit) TRY_DO(set_memory(folder, limit_file, *limit));
    if (swap && !raising) TRY_DO(set_memory(folder, swap_file, *swap));
    return {};
}

Status write_memory_v1(const CgroupFolder& folder, const CgroupLimits& limits) {
    TRY_DO(memory_and_swap_v1(folder, limits));
    if (limits.memory_reservation)
        TRY_DO(
            folder.write("memory.soft_limit_in_bytes", amount(*limits.memory_reservation, "-1")));
    if (limits.memory_swappiness)
        TRY_DO(folder.write("memory.swappiness", fmt::format("{}", *limits.memory_swappiness)));
    if (limits.disable_oom_killer) TRY_DO(folder.write("memory.oom_control", "1"));
    return {};
}

Status write_cpu_v1(const CgroupFolder& folder, const CgroupLimits& limits) {
    if (limits.cpu_shares)
        TRY_DO(folder.write("cpu.shares", fmt::format("{}", *limits.cpu_shares)));
    std::string quota = limits.cpu_quota ? amount(*limits.cpu_quota, "-1") : "";
    if (limits.cpu_period) {
        std::string period = fmt::format("{}", *limits.cpu_period);
        Status written = folder.write("cpu.cfs_period_us", period);
        // A period so short that the old quota exceeds a parent's share: the new quota first.
        if (!written && !quota.empty()) {
            TRY_DO(folder.write("cpu.cfs_quota_us", quota));
            quota.clear();
            written = folder.write("cpu.cfs_period_us", period);
        }
        if (!written) return written;
    }
    if (!quota.empty()) TRY_DO(folder.write("cpu.cfs_quota_us", quota));
    return {};
}

Status write_cpuset(const CgroupFolder& folder, const CgroupLimits& limits) {
    if (!limits.cpuset_cpus.empty()) TRY_DO(folder.write("cpuset.cpus", limits.cpuset_cpus));
    if (!limits.cpuset_mems.empty()) TRY_DO(folder.write("cpuset.mems", limits.cpuset_mems));
    return {};
}

Status write_devices_v1(const CgroupFolder& folder, const CgroupLimits& limits) {
    for (const CgroupDeviceRule& rule : limits.devices)
        TRY_DO(folder.write(rule.allow ? "devices.allow" : "devices.deny", device_line(rule)));
    return {};
}

Status write_weight_v1(const CgroupFolder& folder, std::uint16_t weight) {
    // CFQ's file is gone since 5.0, BFQ's is there when a disk uses it.
    const char* file = folder.has("blkio.weight") ? "blkio.weight" : "blkio.bfq.weight";
    return folder.write(file, fmt::format("{}", weight));
}

bool limits_memory(const CgroupLimits& limits) {
    return limits.memory_limit || limits.memory_reservation || limits.memory_swap ||
           limits.memory_swappiness || limits.disable_oom_killer;
}
bool limits_cpu(const CgroupLimits& limits) {
    return limits.cpu_shares || limits.cpu_quota || limits.cpu_period;
}
bool limits_cpuset(const CgroupLimits& limits) {
    return !limits.cpuset_cpus.empty() || !limits.cpuset_mems.empty();
}

// v2 bounds swap alone, Docker the sum. Unlimited stays unlimited.
Result<std::string> swap_alone(const CgroupFolder& folder, const CgroupLimits& limits) {
    std::int64_t sum = *limits.memory_swap;
    if (sum < 0) return std::string("max");
    std::int64_t memory = limits.memory_limit.value_or(0);
    if (!limits.memory_limit)
        memory = static_cast<std::int64_t>(folder.number("memory.max").value_or(INT64_MAX));
    if (memory < 0 || sum < memory)
        return Error(Kind::invalid,
                     "Minimum memoryswap limit should be larger than memory limit, see usage");
    return fmt::format("{}", sum - memory);
}

Status write_memory_v2(const CgroupFolder& folder, const CgroupLimits& limits) {
    bool has_swap = folder.has("memory.swap.max");
    if (limits.memory_swap && has_swap) {
        TRY(std::string swap, swap_alone(folder, limits));
        TRY_DO(folder.write("memory.swap.max", swap));
    } else if (limits.memory_limit == -1 && has_swap) {
        TRY_DO(folder.write("memory.swap.max", "max"));
    }
    if (limits.memory_limit)
        TRY_DO(folder.write("memory.max", amount(*limits.memory_limit, "max")));
    if (limits.memory_reservation)
        TRY_DO(folder.write("memory.low", amount(*limits.memory_reservation, "max")));
    return {};
}

// runc's line from 2..262144 to 1..10000.
std::uint64_t cpu_weight(std::uint64_t shares) {
    shares = std::clamp<std::uint64_t>(shares, 2, 262144);
    return 1 + (shares - 2) * 9999 / 262142;
}

Status write_cpu_v2(const CgroupFolder& folder, const CgroupLimits& limits) {
    if (limits.cpu_shares.value_or(0) != 0)
        TRY_DO(folder.write("cpu.weight", fmt::format("{}", cpu_weight(*limits.cpu_shares))));
    if (!limits.cpu_quota && !limits.cpu_period) return {};
    // One file holds both: what is not asked stays.
    std::string now = folder.read("cpu.max");
    std::string quota = now.substr(0, now.find(' '));
    if (limits.cpu_quota) quota = *limits.cpu_quota > 0 ? fmt::format("{}", *limits.cpu_quota) : "";
    if (quota.empty()) quota = "max";
    std::string value = quota;
    if (limits.cpu_period)
        value +=
            fmt::format(" {}", *limits.cpu_period == 0 ? cpu_period_default : *limits.cpu_period);
    return folder.write("cpu.max", value);
}

Status write_weight_v2(const CgroupFolder& folder, std::uint16_t weight) {
    if (folder.has("io.bfq.weight"))
        return folder.write("io.bfq.weight", fmt::format("{}", weight));
    // 10..1000 to 1..10000.
    auto value = 1 + (std::clamp<std::uint64_t>(weight, 10, 1000) - 10) * 9999 / 990;
    return folder.write("io.weight", fmt::format("default {}", value));
}

}  // namespace

Status write_limits_v1(const CgroupHost& host, const std::string& path,
                       const CgroupLimits& limits) {
    if (limits_memory(limits)) {
        TRY(CgroupFolder folder, group_in(host, "memory", path));
        TRY_DO(write_memory_v1(folder, limits));
    }
    if (limits_cpu(limits)) {
        TRY(CgroupFolder folder, group_in(host, "cpu", path));
        TRY_DO(write_cpu_v1(folder, limits));
    }
    if (limits_cpuset(limits)) {
        TRY(CgroupFolder folder, group_in(host, "cpuset", path));
        TRY_DO(write_cpuset(folder, limits));
    }
    if (limits.pids_limit) {
        TRY(CgroupFolder folder, group_in(host, "pids", path));
        TRY_DO(folder.write("pids.max", pids_text(*limits.pids_limit)));
    }
    if (limits.blkio_weight.value_or(0) != 0) {
        TRY(CgroupFolder folder, group_in(host, "blkio", path));
        TRY_DO(write_weight_v1(folder, *limits.blkio_weight));
    }
    if (!limits.devices.empty()) {
        TRY(CgroupFolder folder, group_in(host, "devices", path));
        TRY_DO(write_devices_v1(folder, limits));
    }
    return {};
}

Status write_limits_v2(const CgroupFolder& folder, const CgroupLimits& limits) {
    TRY_DO(write_memory_v2(folder, limits));
    TRY_DO(write_cpu_v2(folder, limits));
    TRY_DO(write_cpuset(folder, limits));
    if (limits.pids_limit) TRY_DO(folder.write("pids.max", pids_text(*limits.pids_limit)));
    if (limits.blkio_weight.value_or(0) != 0) TRY_DO(write_weight_v2(folder, *limits.blkio_weight));
    if (!limits.devices.empty()) {
        // bpf(2) refuses O_PATH.
        TRY(Fd opened, open_at(folder.fd, ".", O_RDONLY | O_DIRECTORY));
        TRY_DO(attach_device_rules(opened, limits.devices));
    }
    return {};
}

std::vector<std::string> CgroupHost::drop_unsupported(CgroupLimits& limits) const {
    std::vector<std::string> warnings;
    auto has_file = [&](std::string_view controller, const char* file) {
        const Hierarchy* hierarchy = find(controller);
        return hierarchy != nullptr && ::faccessat(hierarchy->folder.get(), file, F_OK, 0) == 0;
    };
    auto drop = [&](auto& limit, bool supported, const char* warning) {
        if (supported || !limit) return;
        limit = {};
        warnings.emplace_back(warning);
    };
    bool memory = find("memory") != nullptr;
    drop(limits.memory_limit, memory,
         "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
         "Limitation discarded.");
    // The root group of v2 has no swap.max; what the kernel was built with has /proc/swaps.
    bool swap = memory && (v2 ? ::access("/proc/swaps", F_OK) == 0
                              : has_file("memory", "memory.memsw.limit_in_bytes"));
    drop(limits.memory_swap, swap,
         "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
         "Memory limited without swap.");
    drop(limits.memory_swappiness, has_file("memory", "memory.swappiness"),
         "Your kernel does not support memory swappiness capabilities or the cgroup is not "
         "mounted. Memory swappiness discarded.");
    drop(limits.memory_reservation, memory,
         "Your kernel does not support memory soft limit capabilities or the cgroup is not "
         "mounted. Limitation discarded.");
    drop(limits.disable_oom_killer, has_file("memory", "memory.oom_control"),
         "Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    drop(limits.pids_limit, find("pids") != nullptr,
         "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs "
         "limit discarded.");
    drop(limits.cpu_shares, find("cpu") != nullptr,
         "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.");
    bool quota = v2 ? find("cpu") != nullptr : has_file("cpu", "cpu.cfs_quota_us");
    if (!quota && (limits.cpu_quota || limits.cpu_period)) {
        limits.cpu_quota.reset();
        limits.cpu_period.reset();
        warnings.emplace_back(
            "Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.");
    }
    if (find("cpuset") == nullptr && limits_cpuset(limits)) {
        limits.cpuset_cpus.clear();
        limits.cpuset_mems.clear();
        warnings.emplace_back("Your kernel does not support cpuset or the cgroup is not mounted. "
                              "Cpuset discarded.");
    }
    bool weight = v2 ? find("io") != nullptr
                     : has_file("blkio", "blkio.weight") || has_file("blkio", "blkio.bfq.weight");
    drop(limits.blkio_weight, weight,
         "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight "
         "discarded.");
    // A host without a way to limit devices runs nothing: that is no limit to go without.
    return warnings;
}

}  // namespace sys
