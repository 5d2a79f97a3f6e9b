#include "loop/net.h"

#include "loop/handle.h"
#include "loop/timer.h"
#include "loop/wait.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace loop {

namespace {

constexpr int backlog = 4096;  // the kernel has a bound of its own (somaxconn)
// accept(2) with no descriptor left would spin; connections wait in the backlog meanwhile.
constexpr Milliseconds exhausted_pause = 50ms;

Result<SocketAddress> unix_address(const std::string& path) {
    SocketAddress address;
    auto* name = reinterpret_cast<sockaddr_un*>(&address.storage);
    if (path.size() >= sizeof name->sun_path)
        return Error(Kind::invalid, fmt::format("unix socket path is longer than {} bytes: {}",
                                                sizeof name->sun_path - 1, path));
    name->sun_family = AF_UNIX;
    std::memcpy(name->sun_path, path.c_str(), path.size() + 1);
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
    SocketAddress address;
    auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        address.size = sizeof *four;
        return address;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        address.size = sizeof *six;
        return address;
    }
    return std::nullopt;
}

Result<Fd> new_socket(int family) {
    int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return base::errno_error(errno, "socket");
    return Fd(fd);
}

Status bind_and_listen(const Fd& fd, const SocketAddress& address) {
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0)
        return base::errno_error(errno, fmt::format("listen on {}: bind", address.text()));
    if (::listen(fd.get(), backlog) != 0)
        return base::errno_error(errno, fmt::format("listen on {}", address.text()));
    return {};
}

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, SocketAddress address) {
    CO_TRY(Fd fd, new_socket(address.family()));
    std::string what = fmt::format("dial {} {}: connect",
                                   address.family() == AF_UNIX ? "unix" : "tcp", address.text());
    int status =
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size);
    if (status != 0 && errno != EINPROGRESS && errno != EINTR)
        co_return base::errno_error(errno, what);
    if (status != 0) {
        Poll poll(loop, fd.get());
        CO_TRY_DO(co_await poll.writable());
        int failed = 0;
        socklen_t size = sizeof failed;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
        if (failed != 0) co_return base::errno_error(failed, what);
    }
    if (address.family() != AF_UNIX) {
        int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    co_return stream_of(loop, std::move(fd));
}

}  // namespace

std::string SocketAddress::text() const {
    char host[INET6_ADDRSTRLEN] = "";
    if (family() == AF_INET) {
        const auto* four = reinterpret_cast<const sockaddr_in*>(&storage);
        ::inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        return fmt::format("{}:{}", host, ntohs(four->sin_port));
    }
    if (family() == AF_INET6) {
        const auto* six = reinterpret_cast<const sockaddr_in6*>(&storage);
        ::inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        return fmt::format("[{}]:{}", host, ntohs(six->sin6_port));
    }
    return reinterpret_cast<const sockaddr_un*>(&storage)->sun_path;
}

Listener::Listener(Loop& loop, Fd fd, std::string path)
    : loop_(loop), fd_(std::move(fd)), poll_(std::make_unique<Poll>(loop, fd_.get())),
      path_(std::move(path)) {}

Listener::~Listener() {
    close();
}

Result<std::unique_ptr<Listener>> Listener::on_unix(Loop& loop, const std::string& path,
                                                    unsigned mode, int group) {
    TRY(SocketAddress address, unix_address(path));
    TRY(Fd fd, new_socket(AF_UNIX));
    {
        // A socket file whose owner was killed refuses connections; a living one does not.
        TRY(Fd probe, new_socket(AF_UNIX));
        if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                      address.size) == 0)
            return Error(Kind::conflict,
                         fmt::format("listen unix {}: bind: address already in use", path));
        if (errno == ECONNREFUSED) ::unlink(path.c_str());
    }
    // fchmod before bind gives the socket file its mode at birth, whatever the umask leaves of it.
    ::fchmod(fd.get(), mode);
    TRY_DO(bind_and_listen(fd, address));
    if (group >= 0 && ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)) != 0)
        return base::errno_error(errno, "chown " + path);
    if (::chmod(path.c_str(), mode) != 0) return base::errno_error(errno, "chmod " + path);
    return std::unique_ptr<Listener>(new Listener(loop, std::move(fd), path));
}

