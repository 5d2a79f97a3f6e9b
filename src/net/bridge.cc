// The default bridge by rtnetlink, and the choice of a subnet for it.
#include "net/bridge.h"

#include "net/link.h"
#include "net/resolv.h"
#include "sys/netlink.h"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace net {

using sys::netlink::Attributes;
using sys::netlink::Batch;
using sys::netlink::Message;
using sys::netlink::Socket;

namespace {

struct LinkAddress {
    int link = 0;
    Cidr address;
};

Result<std::vector<LinkAddress>> list_addresses(Socket& route) {
    Batch batch;
    batch.begin(RTM_GETADDR, NLM_F_DUMP, "list addresses", ifaddrmsg{.ifa_family = AF_INET});
    std::vector<LinkAddress> addresses;
    TRY_DO(route.query(batch, [&](const Message& message) {
        auto header = message.header<ifaddrmsg>();
        if (message.type != RTM_NEWADDR || !header || header->ifa_family != AF_INET) return;
        auto local = message.attributes<ifaddrmsg>().be32(IFA_LOCAL);
        if (!local || header->ifa_prefixlen > 32) return;
        addresses.push_back(
            {static_cast<int>(header->ifa_index), Cidr{Address{*local}, header->ifa_prefixlen}});
    }));
    return addresses;
}

// Destinations of unicast routes, the default one aside, with the link they leave by.
Result<std::vector<LinkAddress>> list_routes(Socket& route) {
    Batch batch;
    batch.begin(RTM_GETROUTE, NLM_F_DUMP, "list routes", rtmsg{.rtm_family = AF_INET});
    std::vector<LinkAddress> routes;
    TRY_DO(route.query(batch, [&](const Message& message) {
        auto header = message.header<rtmsg>();
        if (message.type != RTM_NEWROUTE || !header || header->rtm_family != AF_INET) return;
        if (header->rtm_type == RTN_LOCAL || header->rtm_type == RTN_BROADCAST) return;
        if (header->rtm_dst_len == 0 || header->rtm_dst_len > 32) return;
        Attributes attributes = message.attributes<rtmsg>();
        auto destination = attributes.be32(RTA_DST);
        if (!destination) return;
        routes.push_back({static_cast<int>(attributes.u32(RTA_OIF).value_or(0)),
                          Cidr{Address{*destination}, header->rtm_dst_len}});
    }));
    return routes;
}

void put_address(Batch& batch, bool add, int index, Cidr address, std::string_view name) {
    ifaddrmsg header{.ifa_family = AF_INET,
                     .ifa_prefixlen = static_cast<std::uint8_t>(address.prefix),
                     .ifa_index = static_cast<std::uint32_t>(index)};
    if (add)
        batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
                    fmt::format("give {} to {}", address.text(), name), header);
    else
        batch.begin(RTM_DELADDR, 0, fmt::format("take {} from {}", address.text(), name), header);
    batch.put_be32(IFA_LOCAL, address.address.value);
    batch.put_be32(IFA_ADDRESS, address.address.value);
    if (add && address.prefix < 31) batch.put_be32(IFA_BROADCAST, address.network().last().value);
}

Status create_bridge(Socket& route, const BridgeConfig& config) {
    Batch batch;
    batch.begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, fmt::format("create {}", config.name),
                ifinfomsg{.ifi_family = AF_UNSPEC});
    batch.put(IFLA_IFNAME, config.name);
    // A MAC of its own: else the bridge takes the lowest of its ports and changes it as they come
    // and go, and every container's ARP entry of the gateway with it.
    Mac mac = random_mac();
    batch.put(IFLA_ADDRESS, std::as_bytes(std::span(mac.bytes)));
    batch.put_u32(IFLA_MTU, config.mtu);
    std::size_t info = batch.open(IFLA_LINKINFO);
    batch.put(IFLA_INFO_KIND, std::string_view("bridge"));
    batch.close(info);
    // The kernel takes no alias while it makes a link; the second message follows at once.
    batch.begin(RTM_NEWLINK, 0, fmt::format("mark {}", config.name),
                ifinfomsg{.ifi_family = AF_UNSPEC});
    batch.put(IFLA_IFNAME, config.name);
    batch.put(IFLA_IFALIAS, config.mark);
    TRY_DO(route.run(batch));
    TRY_DO(write_sysctl("ipv6/conf/" + config.name + "/disable_ipv6", "1"));
    return write_sysctl("ipv6/conf/" + config.name + "/accept_ra", "0");
}

struct Found {
    Link link;
    bool created = false;
};

Result<Found> find_or_create(Socket& route, const BridgeConfig& config) {
    Found found;
    TRY(auto link, find_link(route, config.name));
    if (!link) {
        Status created = create_bridge(route, config);
        // Another engine was faster: then it is there.
        if (!created && created.error().kind() != Kind::conflict) return created.error();
        found.created = bool(created);
        TRY(link, find_link(route, config.name));
    }
    if (!link)
        return Error(Kind::internal,
                     fmt::format("bridge {} vanished while it was set up", config.name));
    if (link->kind != "bridge")
        return Error(Kind::conflict,
                     fmt::format("existing interface {} is not a bridge", config.name));
    found.link = std::move(*link);
    return found;
}

