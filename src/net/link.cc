// rtnetlink questions about links, and /proc/sys/net.
#include "net/link.h"

#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>

namespace net {

using sys::netlink::Attributes;
using sys::netlink::Batch;
using sys::netlink::Message;
using sys::netlink::Socket;

namespace {

std::optional<Link> to_link(const Message& message) {
    auto header = message.header<ifinfomsg>();
    if (message.type != RTM_NEWLINK || !header) return std::nullopt;
    Attributes attributes = message.attributes<ifinfomsg>();
    Link link;
    link.index = header->ifi_index;
    link.up = header->ifi_flags & IFF_UP;
    link.name = attributes.text(IFLA_IFNAME).value_or("");
    link.kind = attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND).value_or("");
    link.mtu = attributes.u32(IFLA_MTU).value_or(0);
    link.master = static_cast<int>(attributes.u32(IFLA_MASTER).value_or(0));
    link.alias = attributes.text(IFLA_IFALIAS).value_or("");
    auto mac = attributes.find(IFLA_ADDRESS);
    if (mac && mac->size() == link.mac.bytes.size())
        std::memcpy(link.mac.bytes.data(), mac->data(), mac->size());
    return link;
}

}  // namespace

Result<std::optional<Link>> find_link(Socket& route, const std::string& name) {
    Batch batch;
    batch.begin(RTM_GETLINK, 0, fmt::format("find {}", name), ifinfomsg{.ifi_family = AF_UNSPEC});
    batch.put(IFLA_IFNAME, name);
    std::optional<Link> found;
    Status asked = route.query(batch, [&](const Message& message) { found = to_link(message); });
    if (!asked && asked.error().kind() == Kind::missing) return std::optional<Link>();
    TRY_DO(std::move(asked));
    return found;
}

Result<std::vector<Link>> list_links(Socket& route, std::string_view prefix) {
    // A link that comes or goes meanwhile makes the kernel's list doubtful: it is asked again.
    for (int attempt = 0;; ++attempt) {
        Batch batch;
        batch.begin(RTM_GETLINK, NLM_F_DUMP, "list links", ifinfomsg{.ifi_family = AF_UNSPEC});
        std::vector<Link> links;
        Status asked = route.query(batch, [&](const Message& message) {
            auto link = to_link(message);
            if (link && link->name.starts_with(prefix)) links.push_back(std::move(*link));
        });
        if (asked) return links;
        if (attempt == 20) return asked.error();
    }
}

Status delete_link(Socket& route, int index, const std::string& name) {
    Batch batch;
    batch.begin(RTM_DELLINK, 0, fmt::format("delete {}", name),
                ifinfomsg{.ifi_family = AF_UNSPEC, .ifi_index = index});
    if (index == 0) batch.put(IFLA_IFNAME, name);
    Status ran = route.run(batch);
    if (!ran && ran.error().kind() == Kind::missing) return {};
    return ran;
}

Status write_sysctl(const std::string& path, std::string_view value) {
    std::string full = "/proc/sys/net/" + path;
    Fd file(::open(full.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) return {};
    if (!file) return base::errno_error(errno, fmt::format("open {}", full));
    return sys::write_all(file, value, full);
}

Result<std::string> read_sysctl(const std::string& path) {
    TRY(std::string text, sys::read_file("/proc/sys/net/" + path, 4096));
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string random_digits(std::size_t size) {
    std::string digits(size, '0');
    unsigned char random[64];
    size = std::min(size, sizeof random);
    while (::getrandom(random, size, 0) != static_cast<ssize_t>(size)) {
    }
    for (std::size_t i = 0; i < size; ++i)
        digits[i] = "0123456789abcdef"[random[i] & 15];
    return digits;
}

}  // namespace net
