// Published ports between the API's words ("80/tcp": [{"HostIp", "HostPort"}]) and the net room's.
#pragma once

#include "engine/record.h"
#include "net/held_ports.h"

#include <span>
#include <vector>

namespace engine {

// What -p and -P ask for, those with a fixed host port first, so that no free choice takes one of
// them. invalid in Docker's words ("invalid port specification: \"0x50\""); unsupported for an IPv6
// address. `default_host`: for those that name no address (--ip).
Result<std::vector<net::PortWish>> port_wishes(const wire::HostConfig& host,
                                               const wire::Set& exposed,
                                               net::Address default_host);

wire::PortMap port_map(std::span<const net::PublishedPort> ports);
// The other way, for a container found again after a restart of the engine.
Result<std::vector<net::PublishedPort>> published_ports(const EndpointRecord& endpoint);

}  // namespace engine
