// Control groups by the cgroupfs driver: v1 (the hierarchies that exist) and v2. Making, limiting,
// reading, freezing and removing one container's group. Blocking.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sys {

struct CgroupDeviceRule {
    bool allow = true;
    char type = 'a';          // a, b, c
    std::int64_t major = -1;  // -1: any
    std::int64_t minor = -1;
    std::string access = "rwm";
};

// OCI linux.resources; absent = leave alone. Memory in bytes, -1 = unlimited.
struct CgroupLimits {
    std::optional<std::int64_t> memory_limit;
    std::optional<std::int64_t> memory_reservation;
    std::optional<std::int64_t> memory_swap;  // memory + swap, as Docker has it
    std::optional<std::uint64_t> memory_swappiness;
    bool disable_oom_killer = false;
    std::optional<std::uint64_t> cpu_shares;
    std::optional<std::int64_t> cpu_quota;    // microseconds per period
    std::optional<std::uint64_t> cpu_period;  // microseconds
    std::string cpuset_cpus;
    std::string cpuset_mems;
    std::optional<std::int64_t> pids_limit;  // -1 or 0: unlimited
    std::optional<std::uint16_t> blkio_weight;
    std::vector<CgroupDeviceRule> devices;  // in order; empty: everything is allowed
};

// The rules of a default container (everything denied but the usual nodes).
std::vector<CgroupDeviceRule> default_device_rules();

// The hierarchies of this host, looked up once at start.
struct CgroupHost {
    bool v2 = false;  // unified; else v1 (also hybrid, whose cgroup2 mount is left alone)
    struct Hierarchy {
        std::string controllers;  // "cpu,cpuacct"; "name=systemd"; for v2 those of its root
        std::string mount_point;
        Fd folder;
        bool has(std::string_view controller) const;
    };
    std::vector<Hierarchy> hierarchies;

    // missing when the host has no control groups mounted.
    static Result<CgroupHost> detect(const std::string& mountinfo = "/proc/self/mountinfo");
    // By the name it has in this version ("blkio" in v1, "io" in v2).
    const Hierarchy* find(std::string_view controller) const;
    // Clears what this host cannot limit and answers Docker's warnings about it, in its order.
    std::vector<std::string> drop_unsupported(CgroupLimits& limits) const;
    // Removes the group if nothing is in it: what containers' groups were made below. Blocking.
    void remove_if_empty(const std::string& path) const;
    // The processors and memory nodes a cpuset may name ("0-3"); "" when there is no cpuset.
    std::string cpus() const;
    std::string mems() const;
};

struct CgroupUsage {
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_inactive_file = 0;
    std::uint64_t cpu_ns = 0;
    std::uint64_t pids = 0;
};

// One container's group: a folder per hierarchy.
class Cgroup {
public:
    // Makes the folders (mode 0755; `path` begins with a slash, parents are made too and stay) and
    // writes the limits. On failure nothing stays. conflict when processes are in it; an empty
    // leftover is replaced.
    static Result<Cgroup> create(const CgroupHost& host, const std::string& path,
                                 const CgroupLimits& limits);
    // An existing one (after a restart of the daemon). missing when no folder is there. `host` must
    // outlive the group, which holds no descriptors.
    static Result<Cgroup> open(const CgroupHost& host, const std::string& path);

    const std::string& path() const { return path_; }

    // v2: the folder's descriptor for CLONE_INTO_CGROUP. v1: `tasks` of each hierarchy, open for
    // writing.
    Result<std::vector<Fd>> attach_points() const;

    // Writes what is set. Errors carry the kernel's reason.
    Status update(const CgroupLimits& limits) const;
    // Freezes and waits until it is so / lets run again.
    Status freeze() const;
    Status thaw() const;
    bool frozen() const;
    // SIGKILL to every process inside.
    Status kill() const;
    // In it and in the groups that the container made below; numbers as this process sees them.
    std::vector<int> processes() const;
    // How often the kernel's memory controller killed in here: grows = OOMKilled.
    std::uint64_t oom_kills() const;
    // Readable when oom_kills() grows (v1: is about to), or the group goes; to be read empty.
    Result<Fd> watch_oom() const;
    CgroupUsage usage() const;
    // Removes the folders; missing is fine, EBUSY is tried again for a short while.
    Status remove();

private:
    Cgroup(const CgroupHost& host, std::string path) : host_(&host), path_(std::move(path)) {}
    const CgroupHost* host_;
    std::string path_;
};

}  // namespace sys
