// Waiting until a file descriptor is readable or writable, without touching its bytes.
#pragma once

#include "loop/loop.h"
#include "loop/wait.h"

#include <memory>

namespace loop {

// Watches one descriptor, which it does not own and which must stay open until the Poll is dropped.
// Sets O_NONBLOCK on it. Any number of tasks may wait.
class Poll {
public:
    Poll(Loop& loop, int fd);
    ~Poll();
    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;

    // False for regular files and the like, which epoll(7) refuses: they are always ready.
    bool pollable() const;

    // Data, end of file, or an error to fetch by read(2). A pidfd gets readable when its process
    // ends.
    Task<Status> readable();
    Task<Status> writable();
    // The peer has closed or half-closed its side (EPOLLRDHUP), read or not.
    Task<Status> hung_up();
    // Ends all waits with Kind::cancelled and forgets the descriptor, which may be closed then.
    void stop();

private:
    struct State;
    Task<Status> wait(WaitList& list);
    std::unique_ptr<State> state_;
};

}  // namespace loop
