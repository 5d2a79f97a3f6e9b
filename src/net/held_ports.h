// Ports of this host that lead to containers, held by a socket each so that nobody else takes them and we
// take nobody's. Packets never reach these sockets: the firewall's maps see them first.
#pragma once

#include "net/firewall.h"
#include "sys/fd.h"

#include <mutex>
#include <span>
#include <vector>

namespace net {

// What a container wants to be reached by: the first port of a range that is free, or any (0 to 0).
struct PortWish {
    std::uint8_t protocol = 0;  // IPPROTO_TCP, _UDP or _SCTP
    Address host;               // 0.0.0.0: each of this host's addresses
    std::uint16_t first = 0, last = 0;
    std::uint16_t container_port = 0;
};

const char* protocol_name(std::uint8_t protocol);  // "tcp"

// Quick (a few system calls per port); any thread.
class HeldPorts {
public:
    // All or none. internal, in Docker's words: another container has it ("Bind for
    // 0.0.0.0:80 failed: port is already allocated"), or another process.
    Result<std::vector<PublishedPort>> hold(Address container, std::span<const PortWish> wishes);
    // These very ones, after a restart. Those another process has taken meanwhile are held without a
    // socket; they come back as what to warn of.
    std::vector<PublishedPort> hold_again(std::span<const PublishedPort> ports);
    void release(std::span<const PublishedPort> ports);

private:
    struct Held {
        PublishedPort port;
        Fd socket;
    };
    Result<PublishedPort> hold_one(Address container, const PortWish& wish);
    bool is_held(std::uint8_t protocol, Address host, std::uint16_t port) const;
    void release_locked(std::span<const PublishedPort> ports);

    std::mutex mutex_;
    std::vector<Held> held_;
    std::uint16_t next_any_ = 0;  // where the search for a free one goes on
};

}  // namespace net
