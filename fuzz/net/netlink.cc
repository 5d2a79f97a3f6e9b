// What a netlink socket may give us, down three levels of attributes: nothing outside the bytes is
// read, and a verdict is always an errno.
#include "sys/netlink.h"

#include <cstdlib>
#include <linux/rtnetlink.h>

using namespace sys::netlink;

static std::size_t sum(const Attributes& attributes, int depth) {
    std::size_t total = 0;
    attributes.each([&](unsigned type, std::span<const std::byte> value) {
        for (std::byte each : value)
            total += static_cast<unsigned>(each);
        total += attributes.u32(type).value_or(0) + attributes.be32(type).value_or(0);
        total += attributes.be64(type).value_or(0);
        if (auto text = attributes.text(type)) total += text->size();
        if (depth > 0) total += sum(attributes.nested(type), depth - 1);
    });
    return total;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Exactly as long as the input, and aligned as a socket's buffer is.
    std::vector<std::byte> bytes(size);
    if (size > 0) std::memcpy(bytes.data(), data, size);
    std::size_t total = 0;
    each_message(bytes, [&](const Message& message) {
        if (message.payload.size() > size) std::abort();
        if (auto verdict = parse_verdict(message)) {
            if (verdict->error < 0 || verdict->error >= 4096) std::abort();
            total += verdict->text.size();
        }
        if (message.header<ifinfomsg>()) total += sum(message.attributes<ifinfomsg>(), 3);
    });
    return total == SIZE_MAX ? -1 : 0;  // what was read is used
}
