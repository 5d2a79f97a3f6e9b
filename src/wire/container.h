// What a container is asked to be: the Docker API's Config, HostConfig and NetworkingConfig with
// all their fields, so that inspect gives back what create was given. Shapes only, no rules.
#pragma once

#include "codec/json.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wire {

using Strings = std::vector<std::string>;
using StringMap = std::map<std::string, std::string>;
using Set = std::map<std::string, json::Empty>;

// Cmd and Entrypoint: a list, or one string that stands for a list of one.
struct Words : std::vector<std::string> {
    using std::vector<std::string>::vector;
    bool given = false;  // an empty list is not the same as none: it clears the image's
};
bool json_read(json::Reader& reader, Words& words);

struct HealthConfig {
    Strings test;
    std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;  // ns
    std::int64_t retries = 0;
};

struct ContainerConfig {
    std::string hostname, domainname, user;
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
    Set exposed_ports;  // "80/tcp"
    bool tty = false, open_stdin = false, stdin_once = false;
    Strings env;
    Words cmd;
    std::optional<HealthConfig> healthcheck;
    bool args_escaped = false;
    std::string image;
    Set volumes;
    std::string working_dir;
    Words entrypoint;
    bool network_disabled = false;
    std::string mac_address;
    Strings on_build;
    StringMap labels;
    std::string stop_signal;
    std::optional<std::int64_t> stop_timeout;
    Words shell;
};

struct LogConfig {
    std::string type;
    StringMap config;
};
struct PortBinding {
    std::string host_ip, host_port;
};
using PortMap = std::map<std::string, std::optional<std::vector<PortBinding>>>;
struct RestartPolicy {
    std::string name;
    std::int64_t maximum_retry_count = 0;
};
struct WeightDevice {
    std::string path;
    std::uint16_t weight = 0;
};
struct ThrottleDevice {
    std::string path;
    std::uint64_t rate = 0;
};
struct DeviceMapping {
    std::string path_on_host, path_in_container, cgroup_permissions;
};
struct DeviceRequest {
    std::string driver;
    std::int64_t count = 0;
    Strings device_ids;
    std::vector<Strings> capabilities;
    StringMap options;
};
struct Ulimit {
    std::string name;
    std::int64_t hard = 0, soft = 0;
};

struct BindOptions {
    std::string propagation;
    bool non_recursive = false, create_mountpoint = false;
    bool read_only_non_recursive = false, read_only_force_recursive = false;
};
struct VolumeDriver {
    std::string name;
    StringMap options;
};
struct VolumeOptions {
    bool no_copy = false;
    StringMap labels;
    std::optional<VolumeDriver> driver_config;
    std::string subpath;
};
struct ImageOptions {
    std::string subpath;
};
struct TmpfsOptions {
    std::int64_t size_bytes = 0;
    std::uint32_t mode = 0;
    std::vector<Strings> options;
};
struct Mount {
    std::string type, source, target;
    bool read_only = false;
    std::string consistency;
    std::optional<BindOptions> bind;
    std::optional<VolumeOptions> volume;
    std::optional<ImageOptions> image;
    std::optional<TmpfsOptions> tmpfs;
    json::Raw cluster;
};

// Also the body of update, together with the restart policy.
struct Resources {
    std::int64_t cpu_shares = 0, memory = 0, nano_cpus = 0;
    std::string cgroup_parent;
    std::uint16_t blkio_weight = 0;
    std::optional<std::vector<WeightDevice>> blkio_weight_device;
    std::optional<std::vector<ThrottleDevice>> blkio_device_read_bps, blkio_device_write_bps;
    std::optional<std::vector<ThrottleDevice>> blkio_device_read_iops, blkio_device_write_iops;
    std::int64_t cpu_period = 0, cpu_quota = 0, cpu_realtime_period = 0, cpu_realtime_runtime = 0;
    std::string cpuset_cpus, cpuset_mems;
    std::vector<DeviceMapping> devices;
    Strings device_cgroup_rules;
    std::vector<DeviceRequest> device_requests;
    std::int64_t kernel_memory = 0, kernel_memory_tcp = 0;
    std::int64_t memory_reservation = 0, memory_swap = 0;
    std::optional<std::int64_t> memory_swappiness;
    std::optional<bool> oom_kill_disable;
    std::optional<std::int64_t> pids_limit;
    std::vector<Ulimit> ulimits;
    std::int64_t cpu_count = 0, cpu_percent = 0;  // Windows
    std::uint64_t io_maximum_iops = 0, io_maximum_bandwidth = 0;
};

