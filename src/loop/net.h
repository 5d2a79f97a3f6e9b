// Sockets on the loop: listening, connecting, names to addresses.
#pragma once

#include "loop/stream.h"

#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

namespace loop {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    int family() const { return storage.ss_family; }
    // "127.0.0.1:80", "[::1]:80", "/run/x.sock"
    std::string text() const;
};

class Listener {
public:
    // Removes a stale socket file nobody listens on; conflict if somebody does. Mode is set before
    // the first connection can come; group -1 leaves it.
    static Result<std::unique_ptr<Listener>> on_unix(Loop& loop, const std::string& path,
                                                     unsigned mode, int group);
    // One address, e.g. "127.0.0.1", "::", "0.0.0.0".
    static Result<std::unique_ptr<Listener>> on_tcp(Loop& loop, const std::string& host,
                                                    std::uint16_t port);
    // A listening socket handed over by systemd (sd_listen_fds(3)).
    static Result<std::unique_ptr<Listener>> on_fd(Loop& loop, Fd fd);
    ~Listener();

    // The next connection. Out of descriptors or memory is waited out, not returned.
    Task<Result<std::unique_ptr<Stream>>> accept();
    // Port bound (for port 0), 0 for unix sockets.
    std::uint16_t port() const;
    // Ends accept() with Kind::cancelled and closes; removes the socket file it made.
    void close();

private:
    Listener(Loop& loop, Fd fd, std::string path);
    Loop& loop_;
    Fd fd_;
    std::unique_ptr<Poll> poll_;
    std::string path_;
};

Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path);
Task<Result<std::unique_ptr<Stream>>> connect_tcp(Loop& loop, SocketAddress address);

// getaddrinfo(3) on libuv's own thread pool. Numeric hosts answer at once.
Task<Result<std::vector<SocketAddress>>> resolve(Loop& loop, std::string host, std::uint16_t port);

}  // namespace loop
