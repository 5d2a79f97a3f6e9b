// What the API tells about containers: inspect, list, wait, top. Shapes only; which of them a
// client of an old version gets is api's business.
#pragma once

#include "codec/json.h"
#include "wire/container.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wire {

struct HealthResult {
    Time start, end;
    std::int64_t exit_code = 0;
    std::string output;
};
struct Health {
    std::string status;
    std::int64_t failing_streak = 0;
    std::vector<HealthResult> log;
};
struct ContainerState {
    std::string status;
    bool running = false, paused = false, restarting = false, oom_killed = false, dead = false;
    std::int64_t pid = 0, exit_code = 0;
    std::string error;
    Time started_at, finished_at;
    std::optional<Health> health;
};
struct GraphDriver {
    StringMap data;
    std::string name;
};
struct MountPoint {
    std::string type, name, source, destination, driver, mode;
    bool rw = false;
    std::string propagation;
};
struct NetworkSettings {
    std::string sandbox_id;
    PortMap ports;  // null: exposed, not published
    std::string sandbox_key;
    // Copies of what network "bridge" has and what nothing has any more: absent from 1.52 on.
    std::optional<std::string> bridge, link_local_ipv6_address;
    std::optional<bool> hairpin_mode;
    std::optional<std::int64_t> link_local_ipv6_prefix_len;
    std::optional<json::Raw> secondary_ip_addresses, secondary_ipv6_addresses;
    std::optional<std::string> endpoint_id, gateway, global_ipv6_address;
    std::optional<std::int64_t> global_ipv6_prefix_len;
    std::optional<std::string> ip_address;
    std::optional<std::int64_t> ip_prefix_len;
    std::optional<std::string> ipv6_gateway, mac_address;
    std::map<std::string, EndpointSettings> networks;
};

struct ContainerInspect {
    std::string id;
    Time created;
    std::string path;
    Strings args;
    ContainerState state;
    std::string image;  // id
    std::string resolv_conf_path, hostname_path, hosts_path, log_path;
    std::string name;  // with its slash
    std::int64_t restart_count = 0;
    std::string driver, platform, mount_label, process_label, app_armor_profile;
    std::optional<Strings> exec_ids;
    HostConfig host_config;
    GraphDriver graph_driver;
    std::optional<std::int64_t> size_rw, size_root_fs;
    std::vector<MountPoint> mounts;
    ContainerConfig config;
    NetworkSettings network_settings;
};

struct PortSummary {
    std::string ip;
    std::uint16_t private_port = 0, public_port = 0;
    std::string type;
};
struct SummaryHostConfig {
    std::string network_mode;
    StringMap annotations;
};
struct SummaryNetworks {
    std::map<std::string, EndpointSettings> networks;
};
struct HealthSummary {
    std::string status;
    std::int64_t failing_streak = 0;
};
struct ContainerSummary {
    std::string id;
    Strings names;
    std::string image, image_id, command;
    std::int64_t created = 0;  // seconds
    std::vector<PortSummary> ports;
    std::optional<std::int64_t> size_rw, size_root_fs;
    StringMap labels;
    std::string state, status;
    SummaryHostConfig host_config;
    SummaryNetworks network_settings;
    std::vector<MountPoint> mounts;
    std::optional<HealthSummary> health;
};

struct WaitError {
    std::string message;
};
struct WaitResponse {
    std::int64_t status_code = 0;
    std::optional<WaitError> error;
};
struct TopResponse {
    Strings titles;
    std::vector<Strings> processes;
};

struct UpdateResponse {
    Strings warnings;
};
struct ContainersPruned {
    Strings ids;
    std::int64_t bytes = 0;
};

const json::Table& json_table(const UpdateResponse*);
const json::Table& json_table(const ContainersPruned*);
const json::Table& json_table(const HealthResult*);
const json::Table& json_table(const Health*);
const json::Table& json_table(const ContainerState*);
const json::Table& json_table(const GraphDriver*);
const json::Table& json_table(const MountPoint*);
const json::Table& json_table(const NetworkSettings*);
const json::Table& json_table(const ContainerInspect*);
const json::Table& json_table(const PortSummary*);
const json::Table& json_table(const SummaryHostConfig*);
const json::Table& json_table(const SummaryNetworks*);
const json::Table& json_table(const HealthSummary*);
const json::Table& json_table(const ContainerSummary*);
const json::Table& json_table(const WaitError*);
const json::Table& json_table(const WaitResponse*);
const json::Table& json_table(const TopResponse*);

}  // namespace wire
