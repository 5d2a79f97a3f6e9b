// Exec: the bodies of its calls and what inspect tells. Shapes only.
#pragma once

#include "codec/json.h"
#include "wire/container.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wire {

using ConsoleSize = std::vector<std::uint64_t>;  // height, width; else empty

// POST /containers/{id}/exec
struct ExecConfig {
    std::string user;
    bool privileged = false, tty = false;
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false, detach = false;
    ConsoleSize console_size;
    std::string detach_keys, working_dir;
    Strings env;
    Words cmd;
};
struct ExecCreated {
    std::string id;
};

// POST /exec/{id}/start
struct ExecStart {
    bool detach = false, tty = false;
    ConsoleSize console_size;
};

// GET /exec/{id}/json
struct ExecProcess {
    bool tty = false;
    std::string entrypoint;
    Strings arguments;
    bool privileged = false;
    std::string user;
};
struct ExecInspect {
    std::string id;
    bool running = false;
    std::optional<std::int64_t> exit_code;  // null: has not ended
    ExecProcess process;
    bool open_stdin = false, open_stderr = false, open_stdout = false, can_remove = false;
    std::string container_id, detach_keys;  // keys: their bytes in base64
    std::int64_t pid = 0;
};

const json::Table& json_table(const ExecConfig*);
const json::Table& json_table(const ExecCreated*);
const json::Table& json_table(const ExecStart*);
const json::Table& json_table(const ExecProcess*);
const json::Table& json_table(const ExecInspect*);

}  // namespace wire
