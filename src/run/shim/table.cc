#include "run/shim/table.h"

#include <cstring>
#include <new>

namespace run::shim {

void Process::release() {
    close_fd(status);
    close_fd(pidfd);
    close_fd(stdin_);
    for (Output& output : out)
        close_fd(output.fd);
    close_fd(mount_namespace);
    close_fd(devpts);
    close_fd(spool);
    *this = Process();
}

Process* Table::take() {
    for (std::size_t place = 0; place < protocol::processes_max; ++place) {
        if (at(place).state != State::free) continue;
        auto* process = new (&at(place)) Process;
        ++used_;
        if (place >= end_) end_ = place + 1;
        process->state = State::starting;
        return process;
    }
    return nullptr;
}

void Table::give_back(Process& process) {
    process.release();
    --used_;
    while (end_ > 0 && at(end_ - 1).state == State::free)
        --end_;
}

Process* Table::find(const char* id) {
    for (std::size_t i = 0; i < end_; ++i)
        if (at(i).state != State::free && std::strcmp(at(i).id, id) == 0) return &at(i);
    return nullptr;
}

Process* Table::find(pid_t pid) {
    for (std::size_t i = 0; i < end_; ++i)
        if (at(i).state != State::free && at(i).pidfd < 0 && at(i).pid == pid) return &at(i);
    return nullptr;
}

}  // namespace run::shim
