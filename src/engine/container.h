// One container in memory: its record, what runs of it, and who waits for what becomes of it.
#pragma once

#include "engine/console.h"
#include "engine/record.h"
#include "loop/poll.h"
#include "loop/timer.h"
#include "loop/wait.h"
#include "run/container.h"
#include "sys/cgroup.h"

#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>

namespace engine {

// Shared by the index and by the tasks that act on the container: one may end after its removal.
struct Container {
    // `folder` is where its files lie.
    Container(Loop& loop, Workers& workers, ContainerRecord kept, std::string folder)
        : record(std::move(kept)), console(loop, workers, std::move(folder)), changing(loop),
          changed(loop) {}

    ContainerRecord record;
    Console console;

    // While it runs.
    bool running = false;
    bool paused = false;
    pid_t pid = 0;
    Fd pidfd;
    std::optional<sys::Cgroup> cgroup;
    std::uint64_t oom_kills = 0;     // of the cgroup that were told
    loop::Poll* oom_poll = nullptr;  // who waits for more, of a task that ends with the run

    // Start, the recording of an end, rename and removal: one at a time.
    loop::Mutex changing;
    // Woken when any of what follows changes, and with `running`.
    loop::WaitList changed;
    std::uint64_t exits = 0;      // runs that have ended since the engine knows it
    bool ending = false;          // the process has ended, the record does not say so yet
    bool restarting = false;      // its policy will start it again
    bool removing = false;        // a removal is under way
    bool removed = false;         // gone from the index
    bool dead = false;            // a removal failed half way
    bool kept = false;            // restart() is at work: --rm does not remove it at this end
    bool stop_requested = false;  // an end now is wished for: no restart
    loop::Milliseconds backoff{0};
    std::optional<loop::Alarm> restart_alarm;

    // created, running, paused, restarting, removing, exited, dead
    std::string state() const {
        if (dead) return "dead";
        if (removing) return "removing";
        if (restarting) return "restarting";
        if (paused) return "paused";
        if (running) return "running";
        return record.started ? "exited" : "created";
    }
    bool is_active() const { return running || restarting; }
    const std::string& id() const { return record.id; }
    // "/name", as messages have it.
    std::string slash_name() const { return "/" + record.name; }
};

inline Error not_running(const Container& container) {
    return Error(Kind::conflict, fmt::format("container {} is not running", container.id()));
}

inline Error is_restarting(const Container& container) {
    return Error(Kind::conflict,
                 fmt::format("container {} is restarting, wait until the container is running",
                             container.id()));
}

using ContainerPtr = std::shared_ptr<Container>;

}  // namespace engine
