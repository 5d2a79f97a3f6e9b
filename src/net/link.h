// What this room asks of single network interfaces: finding, deleting, and their sysctls.
#pragma once

#include "net/addresses.h"
#include "sys/netlink.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace net {

struct Link {
    int index = 0;
    std::string name;
    std::string kind;  // "bridge", "veth"; empty for hardware
    unsigned mtu = 0;
    Mac mac;
    bool up = false;
    int master = 0;     // the bridge it is plugged into; 0: none
    std::string alias;  // a text for people, of up to 255 bytes
};

// All in the namespace of the socket. Nothing found is not an error.
Result<std::optional<Link>> find_link(sys::netlink::Socket& route, const std::string& name);
Result<std::vector<Link>> list_links(sys::netlink::Socket& route, std::string_view prefix);
// Missing is fine.
Status delete_link(sys::netlink::Socket& route, int index, const std::string& name);

// Writes /proc/sys/net/<path> of the calling thread's namespace. A kernel without it (no IPv6) is
// fine: then there is nothing to switch off.
Status write_sysctl(const std::string& path, std::string_view value);
Result<std::string> read_sysctl(const std::string& path);

// SIZE lower-case hex digits from the kernel's random numbers.
std::string random_digits(std::size_t size);

}  // namespace net
