// The network's part about published ports.
#include "base/log.h"
#include "engine/network.h"
#include "engine/ports.h"
#include "net/default_network.h"

#include <fmt/format.h>

namespace engine {

Task<Status> Network::publish(const ContainerRecord& record, EndpointRecord& endpoint) {
    CO_TRY(auto wishes,
           port_wishes(record.host_config, record.config.exposed_ports, bridge_->default_host()));
    if (wishes.empty()) co_return Status();
    CO_TRY(net::Address own, net::Address::parse(endpoint.address));
    auto made = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, net::Address address, std::vector<net::PortWish> wanted) {
            return bridge->publish(address, wanted);
        },
        bridge_.get(), own, std::move(wishes)));
    if (!made)
        co_return Error(made.error().kind(),
                        fmt::format("failed to set up container networking: driver failed programming "
                                    "external connectivity on endpoint {} ({}): {}",
                                    record.name, endpoint.id, made.error().message()));
    endpoint.ports = port_map(*made);
    co_return Status();
}

Task<void> Network::unpublish(const EndpointRecord& endpoint) {
    auto ports = published_ports(endpoint);
    if (!ports || !bridge_) co_return;
    Status gone = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, std::vector<net::PublishedPort> old) {
            return bridge->unpublish(old);
        },
        bridge_.get(), std::move(*ports)));
    if (!gone) base::log::warn("published ports left behind: {}", gone.error().message());
}

Task<Status> Network::adopt_ports(const EndpointRecord& endpoint) {
    if (!bridge_) co_return Status();
    CO_TRY(auto ports, published_ports(endpoint));
    auto taken = co_await shield(workers_.run(
        loop::Lane::heavy,
        [](net::DefaultNetwork* bridge, std::vector<net::PublishedPort> old) {
            return bridge->adopt_ports(old);
        },
        bridge_.get(), std::move(ports)));
    if (!taken) co_return taken.error();
    for (const net::PublishedPort& port : *taken)
        base::log::warn("another process has taken port {}:{}/{} while the engine was away",
                        port.host.text(), port.host_port, net::protocol_name(port.protocol));
    co_return Status();
}

}  // namespace engine
