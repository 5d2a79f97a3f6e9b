#include "engine/network.h"

#include "base/hex.h"
#include "base/log.h"
#include "net/default_network.h"
#include "net/resolv.h"
#include "store/sha256.h"
#include "sys/file.h"

#include <fmt/format.h>

namespace engine {

namespace {

constexpr std::size_t hosts_bytes_max = 4 * 1024 * 1024;

struct FileOrder {
    net::HostsOptions hosts;
    net::DnsOptions dns;
    bool of_host = false;  // --network host: the host's own files
};

Result<Network::Files> render(FileOrder order) {
    net::HostResolvConf host = net::read_host_resolv_conf();
    Network::Files files;
    files.resolv_conf = order.of_host
                            ? net::render_host_resolv_conf(host.conf, order.dns, host.path)
                            : net::render_resolv_conf(host.conf, order.dns, host.path);
    if (order.of_host)
        if (auto own = sys::read_file("/etc/hosts", hosts_bytes_max); own) {
            files.hosts = std::move(*own);
            for (const net::ExtraHost& extra : order.hosts.extra)
                files.hosts += fmt::format("{}\t{}\n", extra.address, extra.name);
            return files;
        }
    TRY(files.hosts, net::render_hosts(order.hosts));
    return files;
}

Result<net::Endpoint> endpoint_of(const EndpointRecord& record) {
    net::Endpoint endpoint;
    endpoint.host_link = record.host_link;
    TRY(endpoint.address.address, net::Address::parse(record.address));
    endpoint.address.prefix = static_cast<unsigned>(record.prefix_length);
    TRY(endpoint.gateway, net::Address::parse(record.gateway));
    TRY(endpoint.mac, net::Mac::parse(record.mac));
    return endpoint;
}

EndpointRecord record_of(const net::Endpoint& endpoint) {
    EndpointRecord record;
    record.id = base::random_id();
    record.host_link = endpoint.host_link;
    record.address = endpoint.address.address.text();
    record.prefix_length = endpoint.address.prefix;
    record.gateway = endpoint.gateway.text();
    record.mac = endpoint.mac.text();
    return record;
}

net::DnsOptions dns_of(const wire::HostConfig& host, const DnsSettings& daemon) {
    net::DnsOptions dns;
    dns.nameservers = host.dns.empty() ? daemon.servers : host.dns;
    dns.search = host.dns_search.empty() ? daemon.search : host.dns_search;
    dns.options = host.dns_options.empty() ? daemon.options : host.dns_options;
    return dns;
}

Error bad_endpoint(std::string_view network, std::string_view why) {
    return Error(
        Kind::invalid,
        fmt::format("invalid config for network {}: invalid endpoint settings:\n{}", network, why));
}

}  // namespace

Network::Network(Loop& loop, Workers& workers, std::unique_ptr<net::DefaultNetwork> bridge,
                 DnsSettings dns, std::string engine_identity)
    : loop_(loop), workers_(workers), bridge_(std::move(bridge)), dns_(std::move(dns)), work_(loop),
      id_(store::sha256_digest("network bridge of " + engine_identity).substr(7)) {
    refill_soon();
}

Network::~Network() = default;

Task<void> Network::close() {
    // Releases are finished; what a kill would leave, the next start sweeps.
    closing_ = true;
    co_await work_.join();
}

std::string Network::bridge_name() const {
    return bridge_ ? bridge_->bridge().name : "";
}

std::string Network::gateway() const {
    return bridge_ ? bridge_->bridge().gateway.text() : "";
}

std::string Network::subnet() const {
    return bridge_ ? bridge_->bridge().subnet().text() : "";
}

Task<Result<Attachment>> Network::attach(std::string mac) {
    assert(bridge_);
    std::optional<net::Mac> wanted;
    if (!mac.empty()) {
        CO_TRY(net::Mac parsed, net::Mac::parse(mac));
        wanted = parsed;
    }
    CO_TRY(net::Address address, bridge_->allocate());
    Result<net::Attached> made = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, net::Address own, std::optional<net::Mac> own_mac) {
            return bridge->attach(own, own_mac);
        },
        bridge_.get(), address, wanted));
    if (!made) {
        bridge_->release(address);
        co_return made.error();
    }
    refill_soon();
    Attachment attached;
    attached.network_namespace = std::move(made->netns.ns);
    attached.endpoint = record_of(made->endpoint);
    co_return attached;
}

