// The worker's part of starting an exec: who the process is in the container, and what the shim
// takes.
#pragma once

#include "engine/exec_record.h"
#include "engine/record.h"
#include "engine/security.h"
#include "run/container.h"
#include "sys/cgroup.h"

#include <string>

namespace engine {

inline constexpr std::string_view exec_prefix = "exec-";  // of its name towards the shim

struct ExecPlan {
    run::Process process;  // all but user and capabilities
    std::string id, container_id;
    std::string user;
    std::vector<std::string> group_add;
    Security security;
    bool privileged = false;
    Fd pidfd;  // of the container's first process
    pid_t pid = 0;
    sys::Cgroup cgroup;
    std::string folder, record_json;  // the record, as it is from this start on
};

// What the container gives to every process in it and the exec's own words over it. `pid` and the
// descriptors are the caller's. Pure.
Result<ExecPlan> plan_exec(const ExecRecord& exec, const ContainerRecord& container,
                           const std::string& hostname, const ContainerSettings& settings,
                           sys::Cgroup cgroup);
// Blocking.
Result<run::Prepared> prepare_exec_launch(ExecPlan plan, const sys::CgroupHost* cgroups);

}  // namespace engine
