// The processes the shim is the parent of, in fixed places. A place is zeros until it is taken for
// the first time, so that the table costs the memory of what is in use.
#pragma once

#include "run/protocol.h"
#include "run/shim/system.h"

namespace run::shim {

enum class State : std::uint8_t { free, starting, failed, running, ended };

// What is still to be told to lighterd about a process.
enum Due : std::uint8_t { due_listed = 1, due_started = 2, due_failed = 4, due_exited = 8 };

struct Output {
    int fd = -1;           // pty master or read end of a pipe: our duplicate
    bool watched = false;  // spooled at the moment
};

struct Process {
    State state = State::free;
    std::uint8_t due = 0;
    char id[protocol::id_bytes_max + 1] = {};
    pid_t pid = 0;    // 0 after it was reaped
    int pidfd = -1;   // of one that another shim had started: no child of ours
    int status = -1;  // starting: what a failing child has to say
    int stdin_ = -1;
    Output out[2];  // pty or stdout; stderr
    bool terminal = false;
    int mount_namespace = -1;
    int devpts = -1;
    int spool = -1;
    int wait_status = 0;
    std::int64_t time_ns = 0;
    protocol::Failure failure;

    void release();
};

class Table {
public:
    // A free place, or null when all are taken.
    Process* take();
    void give_back(Process& process);
    Process* find(const char* id);
    // A child of ours.
    Process* find(pid_t pid);
    Process& at(std::size_t index) { return reinterpret_cast<Process*>(places_)[index]; }
    std::size_t index(const Process& process) const {
        return static_cast<std::size_t>(&process - reinterpret_cast<const Process*>(places_));
    }
    std::size_t used() const { return used_; }
    // One past the last place that is taken.
    std::size_t end() const { return end_; }

private:
    static_assert(State::free == State{});
    alignas(Process) unsigned char places_[sizeof(Process) * protocol::processes_max];
    std::size_t used_ = 0;
    std::size_t end_ = 0;
};

}  // namespace run::shim
