// An owned file descriptor. Everything here opens with O_CLOEXEC: no descriptor of ours may reach a
// container (security-cases L2).
#pragma once

#include <unistd.h>

#include <utility>

#include "base/error.h"

namespace sys {

class Fd {
public:
    Fd() = default;
    // Takes ownership of `fd` (-1: none).
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    // Gives the descriptor away.
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        int old = std::exchange(fd_, fd);
        if (old >= 0) ::close(old);
    }
    // F_DUPFD_CLOEXEC.
    Result<Fd> duplicate() const;

private:
    int fd_ = -1;
};

}  // namespace sys

using sys::Fd;
