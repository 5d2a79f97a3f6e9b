// Netlink over libmnl: messages put together in a batch, sent in one datagram, acknowledged once;
// and answers read without trusting their lengths. Blocking, but the kernel answers at once.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <linux/netlink.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sys::netlink {

// The attributes of a received message, or inside one of its attributes. Only reads inside `bytes`.
class Attributes {
public:
    Attributes() = default;
    explicit Attributes(std::span<const std::byte> bytes) : bytes_(bytes) {}

    std::optional<std::span<const std::byte>> find(unsigned type) const;
    // The attribute if it has exactly this size.
    std::optional<std::uint32_t> u32(unsigned type) const;
    std::optional<std::uint32_t> be32(unsigned type) const;
    std::optional<std::uint64_t> be64(unsigned type) const;
    // Up to the first NUL.
    std::optional<std::string> text(unsigned type) const;
    // Empty when missing.
    Attributes nested(unsigned type) const;
    // Each one in order: type without flags, payload.
    void each(const std::function<void(unsigned, std::span<const std::byte>)>& visit) const;

private:
    std::span<const std::byte> bytes_;
};

// One received message: type, and the payload behind nlmsghdr.
struct Message {
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    std::uint32_t sequence = 0;
    std::span<const std::byte> payload;

    // A copy of the family's own header (ifinfomsg ...), or nothing if the message is shorter.
    template <class Header> std::optional<Header> header() const {
        if (payload.size() < sizeof(Header)) return std::nullopt;
        Header copy;
        std::memcpy(&copy, payload.data(), sizeof copy);
        return copy;
    }
    // The attributes behind it.
    template <class Header> Attributes attributes() const {
        if (payload.size() < NLMSG_ALIGN(sizeof(Header))) return Attributes();
        return Attributes(payload.subspan(NLMSG_ALIGN(sizeof(Header))));
    }
};

// Calls `visit` for each well-formed message in `bytes`; stops at the first that is not (false).
bool each_message(std::span<const std::byte> bytes,
                  const std::function<void(const Message&)>& visit);

// NLMSG_ERROR: the errno (0 = acknowledged), and the kernel's sentence if it gave one.
struct Verdict {
    int error = 0;
    std::string text;
};
std::optional<Verdict> parse_verdict(const Message& message);

// Messages under construction. Attributes go to the message begun last.
class Batch {
public:
    // `what` names the step in an error ("set the address of eth0").
    void begin(std::uint16_t type, std::uint16_t flags, std::string what, const void* header,
               std::size_t header_size);
    template <class Header>
    void begin(std::uint16_t type, std::uint16_t flags, std::string what, const Header& header) {
        begin(type, flags, std::move(what), &header, sizeof header);
    }
    void put(unsigned type, std::span<const std::byte> value);
    void put(unsigned type, std::string_view text);  // with its NUL
    void put_u32(unsigned type, std::uint32_t value);
    void put_be32(unsigned type, std::uint32_t value);
    void put_be64(unsigned type, std::uint64_t value);
    void put_u8(unsigned type, std::uint8_t value);
    // An attribute that holds what is put until the token is given to close(). Nest like brackets.
    std::size_t open(unsigned type);
    // Bytes in the middle of an open attribute (a family's header inside, as veth's peer has).
    void put_raw(const void* bytes, std::size_t size);
    void close(std::size_t token);

    bool empty() const { return steps_.empty(); }
    std::size_t size() const { return bytes_.size(); }

private:
    friend class Socket;
    struct Step {
        std::size_t offset;
        std::string what;
    };
    nlmsghdr* current(std::size_t room);
    void settle();

    std::vector<char> bytes_;
    std::vector<Step> steps_;
};

class Socket {
public:
    Socket() = default;
    // NETLINK_ROUTE or NETLINK_NETFILTER, in the calling thread's network namespace; the socket
    // stays there whatever namespace later callers are in.
    static Result<Socket> open(int protocol);

    // Sends all messages; the first that the kernel refused is the error (missing: no such link,
    // address, table; conflict: it exists). rtnetlink carries out the
    // others all the same; nf_tables (in its own begin and end) all or none.
    Status run(Batch& batch);
    // A single message with NLM_F_DUMP, or a request for one object: each answer goes to `visit`.
    Status query(Batch& batch, const std::function<void(const Message&)>& visit);

    explicit operator bool() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }

private:
    Status send(Batch& batch, bool ack_last);

    Fd fd_;
    std::uint32_t sequence_ = 0;
};

}  // namespace sys::netlink
