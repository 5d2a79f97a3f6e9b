// GET /version, GET /info.
#include "wire/system.h"

#include "api/api.h"
#include "api/status.h"
#include "api/versions.h"
#include "codec/json.h"
#include "codec/url.h"

#include <sys/utsname.h>

namespace api {

namespace {

constexpr std::string_view built_in_runtime = "runc";
constexpr std::string_view built_in_program = "lighter-shim";
constexpr std::string_view not_there = "N/A";

// Go's name of this machine's architecture.
std::string go_arch(std::string_view machine) {
    if (machine == "x86_64") return "amd64";
    if (machine == "aarch64") return "arm64";
    if (machine.starts_with("armv")) return "arm";
    if (machine == "i686") return "386";
    return std::string(machine);
}

wire::RegistryConfig registry_config(const registry::Settings& settings) {
    wire::RegistryConfig config;
    config.mirrors = settings.mirrors;
    wire::IndexInfo hub;
    hub.name = registry::hub_domain;
    hub.mirrors = settings.mirrors;
    hub.secure = hub.official = true;
    config.index_configs[hub.name] = hub;
    config.insecure_registry_cidrs = {"::1/128", "127.0.0.0/8"};
    for (const std::string& text : settings.insecure) {
        if (registry::Network::parse(text)) {
            config.insecure_registry_cidrs.push_back(text);
        } else {
            wire::IndexInfo index;
            index.name = text;
            config.index_configs[text] = std::move(index);
        }
    }
    return config;
}

void tell_host(const engine::HostFacts& host, wire::Info& told) {
    told.driver_status = {{"Backing Filesystem", host.backing_filesystem},
                          {"Supports d_type", "true"},
                          {"Using metacopy", "false"},
                          {"Native Overlay Diff", "true"},
                          {"userxattr", "false"}};
    told.memory_limit = host.memory_limit;
    told.swap_limit = host.swap_limit;
    told.cpu_cfs_period = told.cpu_cfs_quota = host.cpu_cfs;
    told.cpu_shares = host.cpu_shares;
    told.cpu_set = host.cpu_set;
    told.pids_limit = host.pids_limit;
    told.oom_kill_disable = host.oom_kill_disable;
    told.cgroup_driver = "cgroupfs";
    told.cgroup_version = host.cgroup_v2 ? "2" : "1";
    told.kernel_version = host.kernel_version;
    told.operating_system = host.operating_system;
    told.os_version = host.os_version;
    told.os_type = "linux";
    told.architecture = host.architecture;
    told.ncpu = host.cpus;
    told.mem_total = host.memory_bytes;
    told.warnings = engine::host_warnings(host);
    told.ipv4_forwarding = engine::ipv4_forwarding();
}

// Ours, those of other makes that were named, and the parts of dockerd that are not here.
void tell_runtimes(const engine::SystemInfo& system, http::Version version, wire::Info& told) {
    constexpr http::Version without_expected{1, 49};
    told.runtimes[std::string(built_in_runtime)].path = built_in_program;
    for (const auto& [name, path] : system.runtimes)
        told.runtimes[name].path = path;
    told.default_runtime = system.default_runtime;
    told.init_binary = built_in_program;
    for (wire::Commit* commit : {&told.containerd_commit, &told.runc_commit, &told.init_commit}) {
        commit->id = not_there;
        if (version < without_expected) commit->expected = not_there;
    }
    if (version >= without_expected) told.firewall_backend = wire::FirewallInfo{"nftables"};
}

void tell_security(const engine::SystemInfo& system, http::Version version, wire::Info& told) {
    constexpr http::Version first_with_profiles{1, 25};
    bool names_only = version < first_with_profiles;
    std::string profile = system.seccomp_unconfined ? "unconfined" : "builtin";
    if (system.host.seccomp)
        told.security_options.push_back(names_only ? "seccomp" : "name=seccomp,profile=" + profile);
    if (system.host.cgroup_namespaces)
        told.security_options.push_back(names_only ? "cgroupns" : "name=cgroupns");
}

}  // namespace

http::Reply version() {
    utsname names{};
    ::uname(&names);
    wire::Version told;
    told.version = LIGHTER_VERSION;
    told.api_version = version_text(version_max);
    told.min_api_version = version_text(version_min);
    told.os = "linux";
    told.arch = go_arch(names.machine);
    told.kernel_version = names.release;
    wire::VersionComponent engine;
    engine.name = "Engine";
    engine.version = told.version;
    engine.details = {{"ApiVersion", told.api_version},
                      {"Arch", told.arch},
                      {"BuildTime", told.build_time},
                      {"Experimental", "false"},
                      {"GitCommit", told.git_commit},
                      {"GoVersion", told.go_version},
                      {"KernelVersion", told.kernel_version},
                      {"MinAPIVersion", told.min_api_version},
                      {"Os", told.os}};
    told.platform.name = "Lighter";
    told.components.push_back(std::move(engine));
    return json_text_reply(200, json::write(told));
}

http::Reply info(const engine::SystemInfo& system, const http::Request& request) {
    wire::Info told;
    told.id = system.id;
    told.containers_running = static_cast<std::int64_t>(system.containers_running);
    told.containers_paused = static_cast<std::int64_t>(system.containers_paused);
    told.containers_stopped = static_cast<std::int64_t>(system.containers_stopped);
    told.containers = told.containers_running + told.containers_paused + told.containers_stopped;
    told.images = static_cast<std::int64_t>(system.images);
    told.driver = "overlay2";
    told.plugins.volume = {"local"};
    told.plugins.network = {"bridge", "host", "null"};
    told.plugins.log = {"json-file", "none"};
    tell_host(system.host, told);
    tell_runtimes(system, request.version(), told);
    tell_security(system, request.version(), told);
    told.warnings.insert(told.warnings.end(), system.warnings.begin(), system.warnings.end());
    told.debug = system.debug;
    told.n_fd = static_cast<std::int64_t>(engine::open_descriptors());
    told.n_goroutines = 1;  // clients expect a number; we run one thread that counts
    told.n_events_listener = static_cast<std::int64_t>(system.events_listeners);
    told.system_time = base::rfc3339_nano(base::now());
    told.logging_driver = system.default_log_driver;
    told.index_server_address = registry::hub_auth_address;
    told.registry_config = registry_config(system.registries);
    told.docker_root_dir = system.data_root;
    told.http_proxy = codec::mask_credentials(system.http_proxy);
    told.https_proxy = codec::mask_credentials(system.https_proxy);
    told.no_proxy = system.no_proxy;
    told.name = engine::host_name();
    told.labels = system.labels;
    told.server_version = LIGHTER_VERSION;
    told.live_restore_enabled = system.live_restore;
    for (const net::PoolSpec& pool : system.address_pools)
        told.default_address_pools.push_back({pool.base.text(), pool.size});
    return json_text_reply(200, json::write(told));
}

}  // namespace api