Task<Result<Fd>> Network::isolated() {
    co_return co_await shield(workers_.run(loop::Lane::heavy, []() -> Result<Fd> {
        TRY(net::Netns made, net::make_netns());
        return std::move(made.ns);
    }));
}

Status Network::adopt(const EndpointRecord& record) {
    if (!bridge_) return {};
    TRY(net::Endpoint endpoint, endpoint_of(record));
    return bridge_->adopt(endpoint);
}

void Network::release(EndpointRecord record) {
    if (!bridge_) return;
    Result<net::Endpoint> endpoint = endpoint_of(record);
    if (!endpoint) {
        base::log::error("endpoint of a container is unreadable: {}", endpoint.error().message());
        return;
    }
    // At once: a container that is started again is to get its address back.
    bridge_->leave(*endpoint);
    work_.spawn(release_now(std::move(*endpoint)));
}

Task<void> Network::release_now(net::Endpoint endpoint) {
    std::string link = endpoint.host_link;
    Status gone = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, net::Endpoint old) { return bridge->detach(old); },
        bridge_.get(), std::move(endpoint)));
    if (!gone) base::log::warn("link left behind link={}: {}", link, gone.error().message());
}

void Network::refill_soon() {
    if (!bridge_ || refilling_ || closing_ || !bridge_->wants_preparing()) return;
    refilling_ = true;
    work_.spawn(refill());
}

// One namespace at a time, so that a start never waits behind several.
Task<void> Network::refill() {
    while (!closing_ && bridge_->wants_preparing()) {
        Status made = co_await shield(workers_.run(
            loop::Lane::heavy, [](net::DefaultNetwork* bridge) { return bridge->prepare(); },
            bridge_.get()));
        if (made) continue;
        base::log::warn("no network namespace prepared: {}", made.error().message());
        break;
    }
    refilling_ = false;
}

Task<void> Network::sweep(std::vector<EndpointRecord> living) {
    if (!bridge_) co_return;
    std::vector<net::Endpoint> endpoints;
    for (const EndpointRecord& record : living)
        if (auto endpoint = endpoint_of(record); endpoint) endpoints.push_back(*endpoint);
    auto swept = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, std::vector<net::Endpoint> kept) {
            return bridge->sweep(kept);
        },
        bridge_.get(), std::move(endpoints)));
    if (!swept) base::log::warn("links of ended containers: {}", swept.error().message());
}

Task<Status> Network::remove() {
    if (!bridge_) co_return Status();
    co_return co_await shield(workers_.run(
        loop::Lane::heavy, [](net::DefaultNetwork* bridge) { return bridge->remove(); },
        bridge_.get()));
}

Task<Result<Network::Files>> Network::files(const ContainerRecord& record, std::string hostname,
                                            const EndpointRecord* endpoint) {
    FileOrder order;
    order.of_host = record.host_config.network_mode == "host";
    order.hosts.hostname = std::move(hostname);
    order.hosts.domainname = record.config.domainname;
    if (endpoint) {
        CO_TRY(net::Address own, net::Address::parse(endpoint->address));
        order.hosts.address = own;
    }
    if (bridge_) order.hosts.host_gateway = bridge_->bridge().gateway;
    for (const std::string& text : record.host_config.extra_hosts) {
        CO_TRY(net::ExtraHost extra, net::parse_extra_host(text));
        order.hosts.extra.push_back(std::move(extra));
    }
    order.dns = dns_of(record.host_config, dns_);
    co_return co_await workers_.run(loop::Lane::quick, render, std::move(order));
}

Status Network::check(const wire::HostConfig& host,
                      const wire::NetworkingConfig& networking) const {
    TRY_DO(net::check_dns(dns_of(host, dns_)));
    for (const std::string& text : host.extra_hosts)
        TRY_DO(net::parse_extra_host(text));
    for (const auto& [name, settings] : networking.endpoints_config) {
        bool fixed = settings.ipam_config && (!settings.ipam_config->ipv4_address.empty() ||
                                              !settings.ipam_config->ipv6_address.empty());
        if (fixed)
            return bad_endpoint(
                name, "user specified IP address is supported on user defined networks only");
        if (!settings.aliases.empty())
            return bad_endpoint(
                name, "network-scoped aliases are only supported for user-defined networks");
        if (!settings.links.empty())
            return Error(Kind::unsupported, "links are not implemented by this engine yet");
        if (!settings.mac_address.empty()) TRY_DO(net::Mac::parse(settings.mac_address));
    }
    return {};
}

}  // namespace engine
