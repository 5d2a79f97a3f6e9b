#include "cli/run_parts.h"

#include "cli/human.h"
#include "sys/file.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace cli {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

Result<std::int64_t> whole(std::string_view text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return bad(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
    return value;
}

std::string absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved)) return resolved;
    return path;
}

}  // namespace

Arguments split(std::string_view text, char separator) {
    Arguments out;
    for (;;) {
        std::size_t end = text.find(separator);
        out.emplace_back(text.substr(0, end));
        if (end == text.npos) return out;
        text.remove_prefix(end + 1);
    }
}

Value map_of(const Arguments& pairs) {
    Value out = Value::object();
    for (const std::string& pair : pairs) {
        std::size_t equals = pair.find('=');
        out.set(pair.substr(0, equals), equals == pair.npos ? "" : pair.substr(equals + 1));
    }
    return out;
}

Result<Arguments> env_of(const Arguments& files, const Arguments& given, bool from_environment) {
    Arguments lines;
    for (const std::string& path : files) {
        auto text = sys::read_file(path, 1024 * 1024);
        if (!text) return bad(fmt::format("open {}: no such file or directory", path));
        for (std::string line : split(*text, '\n')) {
            if (line.ends_with('\r')) line.pop_back();
            line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
            if (line.empty() || line[0] == '#') continue;
            std::string name = line.substr(0, line.find('='));
            if (name.empty() || name.find_first_of(" \t") != name.npos)
                return bad(fmt::format("invalid environment file ({}): variable '{}' contains "
                                       "whitespaces",
                                       path, name));
            lines.push_back(std::move(line));
        }
    }
    lines.insert(lines.end(), given.begin(), given.end());
    Arguments out;
    for (const std::string& line : lines) {
        if (line.empty() || line[0] == '=')
            return bad(fmt::format("invalid environment variable: {}", line));
        if (line.find('=') != line.npos || !from_environment) {
            out.push_back(line);
        } else if (const char* value = std::getenv(line.c_str())) {
            out.push_back(line + "=" + value);
        }
    }
    return out;
}

namespace {

struct PortRange {
    std::int64_t first = 0;
    std::int64_t last = 0;
};

Result<PortRange> port_range(std::string_view text, std::string_view whole_text) {
    Arguments ends = split(text, '-');
    auto wrong = [&] { return bad(fmt::format("invalid containerPort: {}", whole_text)); };
    if (ends.size() > 2) return wrong();
    auto first = whole(ends[0]);
    auto last = whole(ends.back());
    if (!first || !last || *first < 1 || *last > 65535 || *last < *first) return wrong();
    return PortRange{*first, *last};
}

Status publish(const std::string& spec, Value& exposed, Value& bindings) {
    std::string_view rest = spec;
    std::string protocol = "tcp";
    if (std::size_t slash = rest.rfind('/'); slash != rest.npos) {
        protocol = std::string(rest.substr(slash + 1));
        rest = rest.substr(0, slash);
        if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
            return bad(fmt::format("invalid proto: {}", protocol));
    }
    std::size_t colon = rest.rfind(':');
    TRY(PortRange inside, port_range(rest.substr(colon == rest.npos ? 0 : colon + 1), spec));
    std::string ip;
    std::string host;
    if (colon != rest.npos) {
        rest = rest.substr(0, colon);
        std::size_t before = rest.rfind(':');
        // "[::1]:80" has an address in brackets; "127.0.0.1:" leaves the port to the engine.
        if (before != rest.npos && !rest.ends_with(']')) {
            ip = std::string(rest.substr(0, before));
            host = std::string(rest.substr(before + 1));
        } else if (rest.ends_with(']')) {
            return bad(fmt::format("invalid hostPort: {}", rest));
        } else {
            host = std::string(rest);
        }
        if (ip.starts_with('[')) ip = ip.substr(1, ip.size() - 2);
    }
    PortRange outside;
    if (!host.empty()) {
        auto range = port_range(host, spec);
        if (!range) return bad(fmt::format("invalid hostPort: {}", host));
        outside = *range;
        bool same = outside.last - outside.first == inside.last - inside.first;
        if (!same && inside.first != inside.last)
            return bad(fmt::format(
                "Invalid ranges specified for container and host Ports: {} and {}", spec, host));
    }
    for (std::int64_t port = inside.first; port <= inside.last; ++port) {
        std::string key = fmt::format("{}/{}", port, protocol);
        exposed.set(key, Value::object());
        std::string host_port;
        if (!host.empty())
            host_port = inside.first == inside.last && outside.first != outside.last
                            ? host
                            : std::to_string(outside.first + port - inside.first);
        Value binding = Value::object();
        binding.set("HostIp", ip).set("HostPort", host_port);
        bindings.at(key).push(std::move(binding));
    }
    return {};
}

}  // namespace

