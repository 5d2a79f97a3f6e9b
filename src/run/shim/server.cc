#include "run/shim/server.h"

#include "run/shim/foster.h"
#include "run/shim/spool.h"

#include <csignal>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace run::shim {

using namespace protocol;

namespace {

// An epoll key: what it is, and the place of the process it belongs to.
enum class Source : std::uint32_t { listener, connection, signals, status, out, err, pidfd };
constexpr std::uint64_t key_of(Source source, std::size_t index = 0) {
    return std::uint64_t(source) << 32 | index;
}

// A lighterd that starts anew finds us for this long after the last one left.
constexpr int idle_ms = 2000;

struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int) * (fds_max + 3))];
};

bool may_ask(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.uid == ::geteuid();
}

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

void Server::watch(int fd, std::uint32_t events, std::uint64_t key, bool known) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    ::epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void Server::serve(int folder) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(listener_, EPOLLIN, key_of(Source::listener));
    watch(signals_, EPOLLIN, key_of(Source::signals));
    for (;;) {
        epoll_event events[32];
        int count = ::epoll_wait(epoll_, events, 32, idle() ? (ending_ ? 0 : idle_ms) : -1);
        if (count == 0 && idle()) {
            // Whoever connects from now on finds no socket and starts another shim; who did
            // just before is still served.
            ::unlinkat(folder, "shim.sock", 0);
            accept();
            if (idle()) return;
        }
        for (int i = 0; i < count; ++i)
            event(events[i].data.u64, events[i].events);
        tell();
    }
}

void Server::event(std::uint64_t key, std::uint32_t events) {
    auto source = static_cast<Source>(key >> 32);
    Process& process = table_.at(key & 0xffff);
    switch (source) {
    case Source::listener:
        accept();
        break;
    case Source::connection:
        blocked_ = false;
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
        break;
    case Source::signals:
        signal();
        break;
    case Source::status:
        if (process.state == State::starting) read_status(process);
        break;
    case Source::out:
    case Source::err:
        spool_one(process, source == Source::out ? 0 : 1);
        break;
    case Source::pidfd:
        if (process.state == State::running && process.pidfd >= 0) fostered_ended(process);
        break;
    }
}

// ---- The connection ----

void Server::accept() {
    int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) return;
    // The one before may have died without our having heard of it yet.
    if (connection_ >= 0) receive();
    if (connection_ >= 0 || !may_ask(connection)) {
        ::close(connection);
        return;
    }
    connection_ = connection;
    blocked_ = false;
    watch(connection_, EPOLLIN, key_of(Source::connection));
}

void Server::disconnect() {
    close_fd(connection_);
    listing_ = false;
    for (std::size_t i = 0; i < table_.end(); ++i) {
        Process& process = table_.at(i);
        if (process.state == State::failed && (process.due & due_failed) != 0)
            table_.give_back(process);
        else
            process.due = 0;
    }
    spool_all(true);
}

