// Namespaces and veth pairs. What waits for the kernel's RCU (moving and deleting devices, ending
// namespaces) is kept off the way to a container's start: the pair is made with its ends where they
// belong.
#include "net/endpoint.h"

#include "net/link.h"

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <system_error>
#include <thread>

namespace net {

using sys::netlink::Batch;
using sys::netlink::Socket;

namespace {

constexpr const char* inner_link = "eth0";
constexpr int name_attempts = 16;  // of 16 million names

ifinfomsg link_header(int index, bool up) {
    unsigned flags = up ? IFF_UP : 0;
    return {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = flags, .ifi_change = flags};
}

// In a thread of its own that is in no namespace but the new one.
Result<Netns> make_inside() {
    if (::unshare(CLONE_NEWNET) < 0) return base::errno_error(errno, "create a network namespace");
    Netns made;
    made.ns = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!made.ns) return base::errno_error(errno, "open a network namespace");
    TRY(made.route, Socket::open(NETLINK_ROUTE));
    Batch batch;
    batch.begin(RTM_NEWLINK, 0, "set lo up", link_header(1, true));  // lo always is link 1
    TRY_DO(made.route.run(batch));
    TRY_DO(write_sysctl("ipv4/ip_unprivileged_port_start", "0"));
    TRY_DO(write_sysctl("ipv4/ping_group_range", "0 2147483647"));
    TRY_DO(write_sysctl("ipv6/conf/default/disable_ipv6", "1"));
    TRY_DO(write_sysctl("ipv6/conf/default/accept_ra", "0"));
    return made;
}

// Both ends where they belong, down: our end in the bridge, the other in the namespace.
Status create_pair(Socket& route, const std::string& name, int ns, int bridge, unsigned mtu) {
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fmt::format("create {}", name),
                link_header(0, false));
    batch.put(IFLA_IFNAME, name);
    batch.put_u32(IFLA_MTU, mtu);
    batch.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
    std::size_t info = batch.open(IFLA_LINKINFO);
    batch.put(IFLA_INFO_KIND, std::string_view("veth"));
    std::size_t data = batch.open(IFLA_INFO_DATA);
    std::size_t peer = batch.open(VETH_INFO_PEER);
    ifinfomsg peer_header = link_header(0, false);
    batch.put_raw(&peer_header, sizeof peer_header);
    batch.put(IFLA_IFNAME, std::string_view(inner_link));
    batch.put_u32(IFLA_MTU, mtu);
    batch.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(ns));
    batch.close(peer);
    batch.close(data);
    batch.close(info);
    return route.run(batch);
}

// Our end gets no IPv6 address before it goes up, and with --icc=false reaches no other port.
Status raise_host_end(Socket& route, const std::string& name, bool isolated) {
    TRY_DO(write_sysctl("ipv6/conf/" + name + "/disable_ipv6", "1"));
    Batch batch;
    batch.begin(RTM_NEWLINK, 0, fmt::format("set {} up", name), link_header(0, true));
    batch.put(IFLA_IFNAME, name);
    std::size_t info = batch.open(IFLA_LINKINFO);
    batch.put(IFLA_INFO_SLAVE_KIND, std::string_view("bridge"));
    std::size_t port = batch.open(IFLA_INFO_SLAVE_DATA);
    // A container that asks for its own published port: with br_netfilter the packet turns round
    // within the bridge.
    batch.put_u8(IFLA_BRPORT_MODE, 1);
    if (isolated) batch.put_u8(IFLA_BRPORT_ISOLATED, 1);
    batch.close(port);
    batch.close(info);
    return route.run(batch);
}

Status raise_inner_end(Socket& inside, int index) {
    Batch batch;
    batch.begin(RTM_NEWLINK, 0, "set eth0 up", link_header(index, true));
    return inside.run(batch);
}

}  // namespace

std::string engine_tag(std::string_view exec_root) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (unsigned char c : exec_root)
        hash = (hash ^ c) * 0x100000001b3;
    hash ^= hash >> 32;
    return fmt::format("{:04x}", (hash ^ hash >> 16) & 0xffff);
}

std::string link_prefix(std::string_view engine_tag) {
    return fmt::format("vethl{}", engine_tag);
}

Result<Netns> make_netns() {
    std::optional<Result<Netns>> made;
    try {
        // Not the caller's thread: one that could not come back from the new namespace would carry
        // on there.
        std::thread([&] { made.emplace(make_inside()); }).join();
    } catch (const std::system_error& error) {
        return Error(Kind::internal, fmt::format("start a thread: {}", error.what()));
    }
    return std::move(*made);
}

