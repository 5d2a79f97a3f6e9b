// What goes into a start and what comes back: the values between the engine, the preparation (a
// worker) and the shim's client (the loop).
#pragma once

#include "base/time.h"
#include "run/spec.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace run {

// Descriptors a start needs; all are given away.
struct StartFds {
    Fd rootfs;             // detached mount (sys::mount_overlay)
    Fd network_namespace;  // for Namespace::join
    Fd pid_namespace;
    Fd ipc_namespace;
    Fd uts_namespace;
    // Sources of bind mounts: index into ContainerSpec::mounts, a detached mount
    // (sys::clone_mount). A bind without one is opened from its source path by prepare().
    std::vector<std::pair<std::size_t, Fd>> mount_sources;
};

// A start ready to be sent: the sealed specification, its descriptors, the cgroup it will be in.
struct Prepared {
    std::string id;
    Fd spec;
    std::vector<Fd> fds;
    bool exec = false;  // into a container that runs; its failures have other words
};

// Makes everything that can fail outside of the shim: opens bind sources, the cgroup's attach
// points, encodes. Blocking (heavy lane). `cgroup` was made by sys::Cgroup::create.
Result<Prepared> prepare(ContainerSpec spec, StartFds fds, const sys::CgroupHost& host,
                         const sys::Cgroup& cgroup);

// A further process in the container `container_id`, whose first process `pidfd` names: its
// namespaces and its cgroup are joined. `id` names the process towards the shim, `seccomp` as in
// Linux. A working directory that is not there is not made but refused.
Result<Prepared> prepare_exec(std::string id, std::string container_id, Process process,
                              std::string seccomp, Fd pidfd, const sys::CgroupHost& host,
                              const sys::Cgroup& cgroup);

struct ExitStatus {
    int code = 0;    // exit code, or 128 + signal
    int signal = 0;  // 0: it exited by itself
    Time time;
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// The daemon's ends of a running container. With a terminal `pty` is its master and the others are
// empty; else stdin_ is empty unless open_stdin was asked for.
struct Console {
    Fd pty;
    Fd stdin_;
    Fd stdout_;
    Fd stderr_;
};

struct Started {
    pid_t pid = 0;
    Fd pidfd;
    Console console;
};

// A container that the shim held while no daemon was connected.
struct Adopted {
    std::string id;
    pid_t pid = 0;
    Fd pidfd;
    Console console;
    Fd spool;  // output of the meantime (run/spool.h reads it); empty: none
    bool ended = false;
    ExitStatus exit;
};

// An end, as the shim saw it. mount_namespace keeps the container's mounts alive until dropped:
// drop it in a worker, after the end was told (it costs milliseconds).
struct Ended {
    std::string id;
    ExitStatus exit;
    Fd mount_namespace;
};

}  // namespace run
