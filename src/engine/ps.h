// What `ps` says of some processes, read from /proc by the engine itself, which starts no programs:
// the columns and formats people ask `docker top` for, with procps' titles and texts.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "wire/container_info.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::ps {

// One process as /proc has it. Times in clock ticks, sizes in bytes.
struct Process {
    int pid = 0, parent = 0, group = 0, session = 0, terminal = 0, foreground_group = 0;
    char state = '?';
    std::string name;     // comm
    std::string command;  // the command line, words joined by a blank; empty for kernel threads
    std::uint64_t ticks_used = 0, start_ticks = 0;
    std::int64_t nice = 0, priority = 0, threads = 0, processor = 0;
    std::uint64_t virtual_bytes = 0, resident_bytes = 0, locked_bytes = 0;
    std::uint32_t uid_real = 0, uid = 0, gid_real = 0, gid = 0;
};

// What the columns need besides the process.
struct Surroundings {
    Time now;
    std::int64_t uptime_ns = 0;
    std::uint64_t ticks_per_second = 100, memory_bytes = 1;
    std::map<std::uint32_t, std::string> users, groups;
};

struct Column {
    std::string title;
    std::string (*text)(const Process&, const Surroundings&) = nullptr;
};

// The columns of `ps ARGUMENTS`. invalid for an option or column that is not known here, and for
// formats that hide or rename the PID, in Docker's words.
Result<std::vector<Column>> columns(std::string_view arguments);

// /proc/PID/{stat,status,cmdline} as they were read. Nothing for what no kernel writes.
std::optional<Process> parse(std::string_view stat, std::string_view status,
                             std::string_view command_line);

// The rows in the order of their numbers; a process that has ended meanwhile has none. Blocking.
Result<wire::TopResponse> list(const std::vector<Column>& columns, std::vector<int> pids);

}  // namespace engine::ps