Result<std::unique_ptr<Listener>> Listener::on_tcp(Loop& loop, const std::string& host,
                                                   std::uint16_t port) {
    auto address = numeric_address(host, port);
    if (!address)
        return Error(Kind::invalid, fmt::format("listen tcp: \"{}\" is not an address", host));
    TRY(Fd fd, new_socket(address->family()));
    int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->family() == AF_INET6)
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    TRY_DO(bind_and_listen(fd, *address));
    return std::unique_ptr<Listener>(new Listener(loop, std::move(fd), ""));
}

Result<std::unique_ptr<Listener>> Listener::on_fd(Loop& loop, Fd fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
        return Error(Kind::invalid,
                     fmt::format("file descriptor {} is not a listening socket", fd.get()));
    return std::unique_ptr<Listener>(new Listener(loop, std::move(fd), ""));
}

Task<Result<std::unique_ptr<Stream>>> Listener::accept() {
    for (;;) {
        if (!fd_) co_return cancelled_error();
        int fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) co_return stream_of(loop_, Fd(fd));
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) {
            CO_TRY_DO(co_await poll_->readable());
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            CO_TRY_DO(co_await sleep(loop_, exhausted_pause));
        } else {
            co_return base::errno_error(errno, "accept");
        }
    }
}

std::uint16_t Listener::port() const {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&name)->sin_port);
    if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&name)->sin6_port);
    return 0;
}

void Listener::close() {
    if (!fd_) return;
    poll_->stop();
    fd_.reset();
    if (!path_.empty()) ::unlink(path_.c_str());
}

Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path) {
    CO_TRY(SocketAddress address, unix_address(path));
    co_return co_await connect(loop, address);
}

Task<Result<std::unique_ptr<Stream>>> connect_tcp(Loop& loop, SocketAddress address) {
    return connect(loop, address);
}

namespace {

// Lives until uv calls back, also when the task that asked has gone.
struct Lookup {
    explicit Lookup(Loop& loop) : done(loop) {}
    uv_getaddrinfo_t request{};
    WaitList done;
    int status = 1;
    addrinfo* found = nullptr;
    bool abandoned = false;
};

void on_resolved(uv_getaddrinfo_t* request, int status, addrinfo* found) {
    auto* lookup = static_cast<Lookup*>(request->data);
    lookup->status = status;
    lookup->found = found;
    if (lookup->abandoned) {
        uv_freeaddrinfo(found);
        delete lookup;
    } else {
        lookup->done.wake_all();
    }
}

std::vector<SocketAddress> addresses(const addrinfo* found, std::uint16_t port) {
    std::vector<SocketAddress> all;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        SocketAddress address;
        if (entry->ai_addrlen > sizeof address.storage) continue;
        std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
        address.size = entry->ai_addrlen;
        if (entry->ai_family == AF_INET)
            reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
        if (entry->ai_family == AF_INET6)
            reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
        all.push_back(address);
    }
    return all;
}

}  // namespace

Task<Result<std::vector<SocketAddress>>> resolve(Loop& loop, std::string host, std::uint16_t port) {
    if (auto numeric = numeric_address(host, port)) co_return std::vector<SocketAddress>{*numeric};
    auto lookup = std::make_unique<Lookup>(loop);
    lookup->request.data = lookup.get();
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    int failed =
        uv_getaddrinfo(loop.uv(), &lookup->request, on_resolved, host.c_str(), nullptr, &hints);
    if (failed == 0) {
        Status waited = co_await lookup->done.wait();
        if (!waited && lookup->status == 1) {
            uv_cancel(reinterpret_cast<uv_req_t*>(&lookup->request));
            lookup.release()->abandoned = true;  // on_resolved deletes it
            co_return waited.error();
        }
        failed = lookup->status;
    }
    if (failed != 0)
        co_return Error(Kind::unavailable, fmt::format("lookup {}: no such host", host));
    std::vector<SocketAddress> all = addresses(lookup->found, port);
    uv_freeaddrinfo(lookup->found);
    if (all.empty())
        co_return Error(Kind::unavailable, fmt::format("lookup {}: no such host", host));
    co_return all;
}

}  // namespace loop
