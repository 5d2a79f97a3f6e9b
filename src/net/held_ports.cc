#include "net/held_ports.h"

#include "sys/file.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace net {

namespace {

struct Range {
    std::uint16_t first = 32768, last = 60999;  // the kernel's default
};

// Where Docker takes ports from that nobody names.
Range any_range() {
    Range range;
    auto text = sys::read_file("/proc/sys/net/ipv4/ip_local_port_range", 64);
    if (!text) return range;
    const char* end = text->data() + text->size();
    Range found;
    auto [rest, error] = std::from_chars(text->data(), end, found.first);
    while (rest != end && (*rest == ' ' || *rest == '\t'))
        ++rest;
    auto [done, wrong] = std::from_chars(rest, end, found.last);
    bool fine = error == std::errc() && wrong == std::errc() && found.first > 0 &&
                found.first <= found.last;
    return fine ? found : range;
}

// What reaches the socket all the same, because somebody emptied the firewall, is dropped: no
// connection is to be accepted by nobody.
Status take_nothing(const Fd& socket) {
    sock_filter drop{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    sock_fprog program{.len = 1, .filter = &drop};
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return base::errno_error(errno, "hold a port");
    return {};
}

// EADDRINUSE and EADDRNOTAVAIL come back as errno; 0: held.
Result<int> bind_to(Fd& into, std::uint8_t protocol, Address host, std::uint16_t port) {
    bool datagrams = protocol == IPPROTO_UDP;
    Fd socket(::socket(AF_INET, (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, protocol));
    // Without SCTP in the kernel there is nobody to share the port with.
    if (!socket && protocol == IPPROTO_SCTP) return 0;
    if (!socket) return base::errno_error(errno, "hold a port");
    TRY_DO(take_nothing(socket));
    int yes = 1;
    // Connections of whoever had the port before are no reason to refuse it.
    if (!datagrams) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host.value);
    address.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return errno;
    // Only one who listens keeps others away who reuse addresses, too.
    if (!datagrams && ::listen(socket.get(), 1) != 0) return errno;
    into = std::move(socket);
    return 0;
}

Error in_use(Address container, const PortWish& wish, std::uint16_t port, int error) {
    return Error(Kind::internal,
                 fmt::format("failed to bind host port for {}:{}:{}:{}/{}: {}", wish.host.text(),
                             port, container.text(), wish.container_port,
                             protocol_name(wish.protocol),
                             error == EADDRINUSE ? "address already in use"
                                                 : base::errno_text(error)));
}

}  // namespace

const char* protocol_name(std::uint8_t protocol) {
    return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

bool HeldPorts::is_held(std::uint8_t protocol, Address host, std::uint16_t port) const {
    return std::ranges::any_of(held_, [&](const Held& held) {
        return held.port.protocol == protocol && held.port.host_port == port &&
               (held.port.host == host || held.port.host.is_any() || host.is_any());
    });
}

Result<PublishedPort> HeldPorts::hold_one(Address container, const PortWish& wish) {
    bool any = wish.first == 0;
    Range range = any ? any_range() : Range{wish.first, wish.last};
    std::uint32_t count = std::uint32_t{range.last} - range.first + 1;
    std::uint32_t start =
        any && next_any_ > range.first && next_any_ <= range.last ? next_any_ - range.first : 0;
    Error trouble(Kind::internal, fmt::format("Bind for {}:{} failed: port is already allocated",
                                              wish.host.text(), wish.first));
    for (std::uint32_t i = 0; i < count; ++i) {
        auto port = static_cast<std::uint16_t>(range.first + (start + i) % count);
        if (is_held(wish.protocol, wish.host, port)) continue;
        Fd socket;
        TRY(int error, bind_to(socket, wish.protocol, wish.host, port));
        if (error != 0) {
            trouble = in_use(container, wish, port, error);
            if (error != EADDRINUSE) return trouble;
            continue;
        }
        if (any) next_any_ = port == range.last ? range.first : static_cast<std::uint16_t>(port + 1);
        PublishedPort made{.protocol = wish.protocol,
                           .host = wish.host,
                           .host_port = port,
                           .container = container,
                           .container_port = wish.container_port};
        held_.push_back({made, std::move(socket)});
        return made;
    }
    if (any) return Error(Kind::internal, "all ports are allocated");
    return trouble;
}

Result<std::vector<PublishedPort>> HeldPorts::hold(Address container,
                                                   std::span<const PortWish> wishes) {
    std::lock_guard lock(mutex_);
    std::vector<PublishedPort> made;
    for (const PortWish& wish : wishes) {
        auto one = hold_one(container, wish);
        if (!one) {
            release_locked(made);
            return one.error();
        }
        made.push_back(*one);
    }
    return made;
}

std::vector<PublishedPort> HeldPorts::hold_again(std::span<const PublishedPort> ports) {
    std::lock_guard lock(mutex_);
    std::vector<PublishedPort> taken;
    for (const PublishedPort& port : ports) {
        Held held{port, Fd()};
        auto error = bind_to(held.socket, port.protocol, port.host, port.host_port);
        if (!error || *error != 0) taken.push_back(port);
        held_.push_back(std::move(held));
    }
    return taken;
}

void HeldPorts::release(std::span<const PublishedPort> ports) {
    std::lock_guard lock(mutex_);
    release_locked(ports);
}

void HeldPorts::release_locked(std::span<const PublishedPort> ports) {
    std::erase_if(held_, [&](const Held& held) {
        return std::ranges::find(ports, held.port) != ports.end();
    });
}

}  // namespace net
