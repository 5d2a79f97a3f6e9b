// Bridge, addresses, firewall and prepared namespaces put together.
#include "net/default_network.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/netlink.h>

namespace net {

DefaultNetwork::DefaultNetwork(DefaultNetworkConfig config, Bridge bridge)
    : config_(std::move(config)), bridge_(std::move(bridge)),
      prefix_(link_prefix(config_.engine_tag)), pool_(bridge_.subnet(), bridge_.range),
      plugs_(bridge_, prefix_, config_.prepared) {}

DefaultNetwork::~DefaultNetwork() = default;

Result<std::unique_ptr<DefaultNetwork>> DefaultNetwork::create(DefaultNetworkConfig config) {
    TRY(sys::netlink::Socket route, sys::netlink::Socket::open(NETLINK_ROUTE));
    TRY(std::vector<Link> left, list_links(route, link_prefix(config.engine_tag)));
    config.bridge.mark = fmt::format("made by lighter {}", config.engine_tag);
    TRY(Bridge bridge, ensure_bridge(config.bridge));
    bridge.isolated = !config.icc;
    std::unique_ptr<DefaultNetwork> made(new DefaultNetwork(std::move(config), bridge));
    made->left_ = std::move(left);
    TRY_DO(reserve_own(made->pool_, bridge));
    TRY_DO(made->set_up_firewall());
    return made;
}

Status DefaultNetwork::set_up_firewall() {
    if (bridge_.forwarding_switched_on)
        notices_.push_back(
            fmt::format("net.ipv4.ip_forward was off and has been switched on{}",
                        config_.iptables
                            ? "; nftables table lighter-guard keeps this host from routing between "
                              "interfaces that are no bridges"
                            : ""));
    if (!config_.iptables) return {};
    firewall_ = std::make_unique<Firewall>(
        FirewallConfig{.bridge = bridge_.name,
                       .subnet = bridge_.subnet(),
                       .masquerade = config_.ip_masq,
                       .icc = config_.icc,
                       .guard_forwarding = bridge_.forwarding_switched_on});
    TRY(ForeignRules foreign, firewall_->ensure());
    TRY_DO(route_loopback(bridge_.name));
    if (foreign.forward_opened)
        notices_.push_back(fmt::format("the iptables chain FORWARD drops by default; rules that "
                                       "accept {} were appended to it",
                                       bridge_.name));
    if (foreign.legacy_iptables)
        notices_.push_back(
            "the legacy iptables filter table is in use; if its FORWARD chain drops, "
            "containers have no way out");
    return {};
}

Result<Address> DefaultNetwork::allocate(std::optional<Address> wanted) {
    if (!wanted) return pool_.allocate();
    TRY_DO(pool_.reserve(*wanted));
    return *wanted;
}

void DefaultNetwork::release(Address address) {
    pool_.release(address);
}

Result<Attached> DefaultNetwork::attach(Address address, std::optional<Mac> mac) {
    TRY_DO(silence_former(address));
    if (std::optional<Plug> ready = plugs_.take())
        return set_address(std::move(*ready), address, bridge_, mac);
    return net::attach(bridge_, prefix_, address, mac);
}

// Whoever had this address may still be plugged in, with the same MAC.
Status DefaultNetwork::silence_former(Address address) {
    std::vector<std::string> former;
    {
        std::lock_guard lock(leaving_mutex_);
        for (const auto& [link, had] : leaving_)
            if (had == address) former.push_back(link);
    }
    for (const std::string& link : former)
        TRY_DO(silence(link));
    return {};
}

void DefaultNetwork::leave(const Endpoint& endpoint) {
    std::lock_guard lock(leaving_mutex_);
    if (leaving_.emplace(endpoint.host_link, endpoint.address.address).second)
        pool_.release(endpoint.address.address);
}

Status DefaultNetwork::detach(const Endpoint& endpoint) {
    Status gone = net::detach(endpoint.host_link);
    std::lock_guard lock(leaving_mutex_);
    // After leave() the address may be another's already.
    if (leaving_.erase(endpoint.host_link) == 0) pool_.release(endpoint.address.address);
    return gone;
}

Result<std::vector<PublishedPort>> DefaultNetwork::publish(Address container,
                                                           std::span<const PortWish> wishes) {
    if (!firewall_)
        return Error(Kind::unsupported,
                     "ports cannot be published with iptables=false by this engine");
    TRY(std::vector<PublishedPort> held, ports_.hold(container, wishes));
    Status published = firewall_->publish(held);
    if (published) return held;
    ports_.release(held);
    return published.error();
}

Status DefaultNetwork::unpublish(std::span<const PublishedPort> ports) {
    // First the way, then the place: who takes the port next is not to get our packets diverted.
    Status done = firewall_ ? firewall_->unpublish(ports) : Status();
    ports_.release(ports);
    return done;
}

Result<std::vector<PublishedPort>> DefaultNetwork::adopt_ports(
    std::span<const PublishedPort> ports) {
    std::vector<PublishedPort> taken = ports_.hold_again(ports);
    if (firewall_) TRY_DO(firewall_->publish(ports));
    return taken;
}

Status DefaultNetwork::adopt(const Endpoint& endpoint) {
    return pool_.reserve(endpoint.address.address);
}

Result<std::vector<std::string>> DefaultNetwork::sweep(std::span<const Endpoint> living) {
    TRY(sys::netlink::Socket route, sys::netlink::Socket::open(NETLINK_ROUTE));
    std::vector<std::string> swept;
    for (const Link& link : left_) {
        bool lives = std::ranges::any_of(
            living, [&](const Endpoint& each) { return each.host_link == link.name; });
        if (lives) continue;
        // By index: a link of ours that got the same name since is another one.
        TRY_DO(delete_link(route, link.index, link.name));
        swept.push_back(link.name);
    }
    return swept;
}

bool DefaultNetwork::wants_preparing() const {
    return plugs_.missing() > 0;
}

Status DefaultNetwork::prepare() {
    TRY_DO(restore());
    return plugs_.add_one();
}

Result<bool> DefaultNetwork::restore() {
    return firewall_ ? firewall_->restore() : false;
}

Status DefaultNetwork::remove() {
    plugs_.close();
    if (firewall_) TRY_DO(firewall_->remove());
    return bridge_.keep ? Status() : remove_bridge(bridge_.name);
}

}  // namespace net
