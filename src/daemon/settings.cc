#include "daemon/settings.h"

#include "codec/flags.h"
#include "codec/human.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/core.h>

namespace lighterd {

namespace {

using Shape = Setting::Shape;
using Set = std::function<Status(Config&, const std::string&)>;

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

Error not_built(std::string_view what) {
    return Error(Kind::unsupported, fmt::format("{} is not implemented by this engine yet", what));
}

Result<std::int64_t> whole_number(const std::string& text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return invalid(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
    return value;
}

Set to_bool(bool Config::*member) {
    return [member](Config& config, const std::string& text) -> Status {
        TRY(config.*member, codec::parse_bool(text));
        return {};
    };
}

Set to_number(std::int64_t Config::*member) {
    return [member](Config& config, const std::string& text) -> Status {
        TRY(config.*member, whole_number(text));
        return {};
    };
}

// A number that is not negative, told as `what` when it is.
Set to_count(unsigned Config::*member, std::string_view what) {
    return [member, what](Config& config, const std::string& text) -> Status {
        TRY(std::int64_t value, whole_number(text));
        if (value < 0 || value > 1'000'000)
            return invalid(fmt::format("invalid {}: {}", what, value));
        config.*member = static_cast<unsigned>(value);
        return {};
    };
}

Set to_text(std::string Config::*member) {
    return [member](Config& config, const std::string& text) -> Status {
        config.*member = text;
        return {};
    };
}

Set to_choice(std::string Config::*member, std::string_view what, std::string_view a,
              std::string_view b) {
    return [=](Config& config, const std::string& text) -> Status {
        if (text != a && text != b)
            return invalid(
                fmt::format("{} (\"{}\") is invalid; use \"{}\" or \"{}\"", what, text, a, b));
        config.*member = text;
        return {};
    };
}

Set to_list(std::vector<std::string> Config::*member, Status (*check)(const std::string&)) {
    return [member, check](Config& config, const std::string& text) -> Status {
        if (check) TRY_DO(check(text));
        (config.*member).push_back(text);
        return {};
    };
}

// A value that a parser of another room understands.
template <class T>
Set to_value(std::optional<T> Config::*member, Result<T> (*parse)(std::string_view)) {
    return [member, parse](Config& config, const std::string& text) -> Status {
        TRY(config.*member, parse(text));
        return {};
    };
}

// Accepted for the sake of files written for dockerd: nothing here depends on it.
Set no_effect() {
    return [](Config&, const std::string&) { return Status(); };
}

// Refused unless it says what is so anyway: a setting that has no effect must not seem to have one.
Set only(std::string_view name, std::vector<std::string_view> allowed) {
    return [name, allowed = std::move(allowed)](Config&, const std::string& text) -> Status {
        if (std::ranges::find(allowed, text) != allowed.end()) return {};
        return not_built(fmt::format("\"{}\": {}", name, text));
    };
}
Set only_false(std::string_view name) {
    return only(name, {"false", "0", "f"});
}

Status check_address(const std::string& text) {
    in6_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1 &&
        ::inet_pton(AF_INET6, text.c_str(), &address) != 1)
        return invalid(fmt::format("{} is not an ip address", text));
    return {};
}

Status check_domain(const std::string& text) {
    constexpr std::size_t domain_bytes_max = 255;
    bool ok = !text.empty() && text.size() <= domain_bytes_max && text.find("..") == text.npos;
    for (char c : text)
        ok =
            ok && (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.');
    if (!ok) return invalid(fmt::format("{} is not a valid domain", text));
    return {};
}

// Written into resolv.conf as it is.
Status check_line(const std::string& text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20)
            return invalid(fmt::format("control characters are not allowed"));
    return {};
}

Status check_label(const std::string& text) {
    if (text.find('=') == text.npos || text.starts_with('='))
        return invalid(fmt::format("bad attribute format: {}", text));
    return {};
}

Status set_host(Config& config, const std::string& text) {
    TRY(Host host, parse_host(text));
    config.hosts.push_back(std::move(host));
    return {};
}

Status set_group(Config& config, const std::string& text) {
    config.group = text;
    config.group_given = true;
    return {};
}

Status set_log_level(Config& config, const std::string& text) {
    using base::log::Level;
    struct Name {
        std::string_view name;
        Level level;
    };
    for (Name known :
         {Name{"trace", Level::debug}, Name{"debug", Level::debug}, Name{"info", Level::info},
          Name{"warn", Level::warn}, Name{"error", Level::error}, Name{"fatal", Level::fatal},
          Name{"panic", Level::fatal}})
        if (text == known.name) {
            config.log_level = known.level;
            return {};
        }
    return invalid(fmt::format("invalid logging level: {}", text));
}

Status set_mirror(Config& config, const std::string& text) {
    registry::Settings one;
    one.mirrors = {text};
    TRY_DO(registry::Registries::create(std::move(one)));
    config.registries.mirrors.push_back(text);
    return {};
}

Status set_insecure(Config& config, const std::string& text) {
    registry::Settings one;
    one.insecure = {text};
    TRY_DO(registry::Registries::create(std::move(one)));
    config.registries.insecure.push_back(text);
    return {};
}

Set to_proxy(std::string http::ProxyConfig::*member) {
    return [member](Config& config, const std::string& text) -> Status {
        config.proxy.*member = text;
        return {};
    };
}

Status set_pool(Config& config, const std::string& text) {
    TRY(net::PoolSpec pool, net::PoolSpec::parse(text));
    config.default_address_pools.push_back(pool);
    return {};
}

Status read_pools(Config& config, const json::Value& value) {
    for (const json::Value& element : value.elements()) {
        const json::Value* base = element.find("base");
        const json::Value* size = element.find("size");
        bool right = base && base->type() == json::Type::string && size && size->is_integer() &&
                     size->integer() >= 0 && size->integer() <= 128;
        if (!right) return invalid("default-address-pools: each needs a base and a size");
        TRY(net::PoolSpec pool,
            net::PoolSpec::make(base->text(), static_cast<int>(size->integer())));
        config.default_address_pools.push_back(pool);
    }
    return {};
}

// Those of dockerd change nothing here.
Status read_features(Config& config, const json::Value& value) {
    const json::Value* partial = value.find("partial-pull");
    if (!partial) return {};
    if (partial->type() != json::Type::boolean)
        return invalid("features: partial-pull is true or false");
    config.partial_pull = partial->boolean();
    return {};
}

Status set_shm_size(Config& config, const std::string& text) {
    TRY(std::int64_t size, codec::parse_bytes(text));
    if (size < 0) return invalid("SHM size can not be less than 0");
    config.default_shm_size_bytes = size;
    return {};
}

Status set_limit_rate(Config& config, const std::string& text) {
    TRY(std::int64_t rate, codec::parse_bytes(text));
    if (rate < 0) return invalid("limit-rate can not be less than 0");
    config.limit_rate = rate;
    return {};
}

Status set_log_opt(Config& config, const std::string& text) {
    std::size_t equals = text.find('=');
    config.log_opts[text.substr(0, equals)] =
        equals == text.npos ? std::string() : text.substr(equals + 1);
    return {};
}

Status set_exec_opt(Config&, const std::string& text) {
    std::size_t equals = text.find('=');
    if (equals == text.npos || equals == 0 || equals + 1 == text.size())
        return invalid(fmt::format("invalid exec-opt ({}): must be formatted 'opt=value'", text));
    std::string key = text.substr(0, equals), value = text.substr(equals + 1);
    if (key != "native.cgroupdriver")
        return invalid(fmt::format(
            "invalid exec-opt ({}): option not supported: only 'native.cgroupdriver' is", text));
    if (value == "systemd") return not_built("exec-opt (native.cgroupdriver=systemd)");
    if (value != "cgroupfs")
        return invalid(
            fmt::format("invalid exec-opt ({}): unknown cgroup driver: {}", text, value));
    return {};
}

Status add_ulimit(Config& config, wire::Ulimit limit) {
    static constexpr std::string_view names[] = {
        "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
        "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
    if (std::ranges::find(names, limit.name) == std::end(names))
        return invalid(fmt::format("invalid ulimit type: {}", limit.name));
    if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0))
        return invalid(
            fmt::format("ulimit soft limit must be less than or equal to hard limit: {} > {}",
                        limit.soft, limit.hard));
    std::string name = limit.name;
    config.default_ulimits[name] = std::move(limit);
    return {};
}

// "nofile=1024:2048", "nofile=1024".
Status set_ulimit(Config& config, const std::string& text) {
    std::size_t equals = text.find('=');
    std::string range = equals == text.npos ? "" : text.substr(equals + 1);
    std::size_t colon = range.find(':');
    auto soft = whole_number(range.substr(0, colon));
    auto hard = colon == range.npos ? soft : whole_number(range.substr(colon + 1));
    if (equals == text.npos || !soft || !hard)
        return invalid(fmt::format("invalid ulimit argument: {}", text));
    return add_ulimit(config, {.name = text.substr(0, equals), .hard = *hard, .soft = *soft});
}

Status read_ulimits(Config& config, const json::Value& value) {
    for (const auto& [name, limit] : value.members()) {
        const json::Value* soft = limit.find("Soft");
        const json::Value* hard = limit.find("Hard");
        if (!soft || !hard || !soft->is_integer() || !hard->is_integer())
            return invalid(
                fmt::format("default-ulimits: {} needs whole numbers Soft and Hard", name));
        TRY_DO(
            add_ulimit(config, {.name = name, .hard = hard->integer(), .soft = soft->integer()}));
    }
    return {};
}

Status add_runtime(Config& config, std::string name, wire::Runtime runtime) {
    if (name == "runc") return invalid("runtime name 'runc' is reserved");
    if (name.empty() || runtime.path.empty())
        return invalid(fmt::format("invalid runtime: {}: no path", name));
    config.runtimes[std::move(name)] = std::move(runtime);
    return {};
}

Status set_runtime(Config& config, const std::string& text) {
    std::size_t equals = text.find('=');
    if (equals == text.npos) return invalid(fmt::format("invalid runtime argument: {}", text));
    return add_runtime(config, text.substr(0, equals),
                       {.path = text.substr(equals + 1), .runtime_args = {}});
}

Status read_runtimes(Config& config, const json::Value& value) {
    for (const auto& [name, given] : value.members()) {
        wire::Runtime runtime;
        if (const json::Value* path = given.find("path")) runtime.path = path->text();
        if (const json::Value* arguments = given.find("runtimeArgs"))
            for (const json::Value& argument : arguments->elements())
                runtime.runtime_args.push_back(argument.text());
        if (given.find("runtimeType")) return not_built(fmt::format("runtimeType of {}", name));
        TRY_DO(add_runtime(config, name, std::move(runtime)));
    }
    return {};
}

Status refuse_cors(Config&, const std::string&) {
    return invalid("DEPRECATED: The \"api-cors-header\" config parameter and the dockerd "
                   "\"--api-cors-header\" option have been removed; use a reverse proxy if you "
                   "need CORS headers");
}

void add_places(std::vector<Setting>& all) {
    all.insert(all.end(),
               {{"", "config-file", 0, Shape::text,
                 "Daemon configuration file (default \"/etc/lighter/daemon.json\")",
                 to_text(&Config::config_file)},
                {"hosts", "host", 'H', Shape::list, "Daemon socket(s) to connect to", set_host},
                {"group", "group", 'G', Shape::text,
                 "Group for the unix socket (default \"docker\")", set_group},
                {"data-root", "data-root", 0, Shape::text,
                 "Root directory of persistent state (default \"/var/lib/lighter\")",
                 to_text(&Config::data_root)},
                {"exec-root", "exec-root", 0, Shape::text,
                 "Root directory for execution state files (default \"/run/lighter\")",
                 to_text(&Config::exec_root)},
                {"pidfile", "pidfile", 'p', Shape::text,
                 "Path to use for daemon PID file (default \"/run/lighter.pid\")",
                 to_text(&Config::pidfile)}});
}

void add_engine(std::vector<Setting>& all) {
    all.insert(
        all.end(),
        {{"debug", "debug", 'D', Shape::boolean, "Enable debug mode", to_bool(&Config::debug)},
         {"log-level", "log-level", 'l', Shape::text,
          "Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\") (default "
          "\"info\")",
          set_log_level},
         {"log-format", "log-format", 0, Shape::text,
          "Set the logging format (\"text\") (default \"text\")", only("log-format", {"text"})},
         {"raw-logs", "raw-logs", 0, Shape::boolean, "Full timestamps without ANSI coloring",
          no_effect()},
         {"live-restore", "live-restore", 0, Shape::boolean,
          "Keep containers running while the daemon is stopped", to_bool(&Config::live_restore)},
         {"shutdown-timeout", "shutdown-timeout", 0, Shape::integer,
          "Set the default shutdown timeout (default 15)", to_number(&Config::shutdown_timeout_s)},
         {"default-stop-timeout", "default-stop-timeout", 0, Shape::integer,
          "Set the default stop timeout of containers (default 10)",
          to_number(&Config::default_stop_timeout_s)},
         {"labels", "label", 0, Shape::list, "Set key=value labels to the daemon",
          to_list(&Config::labels, check_label)},
         {"experimental", "experimental", 0, Shape::boolean, "Enable experimental features",
          no_effect()},
         {"exec-opts", "exec-opt", 0, Shape::list, "Runtime execution options", set_exec_opt},
         {"min-api-version", "", 0, Shape::text, "", only("min-api-version", {"1.24"})},
         {"metrics-addr", "metrics-addr", 0, Shape::text,
          "Set default address and port to serve the metrics api on", only("metrics-addr", {""})},
         {"authorization-plugins", "authorization-plugin", 0, Shape::list,
          "Authorization plugins to load", only("authorization-plugins", {})},
         {"tls", "tls", 0, Shape::boolean, "Use TLS; implied by --tlsverify", only_false("tls")},
         {"tlsverify", "tlsverify", 0, Shape::boolean, "Use TLS and verify the remote",
          only_false("tlsverify")},
         {"tlscacert", "tlscacert", 0, Shape::text, "Trust certs signed only by this CA",
          no_effect()},
         {"tlscert", "tlscert", 0, Shape::text, "Path to TLS certificate file", no_effect()},
         {"tlskey", "tlskey", 0, Shape::text, "Path to TLS key file", no_effect()},
         {"api-cors-header", "api-cors-header", 0, Shape::text, "Removed", refuse_cors}});
}

void add_containers(std::vector<Setting>& all) {
    all.insert(
        all.end(),
        {{"default-runtime", "default-runtime", 0, Shape::text,
          "Default OCI runtime for containers (default \"runc\": the built-in one)",
          to_text(&Config::default_runtime)},
         {"runtimes", "add-runtime", 0, Shape::own, "Register an additional OCI compatible runtime",
          set_runtime, read_runtimes, true},
         {"default-ulimits", "default-ulimit", 0, Shape::own, "Default ulimits for containers",
          set_ulimit, read_ulimits},
         {"default-shm-size", "default-shm-size", 0, Shape::bytes,
          "Default shm size for containers (default 64MiB)", set_shm_size},
         {"default-ipc-mode", "default-ipc-mode", 0, Shape::text,
          "Default mode for containers ipc (\"shareable\" | \"private\") (default \"private\")",
          to_choice(&Config::default_ipc_mode, "default IPC mode setting", "shareable", "private")},
         {"default-cgroupns-mode", "default-cgroupns-mode", 0, Shape::text,
          "Default mode for containers cgroup namespace (\"host\" | \"private\")",
          to_choice(&Config::default_cgroupns_mode, "default cgroup namespace mode", "host",
                    "private")},
         {"cgroup-parent", "cgroup-parent", 0, Shape::text, "Set parent cgroup for all containers",
          to_text(&Config::cgroup_parent)},
         {"init", "init", 0, Shape::boolean,
          "Run an init in the container to forward signals and reap processes",
          to_bool(&Config::init)},
         {"init-path", "init-path", 0, Shape::text, "Path to the docker-init binary",
          only("init-path", {""})},
         {"no-new-privileges", "no-new-privileges", 0, Shape::boolean,
          "Set no-new-privileges by default for new containers",
          to_bool(&Config::no_new_privileges)},
         {"seccomp-profile", "seccomp-profile", 0, Shape::text,
          "Path to seccomp profile, \"builtin\" or \"unconfined\"",
          to_text(&Config::seccomp_profile)},
         {"selinux-enabled", "selinux-enabled", 0, Shape::boolean, "Enable selinux support",
          only_false("selinux-enabled")},
         {"userns-remap", "userns-remap", 0, Shape::text, "User/Group setting for user namespaces",
          only("userns-remap", {""})},
         {"rootless", "rootless", 0, Shape::boolean, "Enable rootless mode",
          only_false("rootless")},
         {"cpu-rt-period", "cpu-rt-period", 0, Shape::integer,
          "Limit the CPU real-time period in microseconds", only("cpu-rt-period", {"0"})},
         {"cpu-rt-runtime", "cpu-rt-runtime", 0, Shape::integer,
          "Limit the CPU real-time runtime in microseconds", only("cpu-rt-runtime", {"0"})},
         {"cdi-spec-dirs", "cdi-spec-dir", 0, Shape::list, "CDI specification directories to use",
          no_effect()},
         {"log-driver", "log-driver", 0, Shape::text,
          "Default driver for container logs (default \"json-file\")",
          to_text(&Config::log_driver)},
         {"log-opts", "log-opt", 0, Shape::map, "Default log driver options for containers",
          set_log_opt}});
}

void add_images(std::vector<Setting>& all) {
    all.insert(
        all.end(),
        {{"registry-mirrors", "registry-mirror", 0, Shape::list, "Preferred registry mirror",
          set_mirror},
         {"insecure-registries", "insecure-registry", 0, Shape::list,
          "Enable insecure registry communication", set_insecure},
         {"max-concurrent-downloads", "max-concurrent-downloads", 0, Shape::integer,
          "Set the max concurrent downloads for each pull (default 3)",
          to_count(&Config::max_concurrent_downloads, "max concurrent downloads")},
         {"max-concurrent-uploads", "max-concurrent-uploads", 0, Shape::integer,
          "Set the max concurrent uploads for each push (default 5)",
          to_count(&Config::max_concurrent_uploads, "max concurrent uploads")},
         {"max-download-attempts", "max-download-attempts", 0, Shape::integer,
          "Set the max download attempts for each pull (default 5)",
          to_count(&Config::max_download_attempts, "max download attempts")},
         {"limit-rate", "limit-rate", 0, Shape::bytes,
          "Bytes a second that all pulls together may bring (500k, 2m)", set_limit_rate},
         {"http-proxy", "http-proxy", 0, Shape::text, "HTTP proxy URL to use for outgoing traffic",
          to_proxy(&http::ProxyConfig::http_proxy)},
         {"https-proxy", "https-proxy", 0, Shape::text,
          "HTTPS proxy URL to use for outgoing traffic", to_proxy(&http::ProxyConfig::https_proxy)},
         {"no-proxy", "no-proxy", 0, Shape::text,
          "Comma-separated list of hosts or IP addresses for which the proxy is skipped",
          to_proxy(&http::ProxyConfig::no_proxy)},
         {"storage-driver", "storage-driver", 's', Shape::text, "Storage driver to use",
          only("storage-driver", {"overlay2", "overlayfs", "overlay", ""})},
         {"storage-opts", "storage-opt", 0, Shape::list, "Storage driver options",
          only("storage-opts", {})},
         {"allow-nondistributable-artifacts", "allow-nondistributable-artifacts", 0, Shape::list,
          "Allow push of nondistributable artifacts to registry", no_effect()},
         {"builder", "", 0, Shape::own, "", nullptr,
          [](Config&, const json::Value&) { return Status(); }},
         {"features", "", 0, Shape::own, "", nullptr, read_features}});
}

void add_bridge(std::vector<Setting>& all) {
    all.insert(
        all.end(),
        {{"bridge", "bridge", 'b', Shape::text, "Attach containers to a network bridge",
          to_text(&Config::bridge)},
         {"bip", "bip", 0, Shape::text, "Specify network bridge IP",
          to_value(&Config::bip, net::parse_bip)},
         {"bip6", "bip6", 0, Shape::text, "Specify network bridge IPv6", only("bip6", {""})},
         {"fixed-cidr", "fixed-cidr", 0, Shape::text, "IPv4 subnet for fixed IPs",
          to_value(&Config::fixed_cidr, net::Subnet::parse)},
         {"fixed-cidr-v6", "fixed-cidr-v6", 0, Shape::text, "IPv6 subnet for fixed IPs",
          only("fixed-cidr-v6", {""})},
         {"default-gateway", "default-gateway", 0, Shape::text,
          "Container default gateway IPv4 address",
          to_value(&Config::default_gateway, net::Address::parse)},
         {"default-gateway-v6", "default-gateway-v6", 0, Shape::text,
          "Container default gateway IPv6 address", only("default-gateway-v6", {""})},
         {"default-address-pools", "default-address-pool", 0, Shape::own,
          "Default address pools for node specific local networks", set_pool, read_pools},
         {"mtu", "mtu", 0, Shape::integer, "Set the containers network MTU (default 1500)",
          to_count(&Config::mtu, "default MTU")},
         {"icc", "icc", 0, Shape::boolean, "Enable inter-container communication (default true)",
          to_bool(&Config::icc)},
         {"ip", "ip", 0, Shape::text, "Default IP when binding container ports (default 0.0.0.0)",
          [](Config& config, const std::string& text) -> Status {
              TRY_DO(check_address(text));
              config.default_host_ip = text;
              return {};
          }},
         {"ip-forward", "ip-forward", 0, Shape::boolean,
          "Enable net.ipv4.ip_forward (default true)", to_bool(&Config::ip_forward)},
         {"ip-forward-no-drop", "ip-forward-no-drop", 0, Shape::boolean,
          "Do not set the filter-FORWARD policy to DROP when enabling IP forwarding", no_effect()},
         {"ip-masq", "ip-masq", 0, Shape::boolean, "Enable IP masquerading (default true)",
          to_bool(&Config::ip_masq)},
         {"iptables", "iptables", 0, Shape::boolean, "Enable firewall rules (default true)",
          to_bool(&Config::iptables)},
         {"ip6tables", "ip6tables", 0, Shape::boolean, "Enable IPv6 firewall rules", no_effect()},
         {"ipv6", "ipv6", 0, Shape::boolean, "Enable IPv6 networking", only_false("ipv6")},
         {"userland-proxy", "userland-proxy", 0, Shape::boolean,
          "Use userland proxy for loopback traffic (default true)",
          to_bool(&Config::userland_proxy)},
         {"userland-proxy-path", "userland-proxy-path", 0, Shape::text,
          "Path to the userland proxy binary", no_effect()},
         {"allow-direct-routing", "allow-direct-routing", 0, Shape::boolean,
          "Allow remote access to published ports on container IP addresses",
          only_false("allow-direct-routing")},
         {"bridge-accept-fwmark", "bridge-accept-fwmark", 0, Shape::text,
          "In bridge networks, accept packets with this firewall mark/mask",
          only("bridge-accept-fwmark", {""})},
         {"firewall-backend", "firewall-backend", 0, Shape::text,
          "Firewall backend to use, nftables", only("firewall-backend", {"", "nftables"})},
         {"dns", "dns", 0, Shape::list, "DNS server to use", to_list(&Config::dns, check_address)},
         {"dns-opts", "dns-opt", 0, Shape::list, "DNS options to use",
          to_list(&Config::dns_options, check_line)},
         {"dns-search", "dns-search", 0, Shape::list, "DNS search domains to use",
          to_list(&Config::dns_search, check_domain)},
         {"host-gateway-ips", "host-gateway-ip", 0, Shape::list,
          "IP addresses that the special 'host-gateway' string in --add-host resolves to",
          to_list(&Config::host_gateway_ips, check_address)},
         {"resolv-conf", "resolv-conf", 0, Shape::text, "Path of the resolv.conf to use",
          only("resolv-conf", {""})}});
}

// What belongs to parts of dockerd that are none of this engine's.
void add_others(std::vector<Setting>& all) {
    struct Row {
        std::string_view key, flag;
        Shape shape;
    };
    for (Row row :
         {Row{"containerd", "containerd", Shape::text},
          Row{"containerd-namespace", "containerd-namespace", Shape::text},
          Row{"containerd-plugins-namespace", "containerd-plugins-namespace", Shape::text},
          Row{"cri-containerd", "cri-containerd", Shape::boolean},
          Row{"swarm-default-advertise-addr", "swarm-default-advertise-addr", Shape::text},
          Row{"swarm-raft-heartbeat-tick", "", Shape::integer},
          Row{"swarm-raft-election-tick", "", Shape::integer},
          Row{"node-generic-resources", "node-generic-resource", Shape::list},
          Row{"network-control-plane-mtu", "network-control-plane-mtu", Shape::integer},
          Row{"deprecated-key-path", "", Shape::text}})
        all.push_back({row.key, row.flag, 0, row.shape, "Accepted for dockerd's sake, no effect",
                       no_effect()});
    all.push_back({"network-diagnostic-port", "network-diagnostic-port", 0, Shape::integer,
                   "TCP port number of the network diagnostic server",
                   only("network-diagnostic-port", {"0"})});
    all.push_back({"default-network-opts", "", 0, Shape::own, "", nullptr,
                   [](Config&, const json::Value& value) -> Status {
                       if (value.members().empty()) return {};
                       return not_built("\"default-network-opts\"");
                   }});
}

std::string_view wanted_type(Shape shape) {
    switch (shape) {
    case Shape::boolean:
        return "bool";
    case Shape::integer:
        return "int";
    case Shape::list:
        return "[]string";
    case Shape::map:
        return "map[string]string";
    default:
        return "string";
    }
}

Error wrong_type(const Setting& setting, const json::Value& value, std::string_view wanted) {
    return invalid(
        fmt::format("json: cannot unmarshal {} into Go struct field Config.{} of type {}",
                    json::type_name(value.type()), setting.key, wanted));
}

// An object, or for pools a list.
Status check_own(const Setting& setting, const json::Value& value) {
    bool list = setting.key == "default-address-pools";
    bool object = value.type() == json::Type::object;
    if (list ? value.type() != json::Type::array : !object)
        return wrong_type(setting, value, list ? "[]ipamutils.NetworkToSplit" : "map");
    return {};
}

}  // namespace

