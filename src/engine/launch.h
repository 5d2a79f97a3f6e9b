// From a record to a start that the shim can make: the files of /etc, the root file system, the
// cgroup and the specification. Everything here blocks and belongs on a worker.
#pragma once

#include "engine/mounts.h"
#include "engine/record.h"
#include "engine/settings.h"
#include "run/container.h"
#include "run/spec.h"
#include "sys/cgroup.h"

#include <optional>
#include <string>
#include <vector>

namespace engine {

// What a start needs besides the record; values, so that it can cross to a worker.
struct LaunchPlan {
    ContainerRecord record;
    std::vector<UserMount> mounts;
    std::string folder;               // containers/<id>
    std::string etc_folder;           // where hosts and resolv.conf lie: another's with container:
    std::vector<std::string> lowers;  // diff folders, topmost first
    std::string cgroup_path;          // below every hierarchy
    std::string hosts, resolv_conf;   // contents; empty: this file is not mounted
    std::string hostname;             // as the process sees it
    Fd network_namespace;             // none: the host's, or the record says container:<id>
    bool host_network = false;
    pid_t network_of = 0, pid_of = 0;  // a process whose namespace is joined; 0: none
    ContainerSettings settings;
};

struct Launch {
    run::Prepared prepared;
    sys::Cgroup cgroup;
};

// On failure nothing stays but files in the container's folder.
Result<Launch> prepare_launch(LaunchPlan plan, const sys::CgroupHost* cgroups);

// The pure parts, for tests.
run::Resources resources_of(const wire::HostConfig& host);
// Of a process in a container with this Env; `tty`: it has a terminal.
std::vector<std::string> environment_of(const wire::Strings& own, bool tty,
                                        const std::string& hostname);
// Variables of `more` take the place of those of the same name; "NAME" alone takes one away.
void merge_environment(std::vector<std::string>& env, const wire::Strings& more);
// What Docker stores for a start that failed, by the words of the failure: 127, 126 or `other`.
std::int64_t start_failure_code(const std::string& message, std::int64_t other);
Result<std::vector<run::Rlimit>> rlimits_of(const wire::HostConfig& host);

}  // namespace engine
