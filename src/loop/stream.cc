#include "loop/stream.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace loop {

Task<Status> Stream::write_all(std::vector<Slice> parts) {
    for (Slice& part : parts)
        CO_TRY_DO(co_await write(std::move(part)));
    co_return Status();
}

Task<Status> Stream::readable() {
    co_return Error(Kind::unsupported, "this stream has no descriptor");
}

namespace {

// A stream that is always ready must not starve the others.
constexpr int ready_calls_max = 16;
constexpr std::size_t vectors_max = 64;

class FdStream final : public Stream {
public:
    FdStream(Loop& loop, Fd fd)
        : loop_(loop), fd_(std::move(fd)), poll_(std::make_unique<Poll>(loop, fd_.get())) {
        struct stat info {};
        socket_ = ::fstat(fd_.get(), &info) == 0 && S_ISSOCK(info.st_mode);
    }

    Task<Result<Slice>> read() override {
        CO_TRY_DO(co_await take_turn());
        for (;;) {
            if (!fd_) co_return cancelled_error();
            // The slab is taken only when there is something to put into it: idle connections hold
            // none.
            Slab* slab = Slab::make();
            ssize_t got = ::read(fd_.get(), slab->data(), slab->capacity());
            int failed = errno;
            if (got > 0) co_return shrink(Slice(slab, 0, static_cast<std::size_t>(got)));
            slab->release();
            if (got == 0 || failed == EIO)
                co_return Slice();  // EIO: the pty's last slave was closed
            if (failed == EINTR) continue;
            if (failed != EAGAIN) co_return base::errno_error(failed, "read");
            ready_calls_ = 0;
            CO_TRY_DO(co_await poll_->readable());
        }
    }

    Task<Status> write(Slice bytes) override {
        std::size_t done = 0;
        CO_TRY_DO(co_await take_turn());
        while (done < bytes.size()) {
            if (!fd_) co_return cancelled_error();
            ssize_t taken = put(bytes.data() + done, bytes.size() - done);
            if (taken >= 0) {
                done += static_cast<std::size_t>(taken);
                continue;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) co_return base::errno_error(errno, "write");
            CO_TRY_DO(co_await poll_->writable());
        }
        co_return Status();
    }

    Task<Status> write_all(std::vector<Slice> parts) override {
        std::size_t first = 0;
        CO_TRY_DO(co_await take_turn());
        for (;;) {
            while (first < parts.size() && parts[first].empty())
                ++first;
            if (first == parts.size()) co_return Status();
            if (!fd_) co_return cancelled_error();
            ssize_t taken = gather(parts, first);
            if (taken < 0 && errno == EINTR) continue;
            if (taken < 0 && errno != EAGAIN) co_return base::errno_error(errno, "write");
            if (taken < 0) CO_TRY_DO(co_await poll_->writable());
            for (auto left = static_cast<std::size_t>(std::max<ssize_t>(taken, 0)); left > 0;) {
                std::size_t part = std::min(left, parts[first].size());
                parts[first] = parts[first].cut(part);
                left -= part;
                if (parts[first].empty()) ++first;
            }
        }
    }

    Task<Status> shutdown() override {
        if (!fd_) co_return cancelled_error();
        if (socket_) {
            if (::shutdown(fd_.get(), SHUT_WR) != 0 && errno != ENOTCONN)
                co_return base::errno_error(errno, "shutdown");
        } else {
            drop();  // a pipe has one direction: its end is told by closing it
        }
        co_return Status();
    }

    Task<Status> hung_up() override {
        if (!fd_) co_return cancelled_error();
        co_return co_await poll_->hung_up();
    }

    Task<Status> readable() override {
        if (!fd_) co_return cancelled_error();
        ready_calls_ = 0;
        co_return co_await poll_->readable();
    }

    void close() override {
        if (!fd_) return;
        if (socket_)
            ::shutdown(fd_.get(), SHUT_RDWR);  // wakes whoever waits; the descriptor stays ours
        drop();
    }

