#include "run/shim_socket.h"

#include "loop/poll.h"
#include "run/shim_client.h"

#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace run {

using namespace protocol;

namespace {

Result<sockaddr_un> address_of(const ShimPaths& paths) {
    std::string path = paths.exec_root + "/shim.sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error(Kind::invalid, fmt::format("exec root is too long: {}", paths.exec_root));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

Result<Fd> make_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return base::errno_error(errno, "socket");
    return socket;
}

Result<Fd> listen_for_shim(const ShimPaths& paths) {
    TRY(sockaddr_un address, address_of(paths));
    TRY(Fd socket, make_socket());
    // Nobody answered here: what lies there is of a shim that is gone.
    ::unlink(address.sun_path);
    // The folder is 0700; the mode of the socket itself is the second lock.
    mode_t before = ::umask(0177);
    int bound = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    int error = errno;
    ::umask(before);
    if (bound < 0) return base::errno_error(error, address.sun_path);
    if (::listen(socket.get(), 8) < 0) return base::errno_error(errno, "listen");
    return socket;
}

struct Spawned {
    pid_t pid = 0;
    Fd said;  // its standard output
};

Result<Spawned> spawn(const ShimPaths& paths, const Fd& listener) {
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) < 0) return base::errno_error(errno, "pipe");
    Fd reading(pipe[0]);
    Fd writing(pipe[1]);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 2);
    ::posix_spawn_file_actions_adddup2(&actions, listener.get(), 3);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::string name = "lighter-shim";
    std::string root = paths.exec_root;
    char* argv[] = {name.data(), root.data(), nullptr};
    char* no_env[] = {nullptr};
    Spawned spawned;
    int error =
        ::posix_spawn(&spawned.pid, paths.program.c_str(), &actions, &attributes, argv, no_env);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) return base::errno_error(error, fmt::format("starting {}", paths.program));
    spawned.said = std::move(reading);
    return spawned;
}

std::string read_words(const Fd& pipe) {
    ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
    char words[512];
    ssize_t got = ::read(pipe.get(), words, sizeof words);
    return got > 0 ? std::string(words, static_cast<std::size_t>(got)) : std::string();
}

}  // namespace

Fd ShimReply::take(std::uint32_t bit) {
    if ((reply.fds & bit) == 0 || (taken_ & bit) != 0) return Fd();
    taken_ |= bit;
    auto index = static_cast<std::size_t>(std::popcount(reply.fds & (bit - 1)));
    return index < fds.size() ? std::move(fds[index]) : Fd();
}

Result<Fd> connect_to_shim(const ShimPaths& paths) {
    TRY(sockaddr_un address, address_of(paths));
    TRY(Fd socket, make_socket());
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        return socket;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return Error(Kind::missing, fmt::format("no shim at {}", address.sun_path));
    return base::errno_error(errno, address.sun_path);
}

Task<Status> launch_shim(Loop& loop, const ShimPaths& paths) {
    CO_TRY(Fd listener, listen_for_shim(paths));
    CO_TRY(Spawned spawned, spawn(paths, listener));
    Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, spawned.pid, 0)));
    if (ended) {
        loop::Poll poll(loop, ended.get());
        // Not cut short: the child is ours to reap, and it takes milliseconds.
        Status waited = co_await loop::shield(poll.readable());
        (void)waited;
    }
    int status = 0;
    while (::waitpid(spawned.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) co_return Status();
    std::string words = read_words(spawned.said);
    co_return Error(Kind::internal,
                    fmt::format("{} did not start: {}", paths.program,
                                words.empty() ? fmt::format("wait status {}", status) : words));
}

namespace {

Status send(const Fd& socket, Request request, const std::string& id, const std::vector<int>& fds) {
    if (id.size() > id_bytes_max) return Error(Kind::invalid, "id is too long");
    std::memcpy(request.id, id.data(), id.size());
    iovec part{&request, sizeof request};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (fds_max + 1))] = {};
    if (!fds.empty()) {
        if (fds.size() > fds_max) return Error(Kind::invalid, "too many descriptors");
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(head), fds.data(), fds.size() * sizeof(int));
    }
    for (;;) {
        if (::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == ETOOMANYREFS)
            return Error(Kind::unavailable, "the shim is busy");
        return base::errno_error(errno, "shim").as(Kind::internal);
    }
}

}  // namespace

Status send_request(const Fd& socket, Type type, const std::string& id,
                    const std::vector<int>& fds) {
    Request request;
    request.type = type;
    return send(socket, request, id, fds);
}

Status send_foster(const Fd& socket, const std::string& id, pid_t pid, const Fd& pidfd,
                   const Console& console) {
    Request request;
    request.type = Type::foster;
    request.pid = pid;
    std::vector<int> fds;
    auto give = [&](std::uint32_t bit, const Fd& fd) {
        if (!fd) return;
        request.fds |= bit;
        fds.push_back(fd.get());
    };
    give(fd_pidfd, pidfd);
    give(fd_pty, console.pty);
    give(fd_stdin, console.stdin_);
    give(fd_stdout, console.stdout_);
    give(fd_stderr, console.stderr_);
    return send(socket, request, id, fds);
}

Result<ShimReply> receive_reply(const Fd& socket) {
    ShimReply got;
    iovec part{&got.reply, sizeof got.reply};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * reply_fds_max)];
    msghdr message{};
    ssize_t bytes = 0;
    do {
        message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        bytes = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0 && errno == EAGAIN) return Error(Kind::missing, "nothing more");
    if (bytes < 0) return base::errno_error(errno, "shim").as(Kind::unavailable);
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof fd);
            got.fds.emplace_back(fd);
        }
    }
    bool good = bytes == ssize_t(sizeof got.reply) && got.reply.version == version &&
                (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
                static_cast<std::size_t>(std::popcount(got.reply.fds)) == got.fds.size() &&
                std::memchr(got.reply.id, 0, sizeof got.reply.id) != nullptr &&
                std::memchr(got.reply.text, 0, sizeof got.reply.text) != nullptr;
    if (!good) return Error(Kind::unavailable, "the shim has gone or speaks another version");
    return got;
}

}  // namespace run
