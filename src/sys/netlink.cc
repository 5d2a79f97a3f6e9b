// Netlink messages and sockets on libmnl. Lengths of what comes in are checked here, so that the
// readers above see only spans that are really there.
#include "sys/netlink.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <endian.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace sys::netlink {

namespace {

constexpr std::size_t answer_bytes = 32 * 1024;  // the kernel's largest dump block
constexpr std::size_t attribute_bytes_max = 0xffff - MNL_ATTR_HDRLEN;

const nlattr* as_attribute(std::span<const std::byte> bytes) {
    return reinterpret_cast<const nlattr*>(bytes.data());
}

template <class Number>
std::optional<Number> number(std::optional<std::span<const std::byte>> value) {
    if (!value || value->size() != sizeof(Number)) return std::nullopt;
    Number copy;
    std::memcpy(&copy, value->data(), sizeof copy);
    return copy;
}

}  // namespace

void Attributes::each(
    const std::function<void(unsigned, std::span<const std::byte>)>& visit) const {
    std::span<const std::byte> rest = bytes_;
    while (rest.size() >= MNL_ATTR_HDRLEN &&
           mnl_attr_ok(as_attribute(rest), static_cast<int>(rest.size()))) {
        const nlattr* attribute = as_attribute(rest);
        std::size_t used = mnl_attr_get_len(attribute);
        visit(mnl_attr_get_type(attribute), rest.subspan(MNL_ATTR_HDRLEN, used - MNL_ATTR_HDRLEN));
        rest = rest.subspan(std::min<std::size_t>(MNL_ALIGN(used), rest.size()));
    }
}

std::optional<std::span<const std::byte>> Attributes::find(unsigned type) const {
    std::optional<std::span<const std::byte>> found;
    each([&](unsigned candidate, std::span<const std::byte> value) {
        if (candidate == type && !found) found = value;
    });
    return found;
}

std::optional<std::uint32_t> Attributes::u32(unsigned type) const {
    return number<std::uint32_t>(find(type));
}

std::optional<std::uint32_t> Attributes::be32(unsigned type) const {
    auto value = number<std::uint32_t>(find(type));
    if (value) *value = be32toh(*value);
    return value;
}

std::optional<std::uint64_t> Attributes::be64(unsigned type) const {
    auto value = number<std::uint64_t>(find(type));
    if (value) *value = be64toh(*value);
    return value;
}

std::optional<std::string> Attributes::text(unsigned type) const {
    auto value = find(type);
    if (!value) return std::nullopt;
    std::string_view all(reinterpret_cast<const char*>(value->data()), value->size());
    return std::string(all.substr(0, all.find('\0')));
}

Attributes Attributes::nested(unsigned type) const {
    auto value = find(type);
    return value ? Attributes(*value) : Attributes();
}

bool each_message(std::span<const std::byte> bytes,
                  const std::function<void(const Message&)>& visit) {
    while (!bytes.empty()) {
        auto header = reinterpret_cast<const nlmsghdr*>(bytes.data());
        // Not mnl_nlmsg_ok(): it compares as int, so a length of 2 GiB and more passes.
        if (bytes.size() < MNL_NLMSG_HDRLEN || header->nlmsg_len < MNL_NLMSG_HDRLEN ||
            header->nlmsg_len > bytes.size())
            return false;
        Message message;
        message.type = header->nlmsg_type;
        message.flags = header->nlmsg_flags;
        message.sequence = header->nlmsg_seq;
        message.payload = bytes.subspan(MNL_NLMSG_HDRLEN, header->nlmsg_len - MNL_NLMSG_HDRLEN);
        visit(message);
        bytes = bytes.subspan(std::min(MNL_ALIGN(std::size_t{header->nlmsg_len}), bytes.size()));
    }
    return true;
}

std::optional<Verdict> parse_verdict(const Message& message) {
    if (message.type != NLMSG_ERROR && message.type != NLMSG_DONE) return std::nullopt;
    auto code = message.header<std::int32_t>();
    Verdict verdict;
    // A NLMSG_DONE may come without a code; an errno outside the kernel's range is garbage.
    if (code && *code <= 0 && *code > -4096)
        verdict.error = -*code;
    else if (code || message.type == NLMSG_ERROR)
        verdict.error = EBADMSG;
    if (message.type == NLMSG_ERROR && message.flags & NLM_F_ACK_TLVS) {
        auto body = message.header<nlmsgerr>();
        std::size_t skip = sizeof(nlmsgerr);
        // The request is echoed in full unless the kernel was told to cap it.
        if (body && !(message.flags & NLM_F_CAPPED) && body->msg.nlmsg_len >= sizeof(nlmsghdr))
            skip += MNL_ALIGN(body->msg.nlmsg_len) - sizeof(nlmsghdr);
        if (body && skip <= message.payload.size())
            verdict.text = Attributes(message.payload.subspan(skip))
                               .text(NLMSGERR_ATTR_MSG)
                               .value_or(std::string());
    }
    return verdict;
}