    int fd() const override { return fd_.get(); }

private:
    void drop() {
        // Order matters: epoll must forget the descriptor before its number can be reused. The Poll
        // object stays until we go, tasks may still be waiting in it.
        poll_->stop();
        fd_.reset();
    }
    Task<Status> take_turn() {
        if (++ready_calls_ >= ready_calls_max) {
            ready_calls_ = 0;
            co_await loop_.yield();
        }
        Stop* stop = co_await this_stop();
        if (stop != nullptr && stop->requested()) co_return cancelled_error();
        co_return Status();
    }
    ssize_t put(const char* data, std::size_t size) {
        // MSG_NOSIGNAL exists for sockets only; the programs ignore SIGPIPE for the rest.
        return socket_ ? ::send(fd_.get(), data, size, MSG_NOSIGNAL)
                       : ::write(fd_.get(), data, size);
    }
    ssize_t gather(std::vector<Slice>& parts, std::size_t first) {
        iovec vectors[vectors_max];
        std::size_t count = 0;
        for (std::size_t i = first; i < parts.size() && count < vectors_max; ++i)
            vectors[count++] = {const_cast<char*>(parts[i].data()), parts[i].size()};
        if (!socket_) return ::writev(fd_.get(), vectors, static_cast<int>(count));
        msghdr message{};
        message.msg_iov = vectors;
        message.msg_iovlen = count;
        return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    }
    // A few bytes must not pin 64 KiB while they wait in somebody's queue.
    static Slice shrink(Slice slice) {
        constexpr std::size_t small_bytes = 2048;
        if (slice.size() > small_bytes) return slice;
        return Slice::copy_of(slice.view());
    }

    Loop& loop_;
    Fd fd_;
    std::unique_ptr<Poll> poll_;
    bool socket_ = false;
    int ready_calls_ = 0;
};

// One direction of an in-memory pair.
struct Pipe {
    Pipe(Loop& loop, std::size_t bytes) : readable(loop), writable(loop), capacity(bytes) {}
    WaitList readable;
    WaitList writable;
    std::vector<Slice> queue;
    std::size_t queued = 0;
    std::size_t capacity;
    bool ended = false;   // the writer is done
    bool broken = false;  // one side has closed
    void end() {
        ended = true;
        readable.wake_all();
    }
    void break_off() {
        broken = true;
        readable.wake_all();
        writable.wake_all();
    }
};

class MemoryStream final : public Stream {
public:
    // Both ends share both pipes: either may outlive the other.
    MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
        : in_(std::move(in)), out_(std::move(out)) {}
    ~MemoryStream() override { close(); }

    Task<Result<Slice>> read() override {
        std::shared_ptr<Pipe> in = in_;
        while (in->queue.empty() && !in->ended && !in->broken)
            CO_TRY_DO(co_await in->readable.wait());
        if (closed_) co_return cancelled_error();
        if (in->queue.empty()) co_return Slice();
        Slice first = std::move(in->queue.front());
        in->queue.erase(in->queue.begin());
        in->queued -= first.size();
        in->writable.wake_all();
        co_return first;
    }
    Task<Status> write(Slice bytes) override {
        std::shared_ptr<Pipe> out = out_;
        while (!bytes.empty()) {
            while (out->queued >= out->capacity && !out->broken)
                CO_TRY_DO(co_await out->writable.wait());
            if (closed_) co_return cancelled_error();
            if (out->broken || out->ended) co_return base::errno_error(EPIPE, "write");
            Slice part = bytes.cut(0, out->capacity - out->queued);
            bytes = bytes.cut(part.size());
            out->queued += part.size();
            out->queue.push_back(std::move(part));
            out->readable.wake_all();
        }
        co_return Status();
    }
    Task<Status> shutdown() override {
        out_->end();
        co_return Status();
    }
    Task<Status> hung_up() override {
        std::shared_ptr<Pipe> in = in_;
        while (!in->ended && !in->broken)
            CO_TRY_DO(co_await in->readable.wait());
        co_return Status();
    }
    void close() override {
        closed_ = true;
        in_->break_off();
        out_->end();
        out_->break_off();
    }

private:
    std::shared_ptr<Pipe> in_;
    std::shared_ptr<Pipe> out_;
    bool closed_ = false;
};

}  // namespace

std::unique_ptr<Stream> stream_of(Loop& loop, Fd fd) {
    return std::make_unique<FdStream>(loop, std::move(fd));
}

Result<Fd> reopen_stdio(int fd, bool for_writing) {
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    struct stat info {};
    if (::fstat(fd, &info) != 0) return base::errno_error(errno, "standard stream");
    if (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)) {
        int opened =
            ::open(path.c_str(), (for_writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
        if (opened >= 0) return Fd(opened);
    }
    int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return base::errno_error(errno, "duplicate a standard stream");
    return Fd(copy);
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> stream_pair(Loop& loop,
                                                                        std::size_t capacity) {
    auto there = std::make_shared<Pipe>(loop, capacity);
    auto back = std::make_shared<Pipe>(loop, capacity);
    return {std::make_unique<MemoryStream>(back, there),
            std::make_unique<MemoryStream>(there, back)};
}

}  // namespace loop
