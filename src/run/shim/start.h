// The parent's part of a start: checks the specification, makes the terminal or the pipes, clones.
#pragma once

#include "run/shim/table.h"

namespace run::shim {

// What the shim has in hand for every start.
struct Tools {
    int null = -1;        // /dev/null
    int exe = -1;         // our sealed program
    int proc = -1;        // private procfs of our own pid namespace
    int own_pid_ns = -1;  // to come back from another one
    std::uint64_t files_soft = 0;
    std::uint64_t files_hard = 0;
};

// Starts what fds[0] specifies. True: `process` has a pid and a status pipe. False: its failure is
// set. The descriptors stay the caller's.
bool start_process(const Tools& tools, Table& table, Process& process, const int* fds,
                   std::size_t fd_count);

}  // namespace run::shim
