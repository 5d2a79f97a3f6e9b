// Port specifications of a create body: first line "80/tcp", second a host address, third a host port. What is
// taken is a range that goes upwards of a protocol that has ports.
#include "engine/ports.h"

#include <cstdint>
#include <cstdlib>
#include <netinet/in.h>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string text(reinterpret_cast<const char*>(data), size);
    std::string lines[3];
    for (std::string& line : lines) {
        std::size_t end = text.find('\n');
        line = text.substr(0, end);
        text.erase(0, end == text.npos ? text.size() : end + 1);
    }
    wire::HostConfig host;
    host.publish_all_ports = true;
    host.port_bindings[lines[0]] = std::vector<wire::PortBinding>{{lines[1], lines[2]}};
    auto wishes = engine::port_wishes(host, {}, net::Address());
    if (!wishes) {
        if (wishes.error().message().empty()) std::abort();
        return 0;
    }
    for (const net::PortWish& wish : *wishes) {
        if (wish.first > wish.last || wish.container_port == 0) std::abort();
        if (wish.protocol != IPPROTO_TCP && wish.protocol != IPPROTO_UDP &&
            wish.protocol != IPPROTO_SCTP)
            std::abort();
    }
    return 0;
}