void Server::receive() {
    while (connection_ >= 0) {
        Request asked;
        Control control;
        iovec part{&asked, sizeof asked};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        ssize_t got = ::recvmsg(connection_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        // A daemon that died with replies unread resets the connection (unix(7)): the kernel says so
        // once, and what it had asked for before is still to be read.
        if (got < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
        if (got < 0 && errno == EAGAIN) return;
        int fds[fds_max + 3];
        std::size_t fd_count = 0;
        for (cmsghdr* head = CMSG_FIRSTHDR(&message); got >= 0 && head != nullptr;
             head = CMSG_NXTHDR(&message, head)) {
            if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
            fd_count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            std::memcpy(fds, CMSG_DATA(head), fd_count * sizeof(int));
        }
        bool good = got == ssize_t(sizeof asked) && asked.version == version &&
                    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
                    std::memchr(asked.id, 0, sizeof asked.id) != nullptr;
        if (good) request(asked, fds, fd_count);
        for (std::size_t i = 0; i < fd_count; ++i)
            ::close(fds[i]);
        // The end, or somebody who speaks something else.
        if (!good) disconnect();
    }
}

void Server::request(const Request& asked, const int* fds, std::size_t fd_count) {
    Process* process = asked.id[0] == 0 ? nullptr : table_.find(asked.id);
    switch (asked.type) {
    case Type::hello:
        spool_all(false);
        listing_ = true;
        for (std::size_t i = 0; i < table_.end(); ++i) {
            Process& listed = table_.at(i);
            if (listed.state == State::running || listed.state == State::ended)
                listed.due = due_listed;
        }
        break;
    case Type::start:
        start(asked, fds, fd_count);
        break;
    case Type::close_stdin:
        if (process != nullptr) close_fd(process->stdin_);
        break;
    case Type::acknowledge:
        if (process != nullptr && process->state == State::ended) table_.give_back(*process);
        break;
    case Type::foster:
        if (process == nullptr) foster(asked, fds, fd_count);
        break;
    default:
        break;
    }
}

void Server::foster(const Request& asked, const int* fds, std::size_t fd_count) {
    Process* process = asked.id[0] == 0 ? nullptr : table_.take();
    if (process == nullptr) return;
    std::memcpy(process->id, asked.id, sizeof process->id);
    if (!take_fostered(*process, asked, fds, fd_count)) {
        table_.give_back(*process);
        return;
    }
    watch(process->pidfd, EPOLLIN, key_of(Source::pidfd, table_.index(*process)));
}

void Server::start(const Request& asked, const int* fds, std::size_t fd_count) {
    Reply refusal;
    std::memcpy(refusal.id, asked.id, sizeof refusal.id);
    refusal.step = Step::receive;
    Process* process = nullptr;
    if (asked.id[0] == 0 || table_.find(asked.id) != nullptr)
        refusal.error = EEXIST;
    else if ((process = table_.take()) == nullptr)
        refusal.error = EUSERS;
    if (process == nullptr) {
        // Not a process yet, so there is no place to remember that this is to be told.
        if (send(refusal, nullptr, 0) < 0) disconnect();
        return;
    }
    std::memcpy(process->id, asked.id, sizeof process->id);
    if (start_process(tools_, table_, *process, fds, fd_count)) {
        watch(process->status, EPOLLIN, key_of(Source::status, table_.index(*process)));
        return;
    }
    process->state = State::failed;
    process->due = due_failed;
}

// ---- The children ----

// The end of the pipe without a word: exec was done.
void Server::read_status(Process& process) {
    Failure failure;
    ssize_t got = ::read(process.status, &failure, sizeof failure);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close_fd(process.status);
    if (got == 0) {
        process.state = State::running;
        process.due = due_started;
        if (connection_ < 0) {
            process.due = 0;
            spool_all(true);
        }
        return;
    }
    failure.text[sizeof failure.text - 1] = 0;
    process.failure = failure;
    if (got != ssize_t(sizeof failure)) process.failure.error = EPROTO;
    process.state = State::failed;
    // Told when it is reaped: then its mounts and its place in the cgroup are free again.
    close_fd(process.mount_namespace);
}

void Server::signal() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == ssize_t(sizeof info))
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) ending_ = true;
    reap();
}

void Server::reap() {
    for (;;) {
        int status = 0;
        pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return;
        Process* process = table_.find(pid);
        if (process == nullptr) continue;
        if (process->state == State::starting) read_status(*process);
        if (process->state == State::starting) {
            // Killed on its way to exec, while something that it started holds the pipe.
            process->failure.error = EINTR;
            process->state = State::failed;
        }
        process->pid = 0;
        if (process->state == State::failed) {
            if (connection_ >= 0)
                process->due = due_failed;
            else
                table_.give_back(*process);
            continue;
        }
        ended(*process, status);
    }
}

void Server::fostered_ended(Process& process) {
    int status = fostered_status(process.pidfd);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, process.pidfd, nullptr);
    close_fd(process.pidfd);
    ended(process, status);
}

void Server::ended(Process& process, int wait_status) {
    process.pid = 0;
    process.wait_status = wait_status;
    process.time_ns = now_ns();
    process.state = State::ended;
    if (connection_ < 0)
        close_fd(process.mount_namespace);
    else if ((process.due & due_listed) == 0)
        process.due |= due_exited;
}

// ---- What is to be told ----

void Server::tell() {
    if (connection_ < 0 || blocked_) return;
    bool starting = false;
    for (std::size_t i = 0; i < table_.end(); ++i) {
        starting = starting || table_.at(i).state == State::starting;
        if (table_.at(i).due != 0 && !tell(table_.at(i))) return;
    }
    // A start that the last lighterd asked for belongs into the list, so it is waited for.
    if (listing_ && !starting) {
        Reply end;
        end.type = Type::list_end;
        if (send(end, nullptr, 0) == 0) listing_ = false;
    }
    if (!blocked_ && connection_ >= 0)
        watch(connection_, EPOLLIN, key_of(Source::connection), true);
}

