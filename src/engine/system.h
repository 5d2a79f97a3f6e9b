// The engine and its machine as `info` tells about them.
#pragma once

#include "base/error.h"
#include "net/addresses.h"
#include "registry/endpoints.h"
#include "sys/cgroup.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace engine {

// What stays so while we run.
struct HostFacts {
    std::string kernel_version;    // uname's release
    std::string architecture;      // uname's machine: "x86_64"
    std::string operating_system;  // os-release's PRETTY_NAME
    std::string os_version;
    std::string backing_filesystem;  // under the data root: "extfs", "xfs"
    unsigned cpus = 1;
    std::int64_t memory_bytes = 0;
    bool cgroup_v2 = false;
    bool memory_limit = false, swap_limit = false, oom_kill_disable = false, cpu_shares = false,
         cpu_cfs = false, cpu_set = false, pids_limit = false;
    bool seccomp = false, cgroup_namespaces = false;
};

// Blocking (once, at start). `cgroups` may be null: the host has none.
HostFacts read_host(const sys::CgroupHost* cgroups, const std::string& data_root);

// This engine's identity, made when there is none yet in the data root ("engine-id"). Blocking.
Result<std::string> engine_id(const std::string& data_root);

// What the engine fills in when it is asked.
struct SystemInfo {
    HostFacts host;
    std::string id;
    std::size_t containers_running = 0, containers_paused = 0, containers_stopped = 0, images = 0;
    std::size_t events_listeners = 0;
    std::string data_root;
    std::string default_log_driver = "json-file";
    std::string default_runtime = "runc";
    std::map<std::string, std::string> runtimes;  // name to path; the built-in one is added
    std::vector<std::string> labels;
    registry::Settings registries;
    std::vector<net::PoolSpec> address_pools;  // empty: not configured
    std::string http_proxy, https_proxy, no_proxy;
    bool debug = false, live_restore = false, seccomp_unconfined = false;
    std::vector<std::string> warnings;  // of the engine itself; the host's are added
};

// What is missing on this host, in dockerd's words. Reads /proc: quick.
std::vector<std::string> host_warnings(const HostFacts& host);
bool ipv4_forwarding();
std::size_t open_descriptors();
std::string host_name();

}  // namespace engine