Status add_ports(const RunOptions& options, Value& config, Value& host) {
    Value exposed = Value::object();
    Value bindings = Value::object();
    for (const std::string& spec : options.publish)
        TRY_DO(publish(spec, exposed, bindings));
    for (const std::string& spec : options.expose) {
        std::string range = spec.substr(0, spec.find('/'));
        std::string protocol = range.size() < spec.size() ? spec.substr(range.size() + 1) : "tcp";
        if (spec.find(':') != spec.npos)
            return bad(fmt::format("invalid port format for --expose: {}", spec));
        auto ports = port_range(range, spec);
        if (!ports) return bad(fmt::format("invalid range format for --expose: {}", spec));
        for (std::int64_t port = ports->first; port <= ports->last; ++port)
            exposed.set(fmt::format("{}/{}", port, protocol), Value::object());
    }
    if (!exposed.members().empty()) config.set("ExposedPorts", std::move(exposed));
    host.set("PortBindings", std::move(bindings));
    return {};
}

namespace {

Result<Value> mount_of(const std::string& spec) {
    Value mount = Value::object();
    mount.set("Type", "volume");
    auto flag = [](const std::string& key, const std::string& value) -> Result<bool> {
        auto parsed = parse_bool(value);
        if (!parsed) return bad(fmt::format("invalid value for {}: {}", key, value));
        return parsed;
    };
    for (const std::string& field : split(spec, ',')) {
        std::size_t equals = field.find('=');
        std::string key = field.substr(0, equals);
        bool bare = equals == field.npos;
        std::string value = bare ? "" : field.substr(equals + 1);
        if (key == "readonly" || key == "ro") {
            TRY(bool read_only, flag(key, bare ? "true" : value));
            mount.set("ReadOnly", read_only);
            continue;
        }
        if (bare && key != "volume-nocopy" && key != "bind-nonrecursive")
            return bad(fmt::format("invalid field '{}' must be a key=value pair", field));
        if (key == "type") {
            mount.set("Type", value);
        } else if (key == "source" || key == "src") {
            bool relative = value == "." || value == ".." || value.starts_with("./") ||
                            value.starts_with("../");
            mount.set("Source", relative ? absolute(value) : value);
        } else if (key == "target" || key == "dst" || key == "destination") {
            mount.set("Target", value);
        } else if (key == "consistency") {
            mount.set("Consistency", value);
        } else if (key == "bind-propagation") {
            mount.at("BindOptions").set("Propagation", value);
        } else if (key == "bind-nonrecursive") {
            TRY(bool on, flag(key, bare ? "true" : value));
            mount.at("BindOptions").set("NonRecursive", on);
        } else if (key == "bind-recursive") {
            if (value == "disabled")
                mount.at("BindOptions").set("NonRecursive", true);
            else if (value == "writable")
                mount.at("BindOptions").set("ReadOnlyNonRecursive", true);
            else if (value == "readonly")
                mount.at("BindOptions").set("ReadOnlyForceRecursive", true);
            else if (value != "enabled")
                return bad(
                    fmt::format("invalid value for {}: {} (must be \"enabled\", \"disabled\", "
                                "\"writable\", or \"readonly\")",
                                key, value));
        } else if (key == "bind-create-src") {
            TRY(bool on, flag(key, value));
            mount.at("BindOptions").set("CreateMountpoint", on);
        } else if (key == "volume-subpath") {
            mount.at("VolumeOptions").set("Subpath", value);
        } else if (key == "volume-nocopy") {
            TRY(bool on, flag(key, bare ? "true" : value));
            mount.at("VolumeOptions").set("NoCopy", on);
        } else if (key == "volume-label") {
            Value one = map_of({value});
            mount.at("VolumeOptions")
                .at("Labels")
                .set(one.members()[0].name, one.members()[0].value);
        } else if (key == "volume-driver") {
            mount.at("VolumeOptions").at("DriverConfig").set("Name", value);
        } else if (key == "volume-opt") {
            Value one = map_of({value});
            mount.at("VolumeOptions")
                .at("DriverConfig")
                .at("Options")
                .set(one.members()[0].name, one.members()[0].value);
        } else if (key == "image-subpath") {
            mount.at("ImageOptions").set("Subpath", value);
        } else if (key == "tmpfs-size") {
            TRY(std::int64_t size, parse_bytes(value));
            mount.at("TmpfsOptions").set("SizeBytes", size);
        } else if (key == "tmpfs-mode") {
            char* end = nullptr;
            long mode = std::strtol(value.c_str(), &end, 8);
            if (*end != 0) return bad(fmt::format("invalid value for {}: {}", key, value));
            mount.at("TmpfsOptions").set("Mode", std::int64_t(mode));
        } else {
            return bad(fmt::format("unexpected key '{}' in '{}'", key, field));
        }
    }
    if (mount["Target"].text().empty()) return bad("target is required");
    return mount;
}

}  // namespace