bool Server::tell(Process& process) {
    constexpr struct {
        Due due;
        Type type;
    } order[] = {{due_listed, Type::listed},
                 {due_started, Type::started},
                 {due_failed, Type::failed},
                 {due_exited, Type::exited}};
    for (auto [due, type] : order) {
        if ((process.due & due) == 0) continue;
        // During a listing a started process is a listed one.
        if (reply(process, type) < 0) return false;
        process.due = static_cast<std::uint8_t>(process.due & ~due);
        if (due == due_failed) {
            table_.give_back(process);
            return true;
        }
        if (process.state == State::ended && due != due_started) close_fd(process.mount_namespace);
    }
    return true;
}

int Server::reply(const Process& process, Type type) {
    Reply answer;
    answer.type = type == Type::started && listing_ ? Type::listed : type;
    std::memcpy(answer.id, process.id, sizeof answer.id);
    answer.pid = process.pid;
    answer.ended = process.state == State::ended ? 1 : 0;
    answer.wait_status = process.wait_status;
    answer.time_ns = process.time_ns;
    if (type == Type::failed) {
        answer.step = process.failure.step;
        answer.error = process.failure.error;
        std::memcpy(answer.text, process.failure.text, sizeof answer.text);
        return send(answer, nullptr, 0);
    }
    int fds[reply_fds_max];
    std::size_t count = 0;
    auto give = [&](std::uint32_t bit, int fd) {
        if (fd < 0) return;
        answer.fds |= bit;
        fds[count++] = fd;
    };
    Held pidfd;
    if (type != Type::exited) {
        if (process.pidfd >= 0)
            pidfd.reset(result(::fcntl(process.pidfd, F_DUPFD_CLOEXEC, 3)));
        else if (process.pid > 0)
            pidfd.reset(result(::syscall(SYS_pidfd_open, process.pid, 0)));
        give(fd_pidfd, pidfd.get());
        give(fd_pty, process.terminal ? process.out[0].fd : -1);
        give(fd_stdin, process.stdin_);
        give(fd_stdout, process.terminal ? -1 : process.out[0].fd);
        give(fd_stderr, process.out[1].fd);
        if (has_spool(process)) give(fd_spool, process.spool);
    }
    if (process.state == State::ended) give(fd_mount_namespace, process.mount_namespace);
    return send(answer, fds, count);
}

int Server::send(const Reply& reply, const int* fds, std::size_t fd_count) {
    if (connection_ < 0) return -ENOTCONN;
    Control control;
    iovec part{const_cast<Reply*>(&reply), sizeof reply};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        std::memset(control.bytes, 0, message.msg_controllen);
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        std::memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
    }
    int sent = result(::sendmsg(connection_, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
    if (sent >= 0) return 0;
    // Full (ETOOMANYREFS: of descriptors under way): told when there is room. Anything else is the
    // end of the connection, which its next event tells.
    blocked_ = true;
    bool full = sent == -EAGAIN || sent == -ETOOMANYREFS;
    watch(connection_, full ? EPOLLIN | EPOLLOUT : EPOLLIN, key_of(Source::connection), true);
    return sent;
}

// ---- The spool ----

void Server::spool_all(bool on) {
    for (std::size_t i = 0; i < table_.end(); ++i) {
        Process& process = table_.at(i);
        if (process.state != State::running && process.state != State::ended) continue;
        for (int index = 0; index < 2; ++index) {
            Output& output = process.out[index];
            if (output.fd < 0 || output.watched == on) continue;
            output.watched = on;
            if (on)
                watch(output.fd, EPOLLIN, key_of(index == 0 ? Source::out : Source::err, i));
            else
                ::epoll_ctl(epoll_, EPOLL_CTL_DEL, output.fd, nullptr);
        }
    }
}

void Server::spool_one(Process& process, int index) {
    Output& output = process.out[index];
    if (!output.watched) return;
    // lighterd set O_NONBLOCK on the pipes it had; those it never saw still block, so only what
    // epoll has announced is read.
    switch (spool(process, index)) {
    case Spooled::more:
        break;
    case Spooled::full:
        output.watched = false;
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, output.fd, nullptr);
        break;
    case Spooled::end:
        output.watched = false;
        close_fd(output.fd);
        break;
    }
}

}  // namespace run::shim
