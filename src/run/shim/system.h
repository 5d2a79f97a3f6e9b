// System calls and small helpers of the shim: libc only, nothing allocates, errors are -errno.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace run::shim {

// The value of a system call, or -errno.
inline int result(long value) {
    return value < 0 ? -errno : static_cast<int>(value);
}

inline void close_fd(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
}

// A descriptor of one function. (sys::Fd brings std::string along.)
class Held {
public:
    explicit Held(int fd = -1) : fd_(fd) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { close_fd(fd_); }
    int get() const { return fd_; }
    bool good() const { return fd_ >= 0; }
    int release() {
        int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd) {
        close_fd(fd_);
        fd_ = fd;
    }

private:
    int fd_;
};

// `path` below `folder`; `resolve` are RESOLVE_*. O_CLOEXEC is added.
inline int open2(int folder, const char* path, std::uint64_t flags, std::uint64_t resolve,
                 std::uint64_t mode = 0) {
    open_how how{.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    for (;;) {
        // EAGAIN: something was renamed while ".." was resolved.
        int fd = result(::syscall(SYS_openat2, folder, path, &how, sizeof how));
        if (fd != -EAGAIN) return fd;
    }
}

// As a process inside the container would find it, links included.
inline int open_in_root(int root, const char* path, std::uint64_t flags) {
    return open2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}
// The same where no link is expected.
inline int open_plainly(int root, const char* path, std::uint64_t flags) {
    return open2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

// A writer of short texts into a fixed buffer; what does not fit is cut.
class TextBuffer {
public:
    TextBuffer(char* bytes, std::size_t size) : bytes_(bytes), size_(size) { bytes_[0] = 0; }
    TextBuffer& add(const char* text) {
        while (*text != 0 && used_ + 1 < size_)
            bytes_[used_++] = *text++;
        bytes_[used_] = 0;
        return *this;
    }
    TextBuffer& add_number(long value) {
        char digits[24];
        int count = 0;
        bool negative = value < 0;
        unsigned long rest =
            negative ? 0UL - static_cast<unsigned long>(value) : static_cast<unsigned long>(value);
        do {
            digits[count++] = static_cast<char>('0' + rest % 10);
            rest /= 10;
        } while (rest != 0);
        if (negative) digits[count++] = '-';
        while (count > 0) {
            char one[2] = {digits[--count], 0};
            add(one);
        }
        return *this;
    }
    const char* text() const { return bytes_; }
    std::size_t size() const { return used_; }

private:
    char* bytes_;
    std::size_t size_;
    std::size_t used_ = 0;
};

}  // namespace run::shim