// The address the bridge is to have: --bip, else what it has, else the first of a free subnet.
Result<Cidr> choose_address(Socket& route, const BridgeConfig& config, const Link& link) {
    if (config.bip) return *config.bip;
    TRY(std::vector<LinkAddress> present, list_addresses(route));
    for (const LinkAddress& each : present)
        if (each.link == link.index && each.address.prefix <= 30) return each.address;
    TRY(std::vector<Subnet> used, host_networks(config.name));
    used.insert(used.end(), config.avoid.begin(), config.avoid.end());
    TRY(Subnet subnet, pick_subnet(config.pools, used));
    return Cidr{Address{subnet.first().value + 1}, subnet.prefix};
}

Status set_up(Socket& route, const BridgeConfig& config, const Link& link, Cidr wanted,
              bool users) {
    TRY(std::vector<LinkAddress> present, list_addresses(route));
    Batch batch;
    bool there = false;
    for (const LinkAddress& each : present) {
        if (each.link != link.index) continue;
        if (each.address == wanted) {
            there = true;
        } else if (config.bip && users) {
            return Error(Kind::conflict, fmt::format("bridge IPv4 ({}) does not match requested "
                                                     "configuration {}",
                                                     each.address.text(), wanted.text()));
        } else if (config.bip) {
            put_address(batch, false, link.index, each.address, link.name);
        }
    }
    if (!there) put_address(batch, true, link.index, wanted, link.name);
    if (!link.up)
        batch.begin(RTM_NEWLINK, 0, fmt::format("set {} up", link.name),
                    ifinfomsg{.ifi_family = AF_UNSPEC,
                              .ifi_index = link.index,
                              .ifi_flags = IFF_UP,
                              .ifi_change = IFF_UP});
    return batch.empty() ? Status() : route.run(batch);
}

Result<bool> switch_forwarding_on() {
    TRY(std::string now, read_sysctl("ipv4/ip_forward"));
    if (now == "1") return false;
    TRY_DO(write_sysctl("ipv4/ip_forward", "1").context("enable IPv4 forwarding"));
    return true;
}

Status check_inside(const Bridge& bridge) {
    Subnet subnet = bridge.subnet();
    if (bridge.range && !subnet.contains(*bridge.range))
        return Error(Kind::invalid, fmt::format("fixed-cidr {} is not in the bridge's network {}",
                                                bridge.range->text(), subnet.text()));
    if (!subnet.contains(bridge.gateway))
        return Error(Kind::invalid, fmt::format("default gateway {} is not in {}",
                                                bridge.gateway.text(), subnet.text()));
    return {};
}

}  // namespace

Status check_link_name(std::string_view name) {
    bool ok = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
              std::ranges::none_of(name, [](unsigned char c) {
                  // '%' asks the kernel for a number, ':' was an alias.
                  return c <= ' ' || c >= 0x7f || c == '/' || c == ':' || c == '%';
              });
    if (!ok) return Error(Kind::invalid, fmt::format("invalid interface name: \"{}\"", name));
    return {};
}

Result<Bridge> ensure_bridge(const BridgeConfig& config) {
    TRY_DO(check_link_name(config.name));
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    TRY(Found found, find_or_create(route, config));
    Bridge bridge;
    bridge.name = config.name;
    bridge.created = found.created;
    bridge.keep = config.named_by_user && !found.created && found.link.alias != config.mark;
    bridge.mtu = config.mtu;
    bridge.mac = found.link.mac;
    bridge.range = config.fixed_cidr;
    auto finish = [&]() -> Status {
        TRY(bridge.address, choose_address(route, config, found.link));
        bridge.gateway = config.default_gateway.value_or(bridge.address.address);
        TRY_DO(check_inside(bridge));
        TRY_DO(set_up(route, config, found.link, bridge.address, bridge.keep));
        if (!config.ip_forward) return {};
        TRY(bridge.forwarding_switched_on, switch_forwarding_on());
        return {};
    };
    Status finished = finish();
    if (finished) return bridge;
    // Half a bridge is not left behind.
    if (found.created) (void)delete_link(route, found.link.index, config.name);
    return finished.error();
}

Status remove_bridge(const std::string& name) {
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    TRY(auto link, find_link(route, name));
    if (!link || link->kind != "bridge") return {};
    return delete_link(route, link->index, name);
}

Status route_loopback(const std::string& bridge) {
    return write_sysctl("ipv4/conf/" + bridge + "/route_localnet", "1");
}

Result<std::vector<Subnet>> host_networks(std::string_view except) {
    TRY(Socket route, Socket::open(NETLINK_ROUTE));
    TRY(auto own, find_link(route, std::string(except)));
    TRY(std::vector<LinkAddress> all, list_addresses(route));
    TRY(std::vector<LinkAddress> routes, list_routes(route));
    all.insert(all.end(), routes.begin(), routes.end());
    std::vector<Subnet> networks;
    for (const LinkAddress& each : all)
        if (!own || each.link != own->index) networks.push_back(each.address.network());
    for (const std::string& server : read_host_resolv_conf().conf.nameservers)
        if (auto address = Address::parse(server)) networks.push_back(Subnet{*address, 32});
    return networks;
}

Status reserve_own(AddressPool& pool, const Bridge& bridge) {
    TRY_DO(pool.reserve(bridge.address.address));
    if (bridge.gateway != bridge.address.address) TRY_DO(pool.reserve(bridge.gateway));
    return {};
}

}  // namespace net
