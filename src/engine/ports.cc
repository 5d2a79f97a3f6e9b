#include "engine/ports.h"

#include <charconv>
#include <fmt/format.h>
#include <netinet/in.h>
#include <string_view>

namespace engine {

namespace {

constexpr std::size_t wishes_max = 65536;

struct Range {
    std::uint16_t first = 0, last = 0;
};

Error bad_port(std::string_view text) {
    return Error(Kind::invalid, fmt::format("invalid port specification: \"{}\"", text));
}

std::optional<std::uint16_t> number(std::string_view text) {
    std::uint16_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// "80" or "8000-8010"; empty is 0.
Result<Range> port_range(std::string_view text) {
    if (text.empty()) return Range{};
    std::size_t dash = text.find('-');
    auto first = number(text.substr(0, dash));
    auto last = dash == text.npos ? first : number(text.substr(dash + 1));
    if (!first || !last || *last < *first) return bad_port(text);
    return Range{*first, *last};
}

struct ContainerPort {
    std::uint8_t protocol = IPPROTO_TCP;
    std::uint16_t port = 0;
};

Result<ContainerPort> container_port(std::string_view key) {
    ContainerPort out;
    std::size_t slash = key.find('/');
    auto port = number(key.substr(0, slash));
    if (!port || *port == 0) return bad_port(key.substr(0, slash));
    out.port = *port;
    std::string_view protocol = slash == key.npos ? "tcp" : key.substr(slash + 1);
    if (protocol == "udp")
        out.protocol = IPPROTO_UDP;
    else if (protocol == "sctp")
        out.protocol = IPPROTO_SCTP;
    else if (protocol != "tcp")
        return Error(Kind::invalid, fmt::format("invalid proto: {}", protocol));
    return out;
}

Result<net::Address> host_address(const std::string& text, net::Address default_host) {
    if (text.empty()) return default_host;
    if (text.contains(':'))
        return Error(Kind::unsupported,
                     fmt::format("publishing ports on IPv6 addresses ({}) is not implemented by "
                                 "this engine yet",
                                 text));
    auto address = net::Address::parse(text);
    if (!address) return Error(Kind::invalid, fmt::format("invalid IP address: {}", text));
    return *address;
}

}  // namespace

Result<std::vector<net::PortWish>> port_wishes(const wire::HostConfig& host,
                                               const wire::Set& exposed,
                                               net::Address default_host) {
    std::vector<net::PortWish> wishes, free_choice;
    auto add = [&](const std::string& key, const wire::PortBinding& binding) -> Status {
        TRY(ContainerPort inside, container_port(key));
        TRY(Range range, port_range(binding.host_port));
        TRY(net::Address address, host_address(binding.host_ip, default_host));
        if (wishes.size() + free_choice.size() >= wishes_max)
            return Error(Kind::invalid, fmt::format("more than {} published ports", wishes_max));
        auto& into = range.first != 0 ? wishes : free_choice;
        into.push_back({.protocol = inside.protocol,
                          .host = address,
                          .first = range.first,
                          .last = range.last,
                          .container_port = inside.port});
        return {};
    };
    for (const auto& [key, bindings] : host.port_bindings) {
        // An empty list is one port that the engine chooses.
        if (!bindings || bindings->empty()) TRY_DO(add(key, {}));
        if (bindings)
            for (const wire::PortBinding& binding : *bindings)
                TRY_DO(add(key, binding));
    }
    if (host.publish_all_ports)
        for (const auto& [key, nothing] : exposed)
            if (!host.port_bindings.contains(key)) TRY_DO(add(key, {}));
    wishes.insert(wishes.end(), free_choice.begin(), free_choice.end());
    return wishes;
}

wire::PortMap port_map(std::span<const net::PublishedPort> ports) {
    wire::PortMap map;
    for (const net::PublishedPort& port : ports) {
        auto& bindings =
            map[fmt::format("{}/{}", port.container_port, net::protocol_name(port.protocol))];
        if (!bindings) bindings.emplace();
        bindings->push_back(
            {.host_ip = port.host.text(), .host_port = std::to_string(port.host_port)});
    }
    return map;
}

Result<std::vector<net::PublishedPort>> published_ports(const EndpointRecord& endpoint) {
    std::vector<net::PublishedPort> ports;
    TRY(net::Address own, net::Address::parse(endpoint.address));
    for (const auto& [key, bindings] : endpoint.ports) {
        TRY(ContainerPort inside, container_port(key));
        if (!bindings) continue;
        for (const wire::PortBinding& binding : *bindings) {
            TRY(net::Address address, net::Address::parse(binding.host_ip));
            auto host_port = number(binding.host_port);
            if (!host_port) return bad_port(binding.host_port);
            ports.push_back({.protocol = inside.protocol,
                             .host = address,
                             .host_port = *host_port,
                             .container = own,
                             .container_port = inside.port});
        }
    }
    return ports;
}

}  // namespace engine
