#include "cli/run_parts.h"

#include "cli/human.h"
#include "cli/run_checks.h"
#include "sys/file.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/stat.h>

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

namespace {

std::string unset_or(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? name + "=" + value : name;
}

// NAME=value lines of files, comments and empty lines left out.
Result<Arguments> lines_of(const Arguments& files) {
    constexpr std::string_view blanks = " \t";
    constexpr std::size_t file_bytes_max = 1024 * 1024;
    Arguments lines;
    for (const std::string& path : files) {
        auto text = sys::read_file(path, file_bytes_max);
        if (!text && text.error().kind() == Kind::missing)
            return bad(fmt::format("open {}: no such file or directory", path));
        auto wrong = [&](std::string_view why) {
            return bad(fmt::format("invalid env file ({}): {}", path, why));
        };
        if (!text) {
            struct stat about{};
            bool folder = ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
            return wrong(folder ? fmt::format("read {}: is a directory", path)
                                : text.error().message());
        }
        for (std::string line : split(*text, '\n')) {
            if (line.ends_with('\r')) line.pop_back();
            line.erase(0, std::min(line.find_first_not_of(blanks), line.size()));
            if (line.empty() || line[0] == '#') continue;
            std::string name = line.substr(0, line.find('='));
            if (name.empty()) return wrong(fmt::format("no variable name on line '{}'", line));
            if (name.find_first_of(blanks) != name.npos)
                return wrong(fmt::format("variable '{}' contains whitespaces", name));
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

}  // namespace

Result<Arguments> env_of(const Arguments& files, const Arguments& given) {
    Arguments out;
    TRY(Arguments lines, lines_of(files));
    for (const std::string& line : lines) {
        std::string found = line.find('=') == line.npos ? unset_or(line) : line;
        if (found.find('=') != found.npos) out.push_back(std::move(found));
    }
    for (const std::string& text : given)
        out.push_back(text.find('=') == text.npos ? unset_or(text) : text);
    return out;
}

Result<Arguments> labels_of(const Arguments& files, const Arguments& given) {
    TRY(Arguments out, lines_of(files));
    std::erase_if(out, [](const std::string& line) { return line.find('=') == line.npos; });
    out.insert(out.end(), given.begin(), given.end());
    return out;
}

namespace {

struct PortRange {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t size() const { return last - first; }
};

Result<PortRange> port_range(std::string_view text) {
    constexpr std::uint64_t port_max = 65535;
    std::size_t dash = text.find('-');
    TRY(std::uint64_t first, parse_unsigned(text.substr(0, dash), port_max));
    std::uint64_t last = first;
    if (dash != text.npos) {
        TRY(last, parse_unsigned(text.substr(dash + 1), port_max));
    }
    if (last < first) return bad(fmt::format("invalid range specified for port: {}", text));
    return PortRange{static_cast<std::int64_t>(first), static_cast<std::int64_t>(last)};
}

// "ip:outside:inside", cut from the right: the address may have colons of its own.
struct PublishParts {
    std::string ip, outside, inside;
};

Result<PublishParts> publish_parts(std::string_view rest) {
    PublishParts parts;
    std::size_t colon = rest.rfind(':');
    parts.inside = std::string(rest.substr(colon == rest.npos ? 0 : colon + 1));
    if (parts.inside.empty()) return bad(fmt::format("no port specified: {}<empty>", rest));
    if (colon == rest.npos) return parts;
    rest = rest.substr(0, colon);
    colon = rest.rfind(':');
    parts.outside = std::string(rest.substr(colon == rest.npos ? 0 : colon + 1));
    if (colon == rest.npos) return parts;
    parts.ip = std::string(rest.substr(0, colon));
    if (parts.ip.size() > 2 && parts.ip.starts_with('[') && parts.ip.ends_with(']'))
        parts.ip = parts.ip.substr(1, parts.ip.size() - 2);
    if (!parts.ip.empty() && !is_address(parts.ip))
        return bad(fmt::format("invalid IP address: {}", parts.ip));
    return parts;
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
    TRY(PublishParts parts, publish_parts(rest));
    const std::string& ip = parts.ip;
    const std::string& host = parts.outside;
    auto inside_range = port_range(parts.inside);
    if (!inside_range) return bad(fmt::format("invalid containerPort: {}", parts.inside));
    PortRange inside = *inside_range, outside;
    if (!host.empty()) {
        auto range = port_range(host);
        if (!range) return bad(fmt::format("invalid hostPort: {}", host));
        outside = *range;
        if (outside.size() != inside.size() && inside.size() != 0)
            return bad(
                fmt::format("invalid ranges specified for container and host Ports: {} and {}",
                            parts.inside, host));
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
        auto ports = port_range(range);
        if (!ports)
            return bad(fmt::format("invalid range format for --expose: {}, error: {}", spec,
                                   ports.error().message()));
        for (std::int64_t port = ports->first; port <= ports->last; ++port)
            exposed.set(fmt::format("{}/{}", port, protocol), Value::object());
    }
    if (!exposed.members().empty()) config.set("ExposedPorts", std::move(exposed));
    host.set("PortBindings", std::move(bindings));
    return {};
}

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
        TRY(Value mount, mount_of(spec));
        mounts.push(std::move(mount));
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
            return bad(fmt::format("bad format for path: {}", spec));
        std::string inside = parts[0];
        std::string mode = "rwm";
        if (parts.size() >= 2) (parts.size() == 2 && is_mode(parts[1]) ? mode : inside) = parts[1];
        if (parts.size() == 3) mode = parts[2];
        if (!is_mode(mode)) return bad(fmt::format("bad mode specified: {}", mode));
        Value device = Value::object();
        device.set("PathOnHost", parts[0])
            .set("PathInContainer", inside)
            .set("CgroupPermissions", mode);
        out.push(std::move(device));
    }
    return out;
}

Result<Value> ulimit_of(const std::string& spec) {
    static constexpr std::string_view names[] = {
        "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
        "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
    std::size_t equals = spec.find('=');
    if (equals == spec.npos) return bad(fmt::format("invalid ulimit argument: {}", spec));
    std::string name = spec.substr(0, equals);
    if (std::ranges::find(names, name) == std::end(names))
        return bad(fmt::format("invalid ulimit type: {}", name));
    Arguments limits = split(std::string_view(spec).substr(equals + 1), ':');
    if (limits.size() > 2)
        return bad(fmt::format(
            "too many limit value arguments - {}, can only have up to two, `soft[:hard]`",
            spec.substr(equals + 1)));
    TRY(std::int64_t soft, whole(limits[0]));
    TRY(std::int64_t hard, whole(limits.back()));
    if (hard != -1 && (soft > hard || soft == -1))
        return bad(fmt::format(
            "ulimit soft limit must be less than or equal to hard limit: {} > {}", soft, hard));
    Value limit = Value::object();
    limit.set("Name", name).set("Hard", hard).set("Soft", soft);
    return limit;
}

Result<Value> ulimits_of(const Arguments& ulimits) {
    Value out = Value::array();
    for (const std::string& spec : ulimits) {
        TRY(Value limit, ulimit_of(spec));
        out.push(std::move(limit));
    }
    return out;
}

Result<Value> throttle_of(const Arguments& limits, bool bytes) {
    Value out = Value::array();
    for (const std::string& spec : limits) {
        std::size_t colon = spec.rfind(':');
        if (colon == spec.npos) return bad(fmt::format("bad format: {}", spec));
        if (!spec.starts_with("/dev/"))
            return bad(fmt::format("bad format for device path: {}", spec));
        std::string number = spec.substr(colon + 1);
        auto rate = bytes ? parse_bytes(number) : whole(number);
        if (!rate || *rate < 0)
            return bad(fmt::format("invalid rate for device: {}. The correct format is "
                                   "<device-path>:<number>{}",
                                   spec,
                                   bytes ? "[<unit>]. Number must be a positive integer. Unit is "
                                           "optional and can be kb, mb, or gb"
                                         : ". Number must be a positive integer"));
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
            return bad(fmt::format("Invalid --security-opt: \"{}\"", option));
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

Result<Value> endpoint_of(const std::string& spec, std::string& name) {
    Value endpoint = Value::object();
    name = spec;
    if (spec.find('=') == spec.npos) return endpoint;
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
    return endpoint;
}

Status add_networks(const RunOptions& options, Value& body, Value& host) {
    Value endpoints = Value::object();
    std::string mode;
    bool first = true;
    for (const std::string& spec :
         options.networks.empty() ? Arguments{"default"} : options.networks) {
        std::string name;
        TRY(Value endpoint, endpoint_of(spec, name));
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
