#include "cli/run_parts.h"

#include "base/text.h"
#include "cli/human.h"
#include "cli/run_checks.h"
#include "sys/file.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <set>
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

// One record of CSV, as Go's encoding/csv reads it.
Result<Arguments> csv_fields(std::string_view text) {
    if (text.empty()) return bad("EOF");
    auto wrong = [](std::size_t at, std::string_view what) {
        return bad(fmt::format("parse error on line 1, column {}: {}", at + 1, what));
    };
    Arguments fields;
    for (std::size_t i = 0;; ++i) {
        std::string field;
        if (i < text.size() && text[i] == '"') {
            for (++i;; ++i) {
                if (i >= text.size()) return wrong(i, "extraneous or missing \" in quoted-field");
                bool doubled = text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"';
                if (text[i] == '"' && !doubled) break;
                field += text[i];
                if (doubled) ++i;
            }
            if (++i < text.size() && text[i] != ',')
                return wrong(i - 1, "extraneous or missing \" in quoted-field");
        } else {
            for (; i < text.size() && text[i] != ','; ++i) {
                if (text[i] == '"') return wrong(i, "bare \" in non-quoted-field");
                field += text[i];
            }
        }
        fields.push_back(std::move(field));
        if (i >= text.size()) return fields;
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
            struct stat about {};
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

namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

// Letters, digits and `more`, a letter or digit last.
bool is_name(std::string_view text, std::string_view more) {
    return !text.empty() && is_word(text.back()) &&
           std::ranges::all_of(text, [&](char c) { return is_word(c) || more.contains(c); });
}

// "vendor.com/class=name": a device that a CDI file describes.
bool is_cdi_device(std::string_view text) {
    std::size_t slash = text.find('/');
    std::size_t equals = text.find('=');
    if (slash == text.npos || equals == text.npos || equals < slash) return false;
    std::string_view vendor = text.substr(0, slash);
    std::string_view kind = text.substr(slash + 1, equals - slash - 1);
    std::string_view name = text.substr(equals + 1);
    return is_name(vendor, "_-.") && is_letter(vendor.front()) && is_name(kind, "_-") &&
           is_letter(kind.front()) && is_name(name, "_-.:") && is_word(name.front());
}

Result<Value> device_of(const std::string& spec) {
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
    if (!inside.starts_with('/')) return bad(fmt::format("{} is not an absolute path", inside));
    Value device = Value::object();
    return device.set("PathOnHost", parts[0])
        .set("PathInContainer", inside)
        .set("CgroupPermissions", mode);
}

}  // namespace

Status add_devices(const RunOptions& options, Value& host) {
    Value devices = Value::array();
    Value described = Value::array();
    Value requests = Value::array();
    for (const std::string& spec : options.devices) {
        if (is_cdi_device(spec)) {
            described.push(spec);
            continue;
        }
        TRY(Value device, device_of(spec));
        devices.push(std::move(device));
    }
    for (const std::string& spec : options.gpus) {
        TRY(Value request, gpus_of(spec));
        requests.push(std::move(request));
    }
    if (!described.items().empty()) {
        Value request = Value::object();
        request.set("Driver", "cdi").set("DeviceIDs", std::move(described));
        requests.push(std::move(request));
    }
    host.set("Devices", std::move(devices));
    host.set("DeviceRequests", requests.items().empty() ? Value() : std::move(requests));
    return {};
}

Result<Value> gpus_of(const std::string& spec) {
    Value request = Value::object();
    request.set("Driver", "").set("Count", 1).set("DeviceIDs", Value());
    Value capabilities = Value::array();
    Value options = Value::object();
    Arguments seen;
    TRY(Arguments fields, csv_fields(spec));
    for (const std::string& field : fields) {
        std::size_t equals = field.find('=');
        std::string key = equals == field.npos ? "count" : field.substr(0, equals);
        std::string value = equals == field.npos ? field : field.substr(equals + 1);
        if (equals != field.npos && std::ranges::find(seen, key) != seen.end())
            return bad(fmt::format("gpu request key '{}' can be specified only once", key));
        seen.push_back(key);
        if (key == "driver") {
            request.set("Driver", value);
        } else if (key == "count") {
            auto count = value == "all" ? Result<std::int64_t>(-1) : whole(value);
            if (!count)
                return bad(fmt::format("invalid count ({}): value must be either \"all\" or an "
                                       "integer: invalid syntax",
                                       value));
            request.set("Count", *count);
        } else if (key == "device") {
            request.set("DeviceIDs", Value::texts(split(value, ',')));
        } else if (key == "capabilities") {
            capabilities = Value::texts(split(value, ','));
        } else if (key == "options") {
            options = map_of(split(value, ','));
        } else {
            return bad(fmt::format("unexpected key '{}' in '{}'", key, field));
        }
    }
    bool counted = std::ranges::find(seen, "count") != seen.end();
    if (!counted && !request["DeviceIDs"].is_null()) request.set("Count", 0);
    capabilities.push("gpu");
    return request.set("Capabilities", Value::array({std::move(capabilities)}))
        .set("Options", std::move(options));
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
    std::map<std::string, Value> by_name;  // the last one of a name counts
    for (const std::string& spec : ulimits) {
        TRY(Value limit, ulimit_of(spec));
        by_name[limit["Name"].text()] = limit;
    }
    Value out = Value::array();
    for (auto& [name, limit] : by_name)
        out.push(std::move(limit));
    return out;
}

Value capabilities_of(const Arguments& names) {
    std::set<std::string> sorted;
    for (std::string name : names) {
        name = base::uppered(name);
        sorted.insert(name == "ALL" || name.starts_with("CAP_") ? name : "CAP_" + name);
    }
    Value out;
    for (const std::string& name : sorted)
        out.push(name);
    return out;
}

Value hosts_of(const Arguments& hosts) {
    Value out;
    for (const std::string& text : hosts) {
        std::size_t mark = text.find('=');
        if (mark == text.npos) mark = text.find(':');
        std::string address = text.substr(mark + 1);
        if (address.size() > 2 && address.starts_with('[') && address.ends_with(']'))
            address = address.substr(1, address.size() - 2);
        out.push(text.substr(0, mark) + ":" + address);
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

}  // namespace cli
