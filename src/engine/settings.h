// What daemon.json says about every container: filled in once by the daemon.
#pragma once

#include "wire/container.h"

#include <set>
#include <string>
#include <vector>

namespace engine {

struct ContainerSettings {
    std::string log_driver = "json-file";
    wire::StringMap log_options;
    std::string cgroup_parent = "lighter";
    std::uint64_t shm_bytes = 64 * 1024 * 1024;
    std::vector<wire::Ulimit> ulimits;
    std::string ipc_mode = "private";
    std::string cgroupns_mode;  // "": private on cgroup v2, host on v1
    std::string runtime = "runc";
    std::set<std::string> other_runtimes;  // known by name, and not usable yet
    bool init = false;
    bool no_new_privileges = false;
    std::string seccomp_profile;  // "": Docker's; "unconfined"; or JSON
    std::int64_t stop_timeout_s = 10;
    std::int64_t shutdown_timeout_s = 15;  // negative: as long as it takes
};

}  // namespace engine