Status add_mounts(const RunOptions& options, Value& config, Value& host) {
    Value volumes = Value::object();
    Arguments binds;
    for (const std::string& spec : options.volumes) {
        Arguments parts = split(spec, ':');
        if (parts.size() == 1) {
            volumes.set(spec, Value::object());
            continue;
        }
        if (parts[0].starts_with('.')) parts[0] = absolute(parts[0]);
        binds.push_back(fmt::format("{}", fmt::join(parts, ":")));
    }
    if (!volumes.members().empty()) config.set("Volumes", std::move(volumes));
    host.set("Binds", binds.empty() ? Value() : Value::texts(binds));
    Value mounts = Value::array();
    for (const std::string& spec : options.mounts) {
        auto mount = mount_of(spec);
        if (!mount)
            return bad(fmt::format("invalid argument \"{}\" for \"--mount\" flag: {}", spec,
                                   mount.error().message()));
        mounts.push(std::move(mount).value());
    }
    if (!mounts.items().empty()) host.set("Mounts", std::move(mounts));
    Value tmpfs = Value::object();
    for (const std::string& spec : options.tmpfs) {
        std::size_t colon = spec.find(':');
        tmpfs.set(spec.substr(0, colon), colon == spec.npos ? "" : spec.substr(colon + 1));
    }
    if (!tmpfs.members().empty()) host.set("Tmpfs", std::move(tmpfs));
    host.set("VolumesFrom",
             options.volumes_from.empty() ? Value() : Value::texts(options.volumes_from));
    return {};
}

Result<Value> devices_of(const Arguments& devices) {
    Value out = Value::array();
    for (const std::string& spec : devices) {
        Arguments parts = split(spec, ':');
        auto is_mode = [](const std::string& text) {
            return !text.empty() && text.find_first_not_of("rwm") == text.npos;
        };
        if (parts.size() > 3 || parts[0].empty())
            return bad(fmt::format("invalid device specification: {}", spec));
        std::string inside = parts[0];
        std::string mode = "rwm";
        if (parts.size() >= 2) (parts.size() == 2 && is_mode(parts[1]) ? mode : inside) = parts[1];
        if (parts.size() == 3) mode = parts[2];
        if (!is_mode(mode)) return bad(fmt::format("invalid device mode: {}", mode));
        Value device = Value::object();
        device.set("PathOnHost", parts[0])
            .set("PathInContainer", inside)
            .set("CgroupPermissions", mode);
        out.push(std::move(device));
    }
    return out;
}

Result<Value> ulimits_of(const Arguments& ulimits) {
    Value out = Value::array();
    for (const std::string& spec : ulimits) {
        std::size_t equals = spec.find('=');
        auto wrong = [&](std::string_view why) {
            return bad(fmt::format("invalid argument \"{}\" for \"--ulimit\" flag: {}", spec, why));
        };
        if (equals == spec.npos) return wrong(fmt::format("invalid ulimit argument: {}", spec));
        Arguments limits = split(std::string_view(spec).substr(equals + 1), ':');
        if (limits.size() > 2)
            return wrong(fmt::format(
                "too many limit value arguments - {}, can only have up to two, `soft[:hard]`",
                spec.substr(equals + 1)));
        auto soft = whole(limits[0]);
        auto hard = whole(limits.back());
        if (!soft) return wrong(soft.error().message());
        if (!hard) return wrong(hard.error().message());
        if (*hard != -1 && (*soft > *hard || *soft == -1))
            return wrong(
                fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                            *soft, *hard));
        Value limit = Value::object();
        limit.set("Name", spec.substr(0, equals)).set("Hard", *hard).set("Soft", *soft);
        out.push(std::move(limit));
    }
    return out;
}

Result<Value> throttle_of(const Arguments& limits, bool bytes) {
    Value out = Value::array();
    for (const std::string& spec : limits) {
        std::size_t colon = spec.rfind(':');
        if (colon == spec.npos || !spec.starts_with("/dev/"))
            return bad(fmt::format("bad format for device path: {}", spec));
        std::string number = spec.substr(colon + 1);
        auto rate = bytes ? parse_bytes(number) : whole(number);
        if (!rate || *rate < 0)
            return bad(fmt::format("invalid rate for device: {}. The correct format is "
                                   "<device-path>:<number>{}",
                                   spec, bytes ? "[<unit>]" : ""));
        Value one = Value::object();
        one.set("Path", spec.substr(0, colon)).set("Rate", *rate);
        out.push(std::move(one));
    }
    return out;
}