std::string_view Setting::type() const {
    switch (shape) {
    case Shape::boolean:
        return "";
    case Shape::integer:
        return "int";
    case Shape::bytes:
        return "bytes";
    case Shape::text:
        return "string";
    case Shape::map:
        return "map";
    case Shape::list:
    case Shape::own:
        return "list";
    }
    return "";
}

std::vector<Setting> settings() {
    std::vector<Setting> all;
    add_places(all);
    add_engine(all);
    add_containers(all);
    add_images(all);
    add_bridge(all);
    add_others(all);
    return all;
}

Status apply(const Setting& setting, Config& config, const json::Value& value) {
    using json::Type;
    if (value.is_null()) return {};
    Type type = value.type();
    switch (setting.shape) {
    case Shape::boolean:
        if (type != Type::boolean) break;
        return setting.set(config, value.boolean() ? "true" : "false");
    case Shape::integer:
        if (!value.is_integer()) break;
        return setting.set(config, value.text());
    case Shape::bytes:
        if (type != Type::string && !value.is_integer()) break;
        return setting.set(config, value.text());
    case Shape::text:
        if (type != Type::string) break;
        return setting.set(config, value.text());
    case Shape::list:
        if (type != Type::array) break;
        for (const json::Value& element : value.elements()) {
            if (element.type() != Type::string) return wrong_type(setting, element, "string");
            TRY_DO(setting.set(config, element.text()));
        }
        return {};
    case Shape::map:
        if (type != Type::object) break;
        for (const auto& [key, element] : value.members()) {
            if (element.type() != Type::string) return wrong_type(setting, element, "string");
            TRY_DO(setting.set(config, key + "=" + element.text()));
        }
        return {};
    case Shape::own:
        TRY_DO(check_own(setting, value));
        return setting.read(config, value);
    }
    return wrong_type(setting, value, wanted_type(setting.shape));
}

Status check(const Config& config) {
    std::map<std::string, std::string> labels;
    for (const std::string& label : config.labels) {
        std::size_t equals = label.find('=');
        std::string key = label.substr(0, equals), value = label.substr(equals + 1);
        auto [at, fresh] = labels.emplace(key, value);
        if (!fresh && at->second != value)
            return invalid(
                fmt::format("conflict labels for {}={} and {}={}", key, value, key, at->second));
    }
    if (config.default_runtime != "runc" && !config.runtimes.contains(config.default_runtime))
        return invalid(
            fmt::format("specified default runtime '{}' does not exist", config.default_runtime));
    for (const std::string* path : {&config.data_root, &config.exec_root})
        if (!path->starts_with('/') || *path == "/")
            return invalid(fmt::format("invalid path \"{}\": must be absolute, and not /", *path));
    return {};
}

}  // namespace lighterd