Result<Plug> plug(Netns netns, const Bridge& bridge, std::string_view prefix) {
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    TRY(auto master, find_link(route, bridge.name));
    if (!master)
        return Error(Kind::internal, fmt::format("the bridge {} does not exist", bridge.name));
    Plug made;
    for (int attempt = 1;; ++attempt) {
        made.host_link = std::string(prefix) + random_digits(6);
        Status created =
            create_pair(route, made.host_link, netns.ns.get(), master->index, bridge.mtu);
        if (created) break;
        if (created.error().kind() != Kind::conflict || attempt == name_attempts)
            return created.error();
    }
    auto finish = [&]() -> Status {
        TRY_DO(raise_host_end(route, made.host_link, bridge.isolated));
        TRY(auto inner, find_link(netns.route, inner_link));
        if (!inner) return Error(Kind::internal, "eth0 vanished while it was plugged in");
        made.eth0 = inner->index;
        return raise_inner_end(netns.route, made.eth0);
    };
    Status finished = finish();
    if (!finished) {
        (void)delete_link(route, 0, made.host_link);
        return finished.error();
    }
    made.netns = std::move(netns);
    return made;
}

Result<Attached> set_address(Plug plug, Address address, const Bridge& bridge,
                             std::optional<Mac> mac) {
    Attached attached;
    attached.endpoint.host_link = plug.host_link;
    attached.endpoint.address = {address, bridge.address.prefix};
    attached.endpoint.gateway = bridge.gateway;
    attached.endpoint.mac = mac.value_or(mac_for(address));

    Batch batch;
    batch.begin(RTM_NEWLINK, 0, "set the MAC address of eth0", link_header(plug.eth0, true));
    batch.put(IFLA_ADDRESS, std::as_bytes(std::span(attached.endpoint.mac.bytes)));
    batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "set the address of eth0",
                ifaddrmsg{.ifa_family = AF_INET,
                          .ifa_prefixlen = static_cast<std::uint8_t>(bridge.address.prefix),
                          .ifa_index = static_cast<std::uint32_t>(plug.eth0)});
    batch.put_be32(IFA_LOCAL, address.value);
    batch.put_be32(IFA_ADDRESS, address.value);
    batch.put_be32(IFA_BROADCAST, bridge.subnet().last().value);
    batch.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "set the default route",
                rtmsg{.rtm_family = AF_INET,
                      .rtm_table = RT_TABLE_MAIN,
                      .rtm_protocol = RTPROT_BOOT,
                      .rtm_scope = RT_SCOPE_UNIVERSE,
                      .rtm_type = RTN_UNICAST});
    batch.put_be32(RTA_GATEWAY, bridge.gateway.value);
    batch.put_u32(RTA_OIF, static_cast<std::uint32_t>(plug.eth0));
    TRY_DO(plug.netns.route.run(batch));
    attached.netns = std::move(plug.netns);
    return attached;
}

Result<Attached> attach(const Bridge& bridge, std::string_view prefix, Address address,
                        std::optional<Mac> mac) {
    TRY(Netns netns, make_netns());
    TRY(Plug made, plug(std::move(netns), bridge, prefix));
    return set_address(std::move(made), address, bridge, mac);
}

// Not the bridge port's state: the kernel sets that back to forwarding when the other end's carrier
// comes and goes, and that end is the container's.
Status silence(const std::string& host_link) {
    TRY_DO(check_link_name(host_link));
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    Batch batch;
    ifinfomsg down{.ifi_family = AF_UNSPEC, .ifi_flags = 0, .ifi_change = IFF_UP};
    batch.begin(RTM_NEWLINK, 0, fmt::format("silence {}", host_link), down);
    batch.put(IFLA_IFNAME, host_link);
    Status ran = route.run(batch);
    if (!ran && ran.error().kind() == Kind::missing) return {};
    return ran;
}

Status detach(const std::string& host_link) {
    TRY_DO(check_link_name(host_link));
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    return delete_link(route, 0, host_link);
}

std::optional<Plug> PlugPool::take() {
    std::lock_guard lock(mutex_);
    if (ready_.empty()) return std::nullopt;
    Plug taken = std::move(ready_.front());
    ready_.pop_front();
    return taken;
}

std::size_t PlugPool::missing() const {
    std::lock_guard lock(mutex_);
    std::size_t have = ready_.size() + making_;
    return have < wanted_ ? wanted_ - have : 0;
}

Status PlugPool::add_one() {
    {
        std::lock_guard lock(mutex_);
        if (ready_.size() + making_ >= wanted_) return {};
        ++making_;
    }
    auto make = [&]() -> Result<Plug> {
        TRY(Netns netns, make_netns());
        return plug(std::move(netns), bridge_, prefix_);
    };
    Result<Plug> made = make();
    std::lock_guard lock(mutex_);
    --making_;
    if (!made) return made.error();
    if (ready_.size() < wanted_) ready_.push_back(std::move(*made));
    return {};
}

void PlugPool::close() {
    std::deque<Plug> dropped;
    {
        std::lock_guard lock(mutex_);
        wanted_ = 0;
        dropped.swap(ready_);
    }
    // The kernel would do it soon after the namespaces end; whoever closes wants it done.
    for (const Plug& each : dropped)
        (void)detach(each.host_link);
}

}  // namespace net
