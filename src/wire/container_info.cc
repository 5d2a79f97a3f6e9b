#include "wire/container_info.h"

namespace wire {

namespace {

constexpr json::Field health_result_fields[] = {
    json::field<&HealthResult::start>("Start"),
    json::field<&HealthResult::end>("End"),
    json::field<&HealthResult::exit_code>("ExitCode"),
    json::field<&HealthResult::output>("Output"),
};
constinit const json::Table health_result_table{health_result_fields};

constexpr json::Field health_fields[] = {
    json::field<&Health::status>("Status"),
    json::field<&Health::failing_streak>("FailingStreak"),
    json::field<&Health::log>("Log"),
};
constinit const json::Table health_table{health_fields};

constexpr json::Field container_state_fields[] = {
    json::field<&ContainerState::status>("Status"),
    json::field<&ContainerState::running>("Running"),
    json::field<&ContainerState::paused>("Paused"),
    json::field<&ContainerState::restarting>("Restarting"),
    json::field<&ContainerState::oom_killed>("OOMKilled"),
    json::field<&ContainerState::dead>("Dead"),
    json::field<&ContainerState::pid>("Pid"),
    json::field<&ContainerState::exit_code>("ExitCode"),
    json::field<&ContainerState::error>("Error"),
    json::field<&ContainerState::started_at>("StartedAt"),
    json::field<&ContainerState::finished_at>("FinishedAt"),
    json::field<&ContainerState::health>("Health", json::omit_empty),
};
constinit const json::Table container_state_table{container_state_fields};

constexpr json::Field graph_driver_fields[] = {
    json::field<&GraphDriver::data>("Data", json::null_empty),
    json::field<&GraphDriver::name>("Name"),
};
constinit const json::Table graph_driver_table{graph_driver_fields};

constexpr json::Field mount_point_fields[] = {
    json::field<&MountPoint::type>("Type", json::omit_empty),
    json::field<&MountPoint::name>("Name", json::omit_empty),
    json::field<&MountPoint::source>("Source"),
    json::field<&MountPoint::destination>("Destination"),
    json::field<&MountPoint::driver>("Driver", json::omit_empty),
    json::field<&MountPoint::mode>("Mode"),
    json::field<&MountPoint::rw>("RW"),
    json::field<&MountPoint::propagation>("Propagation"),
};
constinit const json::Table mount_point_table{mount_point_fields};

constexpr json::Field network_settings_fields[] = {
    json::field<&NetworkSettings::bridge>("Bridge", json::omit_empty),
    json::field<&NetworkSettings::sandbox_id>("SandboxID"),
    json::field<&NetworkSettings::sandbox_key>("SandboxKey"),
    json::field<&NetworkSettings::ports>("Ports"),
    json::field<&NetworkSettings::hairpin_mode>("HairpinMode", json::omit_empty),
    json::field<&NetworkSettings::link_local_ipv6_address>("LinkLocalIPv6Address",
                                                           json::omit_empty),
    json::field<&NetworkSettings::link_local_ipv6_prefix_len>("LinkLocalIPv6PrefixLen",
                                                              json::omit_empty),
    json::field<&NetworkSettings::secondary_ip_addresses>("SecondaryIPAddresses", json::omit_empty),
    json::field<&NetworkSettings::secondary_ipv6_addresses>("SecondaryIPv6Addresses",
                                                            json::omit_empty),
    json::field<&NetworkSettings::endpoint_id>("EndpointID", json::omit_empty),
    json::field<&NetworkSettings::gateway>("Gateway", json::omit_empty),
    json::field<&NetworkSettings::global_ipv6_address>("GlobalIPv6Address", json::omit_empty),
    json::field<&NetworkSettings::global_ipv6_prefix_len>("GlobalIPv6PrefixLen", json::omit_empty),
    json::field<&NetworkSettings::ip_address>("IPAddress", json::omit_empty),
    json::field<&NetworkSettings::ip_prefix_len>("IPPrefixLen", json::omit_empty),
    json::field<&NetworkSettings::ipv6_gateway>("IPv6Gateway", json::omit_empty),
    json::field<&NetworkSettings::mac_address>("MacAddress", json::omit_empty),
    json::field<&NetworkSettings::networks>("Networks"),
};
constinit const json::Table network_settings_table{network_settings_fields};

constexpr json::Field container_inspect_fields[] = {
    json::field<&ContainerInspect::id>("Id"),
    json::field<&ContainerInspect::created>("Created"),
    json::field<&ContainerInspect::path>("Path"),
    json::field<&ContainerInspect::args>("Args"),
    json::field<&ContainerInspect::state>("State"),
    json::field<&ContainerInspect::image>("Image"),
    json::field<&ContainerInspect::resolv_conf_path>("ResolvConfPath"),
    json::field<&ContainerInspect::hostname_path>("HostnamePath"),
    json::field<&ContainerInspect::hosts_path>("HostsPath"),
    json::field<&ContainerInspect::log_path>("LogPath"),
    json::field<&ContainerInspect::name>("Name"),
    json::field<&ContainerInspect::restart_count>("RestartCount"),
    json::field<&ContainerInspect::driver>("Driver"),
    json::field<&ContainerInspect::platform>("Platform"),
    json::field<&ContainerInspect::mount_label>("MountLabel"),
    json::field<&ContainerInspect::process_label>("ProcessLabel"),
    json::field<&ContainerInspect::app_armor_profile>("AppArmorProfile"),
    json::field<&ContainerInspect::exec_ids>("ExecIDs"),
    json::field<&ContainerInspect::host_config>("HostConfig"),
    json::field<&ContainerInspect::graph_driver>("GraphDriver"),
    json::field<&ContainerInspect::size_rw>("SizeRw", json::omit_empty),
    json::field<&ContainerInspect::size_root_fs>("SizeRootFs", json::omit_empty),
    json::field<&ContainerInspect::mounts>("Mounts"),
    json::field<&ContainerInspect::config>("Config"),
    json::field<&ContainerInspect::network_settings>("NetworkSettings"),
};
constinit const json::Table container_inspect_table{container_inspect_fields};

constexpr json::Field port_summary_fields[] = {
    json::field<&PortSummary::ip>("IP", json::omit_empty),
    json::field<&PortSummary::private_port>("PrivatePort"),
    json::field<&PortSummary::public_port>("PublicPort", json::omit_empty),
    json::field<&PortSummary::type>("Type"),
};
constinit const json::Table port_summary_table{port_summary_fields};

constexpr json::Field summary_host_config_fields[] = {
    json::field<&SummaryHostConfig::network_mode>("NetworkMode", json::omit_empty),
    json::field<&SummaryHostConfig::annotations>("Annotations", json::omit_empty),
};
constinit const json::Table summary_host_config_table{summary_host_config_fields};

constexpr json::Field summary_networks_fields[] = {
    json::field<&SummaryNetworks::networks>("Networks"),
};
constinit const json::Table summary_networks_table{summary_networks_fields};

constexpr json::Field health_summary_fields[] = {
    json::field<&HealthSummary::status>("Status"),
    json::field<&HealthSummary::failing_streak>("FailingStreak"),
};
constinit const json::Table health_summary_table{health_summary_fields};

constexpr json::Field container_summary_fields[] = {
    json::field<&ContainerSummary::id>("Id"),
    json::field<&ContainerSummary::names>("Names"),
    json::field<&ContainerSummary::image>("Image"),
    json::field<&ContainerSummary::image_id>("ImageID"),
    json::field<&ContainerSummary::command>("Command"),
    json::field<&ContainerSummary::created>("Created"),
    json::field<&ContainerSummary::ports>("Ports"),
    json::field<&ContainerSummary::size_rw>("SizeRw", json::omit_empty),
    json::field<&ContainerSummary::size_root_fs>("SizeRootFs", json::omit_empty),
    json::field<&ContainerSummary::labels>("Labels"),
    json::field<&ContainerSummary::state>("State"),
    json::field<&ContainerSummary::status>("Status"),
    json::field<&ContainerSummary::host_config>("HostConfig"),
    json::field<&ContainerSummary::network_settings>("NetworkSettings"),
    json::field<&ContainerSummary::mounts>("Mounts"),
    json::field<&ContainerSummary::health>("Health", json::omit_empty),
};
constinit const json::Table container_summary_table{container_summary_fields};

constexpr json::Field wait_error_fields[] = {
    json::field<&WaitError::message>("Message"),
};
constinit const json::Table wait_error_table{wait_error_fields};

constexpr json::Field wait_response_fields[] = {
    json::field<&WaitResponse::status_code>("StatusCode"),
    json::field<&WaitResponse::error>("Error", json::omit_empty),
};
constinit const json::Table wait_response_table{wait_response_fields};

constexpr json::Field top_response_fields[] = {
    json::field<&TopResponse::titles>("Titles"),
    json::field<&TopResponse::processes>("Processes"),
};
constinit const json::Table top_response_table{top_response_fields};

constexpr json::Field update_response_fields[] = {
    json::field<&UpdateResponse::warnings>("Warnings", json::null_empty),
};
constinit const json::Table update_response_table{update_response_fields};

constexpr json::Field pruned_fields[] = {
    json::field<&ContainersPruned::ids>("ContainersDeleted", json::null_empty),
    json::field<&ContainersPruned::bytes>("SpaceReclaimed"),
};
constinit const json::Table pruned_table{pruned_fields};

}  // namespace

const json::Table& json_table(const UpdateResponse*) {
    return update_response_table;
}
const json::Table& json_table(const ContainersPruned*) {
    return pruned_table;
}
const json::Table& json_table(const HealthResult*) {
    return health_result_table;
}
const json::Table& json_table(const Health*) {
    return health_table;
}
const json::Table& json_table(const ContainerState*) {
    return container_state_table;
}
const json::Table& json_table(const GraphDriver*) {
    return graph_driver_table;
}
const json::Table& json_table(const MountPoint*) {
    return mount_point_table;
}
const json::Table& json_table(const NetworkSettings*) {
    return network_settings_table;
}
const json::Table& json_table(const ContainerInspect*) {
    return container_inspect_table;
}
const json::Table& json_table(const PortSummary*) {
    return port_summary_table;
}
const json::Table& json_table(const SummaryHostConfig*) {
    return summary_host_config_table;
}
const json::Table& json_table(const SummaryNetworks*) {
    return summary_networks_table;
}
const json::Table& json_table(const HealthSummary*) {
    return health_summary_table;
}
const json::Table& json_table(const ContainerSummary*) {
    return container_summary_table;
}
const json::Table& json_table(const WaitError*) {
    return wait_error_table;
}
const json::Table& json_table(const WaitResponse*) {
    return wait_response_table;
}
const json::Table& json_table(const TopResponse*) {
    return top_response_table;
}

}  // namespace wire
