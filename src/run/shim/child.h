// What happens between clone and exec, in the child: the container is built around the process,
// then the process becomes who it is to be. Every failure goes to the Reporter with its Step.
#pragma once

#include "run/protocol.h"
#include "run/shim/report.h"

namespace run::shim {

// All that a child needs. It lives in the parent's memory, of which the child has a copy.
struct Start {
    protocol::View view;
    const int* fds = nullptr;  // those the specification names
    int status = -1;           // Reporter's pipe
    int stdio[3] = {-1, -1, -1};
    int devpts = -1;  // a detached mount of the container's own devpts
    int exe = -1;     // our own sealed program, for --init
    // What the shim was started with; a container inherits its caller's limits, not ours.
    std::uint64_t files_soft = 0;
    std::uint64_t files_hard = 0;
};

// Names of what stands in the shim's own root, which a child starts in.
inline constexpr char null_device[] = "/null";
inline constexpr char root_folder[] = "/root";

// The whole of it; ends in exec.
[[noreturn]] void run_child(const Start& start);

// child_container.cc: cgroup, namespaces, host name, /proc, the rootfs with all mounts, pivot.
void enter_cgroup(const Start& start, const Reporter& report);
void join_namespaces(const Start& start, const Reporter& report);
void join_container(const Start& start, const Reporter& report);
void build_root(const Start& start, const Reporter& report);
// child_process.cc: limits, stdio, user, capabilities, cwd, exec.
void take_stdio(const Start& start, Reporter& report);
[[noreturn]] void become(const Start& start, const Reporter& report);

}  // namespace run::shim