Result<Arguments> security_of(const Arguments& options) {
    Arguments out;
    for (const std::string& option : options) {
        std::size_t mark = option.find_first_of("=:");
        std::string key = option.substr(0, mark);
        if (mark == option.npos && key != "no-new-privileges")
            return bad(fmt::format("invalid --security-opt: \"{}\"", option));
        std::string value = mark == option.npos ? "" : option.substr(mark + 1);
        if (key == "seccomp" && value != "unconfined" && value != "builtin") {
            auto profile = sys::read_file(value, 1024 * 1024);
            if (!profile)
                return bad(
                    fmt::format("opening seccomp profile ({}) failed: open {}: no such file or "
                                "directory",
                                value, value));
            auto document = codec::parse_value(*profile);
            if (!document)
                return bad(fmt::format("compacting json for seccomp profile ({}) failed: {}", value,
                                       document.error().message()));
            out.push_back("seccomp=" + document->json());
            continue;
        }
        out.push_back(option);
    }
    return out;
}

Result<Value> restart_of(std::string_view policy) {
    std::size_t colon = policy.find(':');
    std::int64_t count = 0;
    if (colon != policy.npos) {
        auto parsed = whole(policy.substr(colon + 1));
        if (!parsed)
            return bad("invalid restart policy format: maximum retry count must be an integer");
        count = *parsed;
    }
    std::string name(policy.substr(0, colon));
    if (colon != policy.npos && name.empty())
        return bad("invalid restart policy format: no policy provided before colon");
    Value out = Value::object();
    out.set("Name", name).set("MaximumRetryCount", count);
    return out;
}

Status add_networks(const RunOptions& options, Value& body, Value& host) {
    Value endpoints = Value::object();
    std::string mode;
    bool first = true;
    for (const std::string& spec :
         options.networks.empty() ? Arguments{"default"} : options.networks) {
        std::string name = spec;
        Value endpoint = Value::object();
        if (spec.find('=') != spec.npos) {
            name.clear();
            for (const std::string& field : split(spec, ',')) {
                std::size_t equals = field.find('=');
                if (equals == field.npos)
                    return bad(fmt::format("invalid field '{}' must be a key=value pair", field));
                std::string key = field.substr(0, equals);
                std::string value = field.substr(equals + 1);
                if (key == "name")
                    name = value;
                else if (key == "alias")
                    endpoint.at("Aliases").push(value);
                else if (key == "ip")
                    endpoint.at("IPAMConfig").set("IPv4Address", value);
                else if (key == "ip6")
                    endpoint.at("IPAMConfig").set("IPv6Address", value);
                else if (key == "link-local-ip")
                    endpoint.at("IPAMConfig").at("LinkLocalIPs").push(value);
                else if (key == "mac-address")
                    endpoint.set("MacAddress", value);
                else if (key == "gw-priority") {
                    TRY(std::int64_t priority, whole(value));
                    endpoint.set("GwPriority", priority);
                } else if (key == "driver-opt") {
                    Value one = map_of({value});
                    endpoint.at("DriverOpts").set(one.members()[0].name, one.members()[0].value);
                } else
                    return bad(fmt::format("invalid field key {}", key));
            }
            if (name.empty()) return bad("network name is required");
        }
        if (first) {
            mode = name;
            for (const std::string& alias : options.network_alias)
                endpoint.at("Aliases").push(alias);
            if (!options.ip.empty()) endpoint.at("IPAMConfig").set("IPv4Address", options.ip);
            if (!options.ip6.empty()) endpoint.at("IPAMConfig").set("IPv6Address", options.ip6);
            for (const std::string& ip : options.link_local_ip)
                endpoint.at("IPAMConfig").at("LinkLocalIPs").push(ip);
            if (!options.mac_address.empty()) endpoint.set("MacAddress", options.mac_address);
            for (const std::string& link : options.links)
                endpoint.at("Links").push(link);
        }
        // The default network without settings of its own needs no entry.
        if (!endpoint.members().empty() || options.networks.size() > 1)
            endpoints.set(name, endpoint);
        first = false;
    }
    host.set("NetworkMode", mode);
    Value networking = Value::object();
    networking.set("EndpointsConfig", std::move(endpoints));
    body.set("NetworkingConfig", std::move(networking));
    return {};
}

}  // namespace cli
