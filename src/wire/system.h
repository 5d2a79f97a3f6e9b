// The engine as the API tells about it: version, info, events, errors, progress lines.
#pragma once

#include "codec/json.h"
#include "wire/container.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wire {

struct ErrorBody {
    std::string message;
};

struct VersionPlatform {
    std::string name;
};
struct VersionComponent {
    std::string name, version;
    StringMap details;
};
struct Version {
    VersionPlatform platform;
    std::vector<VersionComponent> components;
    std::string version, api_version, min_api_version, git_commit, go_version, os, arch;
    std::string kernel_version;
    bool experimental = false;
    std::string build_time;
};

struct InfoPlugins {
    Strings volume, network, authorization, log;
};
struct IndexInfo {
    std::string name;
    Strings mirrors;
    bool secure = false, official = false;
};
struct RegistryConfig {
    Strings insecure_registry_cidrs;
    std::map<std::string, IndexInfo> index_configs;
    Strings mirrors;
};
struct Runtime {
    std::string path;
    Strings runtime_args;
};
struct SwarmInfo {
    std::string node_id, node_addr, local_node_state = "inactive";
    bool control_available = false;
    std::string error;
    json::Raw remote_managers;
};
struct Commit {
    std::string id, expected;
};
struct AddressPool {
    std::string base;
    std::int64_t size = 0;
};
struct FirewallInfo {
    std::string driver;
};
struct Info {
    std::string id;
    std::int64_t containers = 0, containers_running = 0, containers_paused = 0,
                 containers_stopped = 0, images = 0;
    std::string driver;
    std::vector<Strings> driver_status;
    InfoPlugins plugins;
    bool memory_limit = false, swap_limit = false, cpu_cfs_period = false, cpu_cfs_quota = false,
         cpu_shares = false, cpu_set = false, pids_limit = false, ipv4_forwarding = false,
         bridge_nf_iptables = false, bridge_nf_ip6tables = false, debug = false;
    std::int64_t n_fd = 0;
    bool oom_kill_disable = false;
    std::int64_t n_goroutines = 0;
    std::string system_time, logging_driver, cgroup_driver, cgroup_version;
    std::int64_t n_events_listener = 0;
    std::string kernel_version, operating_system, os_version, os_type, architecture;
    std::string index_server_address;
    RegistryConfig registry_config;
    std::int64_t ncpu = 0, mem_total = 0;
    json::Raw generic_resources;
    std::string docker_root_dir, http_proxy, https_proxy, no_proxy, name;
    Strings labels;
    bool experimental_build = false;
    std::string server_version;
    std::map<std::string, Runtime> runtimes;
    std::string default_runtime;
    SwarmInfo swarm;
    bool live_restore_enabled = false;
    std::string isolation, init_binary;
    Commit containerd_commit, runc_commit, init_commit;
    Strings security_options;
    std::vector<AddressPool> default_address_pools;
    std::optional<FirewallInfo> firewall_backend;  // since 1.49
    Strings cdi_spec_dirs, warnings;
};

struct EventActor {
    std::string id;
    StringMap attributes;
};
struct EventMessage {
    std::string status, id, from;  // legacy, below 1.52
    std::string type, action;
    EventActor actor;
    std::string scope = "local";
    std::int64_t time = 0, time_nano = 0;
};

// One line of a pull's progress.
struct ProgressDetail {
    std::int64_t current = 0, total = 0;
};
struct ErrorDetail {
    std::int64_t code = 0;
    std::string message;
};
struct Progress {
    std::string stream;  // text as it is to be shown
    std::string status;
    std::optional<ProgressDetail> progress_detail;
    std::string progress, id;
    std::optional<ErrorDetail> error_detail;
    std::string error;  // the same text, for old clients
    json::Raw aux;      // a document of its own: what a push has come to
};

struct AuthReply {
    std::string status, identity_token;
};

const json::Table& json_table(const ErrorBody*);
const json::Table& json_table(const VersionPlatform*);
const json::Table& json_table(const VersionComponent*);
const json::Table& json_table(const Version*);
const json::Table& json_table(const InfoPlugins*);
const json::Table& json_table(const IndexInfo*);
const json::Table& json_table(const RegistryConfig*);
const json::Table& json_table(const Runtime*);
const json::Table& json_table(const SwarmInfo*);
const json::Table& json_table(const Commit*);
const json::Table& json_table(const AddressPool*);
const json::Table& json_table(const FirewallInfo*);
const json::Table& json_table(const Info*);
const json::Table& json_table(const EventActor*);
const json::Table& json_table(const EventMessage*);
const json::Table& json_table(const ProgressDetail*);
const json::Table& json_table(const ErrorDetail*);
const json::Table& json_table(const Progress*);
const json::Table& json_table(const AuthReply*);

}  // namespace wire
