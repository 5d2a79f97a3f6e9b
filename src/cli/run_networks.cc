// --network and the flags that are the first network's.
#include "cli/run_parts.h"

#include <charconv>
#include <fmt/format.h>

namespace cli {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

Status set_field(Value& endpoint, const std::string& key, const std::string& value) {
    if (key == "alias") {
        endpoint.at("Aliases").push(value);
    } else if (key == "ip") {
        endpoint.at("IPAMConfig").set("IPv4Address", value);
    } else if (key == "ip6") {
        endpoint.at("IPAMConfig").set("IPv6Address", value);
    } else if (key == "link-local-ip") {
        endpoint.at("IPAMConfig").at("LinkLocalIPs").push(value);
    } else if (key == "mac-address") {
        endpoint.set("MacAddress", value);
    } else if (key == "gw-priority") {
        std::int64_t priority = 0;
        auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), priority);
        if (error != std::errc() || end != value.data() + value.size() || value.empty())
            return bad(fmt::format("invalid gw-priority ({}): invalid syntax", value));
        endpoint.set("GwPriority", priority);
    } else if (key == "driver-opt") {
        std::size_t equals = value.find('=');
        if (equals == value.npos) return bad("invalid key value pair format in driver options");
        endpoint.at("DriverOpts").set(value.substr(0, equals), value.substr(equals + 1));
    } else {
        return bad(fmt::format("invalid field key {}", key));
    }
    return {};
}

bool is_user_defined(const std::string& name) {
    return name != "default" && name != "bridge" && name != "host" && name != "none" &&
           !name.starts_with("container:");
}

// What stands in flags of its own is the first network's.
Status add_flags(const RunOptions& options, const std::string& name, Value& endpoint) {
    auto conflict = [](std::string_view flag, std::string_view what) {
        return bad(fmt::format("conflicting options: cannot specify both --{} and per-network {}",
                               flag, what));
    };
    const Value& addresses = endpoint["IPAMConfig"];
    if (!options.network_alias.empty() && endpoint.find("Aliases"))
        return conflict("network-alias", "alias");
    if (!options.ip.empty() && addresses.find("IPv4Address")) return conflict("ip", "IPv4 address");
    if (!options.ip6.empty() && addresses.find("IPv6Address"))
        return conflict("ip6", "IPv6 address");
    if (!options.mac_address.empty() && endpoint.find("MacAddress"))
        return conflict("mac-address", "MAC address");
    if (!options.link_local_ip.empty() && addresses.find("LinkLocalIPs"))
        return conflict("link-local-ip", "link-local IP addresses");
    for (const std::string& alias : options.network_alias)
        endpoint.at("Aliases").push(alias);
    if (!options.ip.empty()) endpoint.at("IPAMConfig").set("IPv4Address", options.ip);
    if (!options.ip6.empty()) endpoint.at("IPAMConfig").set("IPv6Address", options.ip6);
    for (const std::string& ip : options.link_local_ip)
        endpoint.at("IPAMConfig").at("LinkLocalIPs").push(ip);
    if (!options.mac_address.empty()) endpoint.set("MacAddress", options.mac_address);
    if (is_user_defined(name))
        for (const std::string& link : options.links)
            endpoint.at("Links").push(link);
    return {};
}

}  // namespace

Result<Value> endpoint_of(const std::string& spec, std::string& name) {
    Value endpoint = Value::object();
    name = spec;
    if (spec.find('=') == spec.npos) return endpoint;
    name.clear();
    TRY(Arguments fields, csv_fields(spec));
    for (const std::string& field : fields) {
        std::size_t equals = field.find('=');
        if (equals == field.npos) return bad(fmt::format("invalid field {}", field));
        std::string key = field.substr(0, equals);
        if (key == "name")
            name = field.substr(equals + 1);
        else
            TRY_DO(set_field(endpoint, key, field.substr(equals + 1)));
    }
    if (name.empty()) return bad("network name/id is not specified");
    return endpoint;
}

Status add_networks(const RunOptions& options, Value& body, Value& host) {
    Value endpoints = Value::object();
    std::string mode;
    bool first = true;
    bool own = false;     // a network of the user's
    bool others = false;  // one that is always there
    for (const std::string& spec :
         options.networks.empty() ? Arguments{"default"} : options.networks) {
        std::string name;
        TRY(Value endpoint, endpoint_of(spec, name));
        if (name.empty()) return bad("no name set for network");
        if (endpoints.find(name) || (!first && name == mode))
            return bad(fmt::format("network \"{}\" is specified multiple times", name));
        if (first) {
            mode = name;
            TRY_DO(add_flags(options, name, endpoint));
        }
        (is_user_defined(name) ? own : others) = true;
        if (endpoint.find("Aliases") && !is_user_defined(name))
            return bad("network-scoped aliases are only supported for user-defined networks");
        // The default network without settings of its own needs no entry.
        if (!endpoint.members().empty() || options.networks.size() > 1)
            endpoints.set(name, endpoint);
        first = false;
    }
    if (own && others)
        return bad("conflicting options: cannot attach both user-defined and non-user-defined "
                   "network-modes");
    host.set("NetworkMode", mode);
    Value networking = Value::object();
    networking.set("EndpointsConfig", std::move(endpoints));
    body.set("NetworkingConfig", std::move(networking));
    return {};
}

}  // namespace cli
