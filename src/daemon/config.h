// What flags and daemon.json say, as one plain struct: read once at start, handed out in parts.
// Keys, rules and words are dockerd's. (The room's namespace is lighterd: unistd.h has a daemon().)
#pragma once

#include "base/error.h"
#include "base/log.h"
#include "http/proxy.h"
#include "net/addresses.h"
#include "registry/endpoints.h"
#include "wire/container.h"
#include "wire/system.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lighterd {

inline constexpr std::string_view default_config_file = "/etc/lighter/daemon.json";

// Where the API is served: -H, --host, "hosts".
struct Host {
    enum class Kind { unix_socket, passed };  // passed: fd://, by the service manager
    Kind kind = Kind::unix_socket;
    std::string path;  // of the socket
    int fd = -1;       // fd://N; -1: all that were passed
    friend bool operator==(const Host&, const Host&) = default;
};
// "unix:///run/x.sock", "fd://", "fd://3". invalid in Docker's words.
Result<Host> parse_host(std::string_view text);

struct Config {
    // Where things are.
    std::vector<Host> hosts;  // empty: unix:///run/lighter.sock
    std::string group = "docker";
    bool group_given = false;  // a default group that does not exist is only a warning
    std::string data_root = "/var/lib/lighter";
    std::string exec_root = "/run/lighter";
    std::string pidfile;  // empty: pidfile_path()
    std::string config_file{default_config_file};

    // The engine as a whole.
    bool debug = false;
    base::log::Level log_level = base::log::Level::info;  // debug is counted in
    bool live_restore = false;
    std::int64_t shutdown_timeout_s = 15;
    std::int64_t default_stop_timeout_s = 10;
    std::vector<std::string> labels;  // key=value

    // Containers.
    std::string default_runtime = "runc";  // the built-in one answers to Docker's name for it
    std::map<std::string, wire::Runtime> runtimes;
    std::map<std::string, wire::Ulimit> default_ulimits;
    std::int64_t default_shm_size_bytes = 64 * 1024 * 1024;
    std::string default_ipc_mode = "private";
    std::string default_cgroupns_mode;  // empty: private on cgroup v2, host on v1
    std::string cgroup_parent;
    bool init = false;
    bool no_new_privileges = false;
    std::string seccomp_profile;  // empty or "builtin", "unconfined", or a path
    std::string log_driver = "json-file";
    std::map<std::string, std::string> log_opts;

    // Images.
    registry::Settings registries;  // registry-mirrors, insecure-registries
    unsigned max_concurrent_downloads = 3, max_concurrent_uploads = 5;
    unsigned max_download_attempts = 5;
    bool partial_pull = true;
    std::int64_t limit_rate = 0;  // bytes a second of all pulls together; 0: no limit
    http::ProxyConfig proxy;      // the environment's, overridden by proxies

    // The default bridge.
    std::string bridge;  // empty: the default name; "none": no bridge
    std::optional<net::Cidr> bip;
    std::optional<net::Subnet> fixed_cidr;
    std::optional<net::Address> default_gateway;
    std::vector<net::PoolSpec> default_address_pools;  // empty: Docker's
    unsigned mtu = 1500;
    bool icc = true;
    bool ip_forward = true;
    bool ip_masq = true;
    bool iptables = true;
    bool userland_proxy = true;
    std::string default_host_ip = "0.0.0.0";  // --ip
    std::vector<std::string> dns, dns_options, dns_search;
    std::vector<std::string> host_gateway_ips;

    // `pidfile`, or the exec root with ".pid" behind it: /run/lighter.pid.
    std::string pidfile_path() const;
    // `hosts`, or the default socket.
    std::vector<Host> hosts_or_default() const;
};

// `now` with what a reload may change taken from `fresh`: debug, log-level, labels, live-restore,
// shutdown-timeout, default-stop-timeout, mirrors and insecure registries, limits of pulls and
// pushes, runtimes.
Config reloaded(const Config& now, const Config& fresh);

}  // namespace lighterd