// The message begun last, with `room` bytes behind it that libmnl may write to.
nlmsghdr* Batch::current(std::size_t room) {
    assert(!steps_.empty());
    bytes_.resize(bytes_.size() + room);
    return reinterpret_cast<nlmsghdr*>(bytes_.data() + steps_.back().offset);
}

// Gives back the room that libmnl did not use.
void Batch::settle() {
    auto header = reinterpret_cast<nlmsghdr*>(bytes_.data() + steps_.back().offset);
    bytes_.resize(steps_.back().offset + MNL_ALIGN(header->nlmsg_len));
}

void Batch::begin(std::uint16_t type, std::uint16_t flags, std::string what, const void* header,
                  std::size_t header_size) {
    if (bytes_.capacity() == 0) bytes_.reserve(4096);
    steps_.push_back({bytes_.size(), std::move(what)});
    nlmsghdr* message = current(MNL_NLMSG_HDRLEN + MNL_ALIGN(header_size));
    mnl_nlmsg_put_header(message);
    message->nlmsg_type = type;
    message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    std::memcpy(mnl_nlmsg_put_extra_header(message, header_size), header, header_size);
    settle();
}

void Batch::put(unsigned type, std::span<const std::byte> value) {
    assert(value.size() <= attribute_bytes_max);
    nlmsghdr* message = current(MNL_ATTR_HDRLEN + MNL_ALIGN(value.size()));
    mnl_attr_put(message, static_cast<std::uint16_t>(type), value.size(), value.data());
    settle();
}

