// What is kept of an exec while this machine is up: a small file per exec below the exec root, so
// that a daemon that starts anew knows what the processes are that the shim holds.
#pragma once

#include "base/time.h"
#include "wire/exec.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace engine {

struct ExecRecord {
    std::string id, container_id;
    wire::ExecConfig config;
    bool check = false;    // of a container's health: it does not outlive the engine that asked for it
    bool started = false;  // a start was begun: there is no second one
    std::optional<std::int64_t> exit_code;
    Time ended_at;
};

const json::Table& json_table(const ExecRecord*);

// invalid "No exec command specified".
Status check_command(const wire::ExecConfig& config);

// Of `<exec root>/execs` (kept_files.h): all that can be read and are no checks; others are removed.
// Blocking.
Result<std::vector<ExecRecord>> read_execs(const std::string& folder);

}  // namespace engine