struct HostConfig : Resources {
    Strings binds;
    std::string container_id_file;
    LogConfig log_config;
    std::string network_mode;
    PortMap port_bindings;
    RestartPolicy restart_policy;
    bool auto_remove = false;
    std::string volume_driver;
    Strings volumes_from;
    std::vector<std::uint64_t> console_size{0, 0};  // height, width
    StringMap annotations;
    std::vector<Mount> mounts;
    Strings cap_add, cap_drop, capabilities;
    std::string cgroupns_mode;
    Strings dns, dns_options, dns_search, extra_hosts, group_add;
    std::string ipc_mode, cgroup;
    Strings links;
    std::int64_t oom_score_adj = 0;
    std::string pid_mode;
    bool privileged = false, publish_all_ports = false, readonly_rootfs = false;
    Strings security_opt;
    StringMap storage_opt, tmpfs;
    std::string uts_mode, userns_mode;
    std::int64_t shm_size = 0;
    StringMap sysctls;
    std::string runtime, isolation;
    std::optional<bool> init;
    std::optional<Strings> masked_paths, readonly_paths;  // absent: the defaults
};

struct EndpointIpam {
    std::string ipv4_address, ipv6_address;
    Strings link_local_ips;
};
struct EndpointSettings {
    std::optional<EndpointIpam> ipam_config;
    Strings links, aliases;
    std::string mac_address;
    StringMap driver_opts;
    std::int64_t gw_priority = 0;
    std::string network_id, endpoint_id, gateway, ip_address;
    std::int64_t ip_prefix_len = 0;
    std::string ipv6_gateway, global_ipv6_address;
    std::int64_t global_ipv6_prefix_len = 0;
    Strings dns_names;
};
struct NetworkingConfig {
    std::map<std::string, EndpointSettings> endpoints_config;
};

// The body of create.
struct ContainerCreate : ContainerConfig {
    HostConfig host_config;
    NetworkingConfig networking_config;
};
struct ContainerCreated {
    std::string id;
    Strings warnings;
};
struct ContainerUpdate : Resources {
    RestartPolicy restart_policy;
};

const json::Table& json_table(const HealthConfig*);
const json::Table& json_table(const ContainerConfig*);
const json::Table& json_table(const LogConfig*);
const json::Table& json_table(const PortBinding*);
const json::Table& json_table(const RestartPolicy*);
const json::Table& json_table(const WeightDevice*);
const json::Table& json_table(const ThrottleDevice*);
const json::Table& json_table(const DeviceMapping*);
const json::Table& json_table(const DeviceRequest*);
const json::Table& json_table(const Ulimit*);
const json::Table& json_table(const BindOptions*);
const json::Table& json_table(const VolumeDriver*);
const json::Table& json_table(const VolumeOptions*);
const json::Table& json_table(const ImageOptions*);
const json::Table& json_table(const TmpfsOptions*);
const json::Table& json_table(const Mount*);
const json::Table& json_table(const Resources*);
const json::Table& json_table(const HostConfig*);
const json::Table& json_table(const EndpointIpam*);
const json::Table& json_table(const EndpointSettings*);
const json::Table& json_table(const NetworkingConfig*);
const json::Table& json_table(const ContainerCreate*);
const json::Table& json_table(const ContainerCreated*);
const json::Table& json_table(const ContainerUpdate*);

}  // namespace wire