void Batch::put(unsigned type, std::string_view text) {
    std::string terminated(text);
    put(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void Batch::put_u8(unsigned type, std::uint8_t value) {
    put(type, std::as_bytes(std::span(&value, 1)));
}

void Batch::put_u32(unsigned type, std::uint32_t value) {
    put(type, std::as_bytes(std::span(&value, 1)));
}

void Batch::put_be32(unsigned type, std::uint32_t value) {
    put_u32(type, htobe32(value));
}

void Batch::put_be64(unsigned type, std::uint64_t value) {
    value = htobe64(value);
    put(type, std::as_bytes(std::span(&value, 1)));
}

std::size_t Batch::open(unsigned type) {
    nlattr* nest = mnl_attr_nest_start(current(MNL_ATTR_HDRLEN), static_cast<std::uint16_t>(type));
    std::size_t token = static_cast<std::size_t>(reinterpret_cast<char*>(nest) - bytes_.data());
    settle();
    return token;
}

void Batch::put_raw(const void* raw, std::size_t size) {
    nlmsghdr* message = current(MNL_ALIGN(size));
    std::memcpy(mnl_nlmsg_put_extra_header(message, size), raw, size);
    settle();
}

void Batch::close(std::size_t token) {
    assert(bytes_.size() - token <= 0xffff);
    mnl_attr_nest_end(current(0), reinterpret_cast<nlattr*>(bytes_.data() + token));
}

Result<Socket> Socket::open(int protocol) {
    Socket made;
    made.fd_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!made.fd_) return base::errno_error(errno, "open a netlink socket");
    // The reason in words, and without the whole request coming back.
    int on = 1;
    ::setsockopt(made.fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    ::setsockopt(made.fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    // The kernel answers inside sendmsg; waiting at all would be a bug, waiting for ever a bad one.
    timeval wait{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(made.fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    // Rules of many containers travel as one transaction (the default bound is 208 KiB).
    int bytes = 4 * 1024 * 1024;
    ::setsockopt(made.fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    return made;
}

Status Socket::send(Batch& batch, bool ack_last) {
    assert(!batch.empty());
    std::size_t acknowledged = batch.steps_.size() - 1;
    auto at = [&](std::size_t index) {
        return reinterpret_cast<nlmsghdr*>(batch.bytes_.data() + batch.steps_[index].offset);
    };
    // nf_tables' end marker is not acknowledged by older kernels: the last real message is.
    if (at(acknowledged)->nlmsg_type == NFNL_MSG_BATCH_END && acknowledged > 0) --acknowledged;
    for (std::size_t i = 0; i < batch.steps_.size(); ++i)
        at(i)->nlmsg_seq = ++sequence_;
    if (ack_last) at(acknowledged)->nlmsg_flags |= NLM_F_ACK;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent;
    do {
        sent = ::sendto(fd_.get(), batch.bytes_.data(), batch.bytes_.size(), 0,
                        reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return base::errno_error(errno, batch.steps_.front().what);
    return {};
}

namespace {

Result<std::span<const std::byte>> receive(int fd, std::vector<std::byte>& buffer) {
    while (true) {
        sockaddr_nl from{};
        socklen_t from_size = sizeof from;
        ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC,
                                 reinterpret_cast<sockaddr*>(&from), &from_size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read a netlink answer");
        if (static_cast<std::size_t>(got) > buffer.size())
            return Error(Kind::internal, "read a netlink answer: it is too long");
        if (from.nl_pid != 0) continue;  // only the kernel is asked
        return std::span<const std::byte>(buffer.data(), static_cast<std::size_t>(got));
    }
}

// What callers tell apart: nothing there (links answer ENODEV, addresses EADDRNOTAVAIL, routes
// ESRCH), and there already.
Error refused(const Verdict& verdict, const std::string& what) {
    Error error = base::errno_error(
        verdict.error, verdict.text.empty() ? what : fmt::format("{}: {}", what, verdict.text));
    if (verdict.error == ENODEV || verdict.error == EADDRNOTAVAIL || verdict.error == ESRCH)
        return std::move(error).as(Kind::missing);
    if (verdict.error == EEXIST) return std::move(error).as(Kind::conflict);
    return error;
}

}  // namespace

Status Socket::run(Batch& batch) {
    TRY_DO(send(batch, true));
    std::size_t count = batch.steps_.size();
    std::uint32_t first = sequence_ - static_cast<std::uint32_t>(count) + 1;
    std::uint32_t last = sequence_;
    auto tail = reinterpret_cast<const nlmsghdr*>(batch.bytes_.data() + batch.steps_.back().offset);
    bool transaction = tail->nlmsg_type == NFNL_MSG_BATCH_END && count > 1;
    if (transaction) --last;

    std::vector<std::byte> buffer(answer_bytes);
    std::optional<Error> failure;
    bool done = false;
    while (!done) {
        TRY(auto bytes, receive(fd_.get(), buffer));
        bool sane = each_message(bytes, [&](const Message& message) {
            auto verdict = parse_verdict(message);
            std::uint32_t index = message.sequence - first;
            if (!verdict || index >= count) return;  // left over from a call that failed half-way
            if (verdict->error != 0 && !failure)
                failure = refused(*verdict, batch.steps_[index].what);
            // A refused commit, or no right to begin one, is told for the begin marker alone.
            if (message.sequence == last || (transaction && index == 0 && verdict->error != 0))
                done = true;
        });
        if (!sane) return Error(Kind::internal, "the kernel's netlink answer makes no sense");
    }
    if (failure) return std::move(*failure);
    return {};
}

Status Socket::query(Batch& batch, const std::function<void(const Message&)>& visit) {
    assert(batch.steps_.size() == 1);
    auto header = reinterpret_cast<const nlmsghdr*>(batch.bytes_.data());
    bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    TRY_DO(send(batch, !dump));
    std::vector<std::byte> buffer(answer_bytes);
    std::optional<Error> failure;
    bool done = false;
    while (!done) {
        TRY(auto bytes, receive(fd_.get(), buffer));
        bool sane = each_message(bytes, [&](const Message& message) {
            if (message.sequence != sequence_) return;
            if (message.flags & NLM_F_DUMP_INTR && !failure)
                failure = base::errno_error(EAGAIN, batch.steps_[0].what);
            auto verdict = parse_verdict(message);
            if (!verdict) {
                visit(message);
                return;
            }
            if (verdict->error != 0 && !failure) failure = refused(*verdict, batch.steps_[0].what);
            done = true;
        });
        if (!sane) return Error(Kind::internal, "the kernel's netlink answer makes no sense");
    }
    if (failure) return std::move(*failure);
    return {};
}

}  // namespace sys::netlink
