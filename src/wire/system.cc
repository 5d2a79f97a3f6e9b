#include "wire/system.h"

namespace wire {

namespace {

constexpr json::Field error_body_fields[] = {
    json::field<&ErrorBody::message>("message"),
};
constinit const json::Table error_body_table{error_body_fields};

constexpr json::Field version_platform_fields[] = {
    json::field<&VersionPlatform::name>("Name"),
};
constinit const json::Table version_platform_table{version_platform_fields};

constexpr json::Field version_component_fields[] = {
    json::field<&VersionComponent::name>("Name"),
    json::field<&VersionComponent::version>("Version"),
    json::field<&VersionComponent::details>("Details", json::omit_empty),
};
constinit const json::Table version_component_table{version_component_fields};

constexpr json::Field version_fields[] = {
    json::field<&Version::platform>("Platform"),
    json::field<&Version::components>("Components"),
    json::field<&Version::version>("Version"),
    json::field<&Version::api_version>("ApiVersion"),
    json::field<&Version::min_api_version>("MinAPIVersion"),
    json::field<&Version::git_commit>("GitCommit"),
    json::field<&Version::go_version>("GoVersion"),
    json::field<&Version::os>("Os"),
    json::field<&Version::arch>("Arch"),
    json::field<&Version::kernel_version>("KernelVersion", json::omit_empty),
    json::field<&Version::experimental>("Experimental", json::omit_empty),
    json::field<&Version::build_time>("BuildTime", json::omit_empty),
};
constinit const json::Table version_table{version_fields};

constexpr json::Field info_plugins_fields[] = {
    json::field<&InfoPlugins::volume>("Volume"),
    json::field<&InfoPlugins::network>("Network"),
    json::field<&InfoPlugins::authorization>("Authorization", json::null_empty),
    json::field<&InfoPlugins::log>("Log"),
};
constinit const json::Table info_plugins_table{info_plugins_fields};

constexpr json::Field index_info_fields[] = {
    json::field<&IndexInfo::name>("Name"),
    json::field<&IndexInfo::mirrors>("Mirrors"),
    json::field<&IndexInfo::secure>("Secure"),
    json::field<&IndexInfo::official>("Official"),
};
constinit const json::Table index_info_table{index_info_fields};

constexpr json::Field registry_config_fields[] = {
    json::field<&RegistryConfig::insecure_registry_cidrs>("InsecureRegistryCIDRs"),
    json::field<&RegistryConfig::index_configs>("IndexConfigs"),
    json::field<&RegistryConfig::mirrors>("Mirrors"),
};
constinit const json::Table registry_config_table{registry_config_fields};

constexpr json::Field runtime_fields[] = {
    json::field<&Runtime::path>("path", json::omit_empty),
    json::field<&Runtime::runtime_args>("runtimeArgs", json::omit_empty),
};
constinit const json::Table runtime_table{runtime_fields};

constexpr json::Field swarm_info_fields[] = {
    json::field<&SwarmInfo::node_id>("NodeID"),
    json::field<&SwarmInfo::node_addr>("NodeAddr"),
    json::field<&SwarmInfo::local_node_state>("LocalNodeState"),
    json::field<&SwarmInfo::control_available>("ControlAvailable"),
    json::field<&SwarmInfo::error>("Error"),
    json::field<&SwarmInfo::remote_managers>("RemoteManagers"),
};
constinit const json::Table swarm_info_table{swarm_info_fields};

constexpr json::Field commit_fields[] = {
    json::field<&Commit::id>("ID"),
    json::field<&Commit::expected>("Expected", json::omit_empty),
};
constinit const json::Table commit_table{commit_fields};

constexpr json::Field address_pool_fields[] = {
    json::field<&AddressPool::base>("Base"),
    json::field<&AddressPool::size>("Size"),
};
constinit const json::Table address_pool_table{address_pool_fields};

constexpr json::Field firewall_info_fields[] = {
    json::field<&FirewallInfo::driver>("Driver"),
};
constinit const json::Table firewall_info_table{firewall_info_fields};

constexpr json::Field info_fields[] = {
    json::field<&Info::id>("ID"),
    json::field<&Info::containers>("Containers"),
    json::field<&Info::containers_running>("ContainersRunning"),
    json::field<&Info::containers_paused>("ContainersPaused"),
    json::field<&Info::containers_stopped>("ContainersStopped"),
    json::field<&Info::images>("Images"),
    json::field<&Info::driver>("Driver"),
    json::field<&Info::driver_status>("DriverStatus"),
    json::field<&Info::plugins>("Plugins"),
    json::field<&Info::memory_limit>("MemoryLimit"),
    json::field<&Info::swap_limit>("SwapLimit"),
    json::field<&Info::cpu_cfs_period>("CpuCfsPeriod"),
    json::field<&Info::cpu_cfs_quota>("CpuCfsQuota"),
    json::field<&Info::cpu_shares>("CPUShares"),
    json::field<&Info::cpu_set>("CPUSet"),
    json::field<&Info::pids_limit>("PidsLimit"),
    json::field<&Info::ipv4_forwarding>("IPv4Forwarding"),
    json::field<&Info::bridge_nf_iptables>("BridgeNfIptables"),
    json::field<&Info::bridge_nf_ip6tables>("BridgeNfIp6tables"),
    json::field<&Info::debug>("Debug"),
    json::field<&Info::n_fd>("NFd"),
    json::field<&Info::oom_kill_disable>("OomKillDisable"),
    json::field<&Info::n_goroutines>("NGoroutines"),
    json::field<&Info::system_time>("SystemTime"),
    json::field<&Info::logging_driver>("LoggingDriver"),
    json::field<&Info::cgroup_driver>("CgroupDriver"),
    json::field<&Info::cgroup_version>("CgroupVersion", json::omit_empty),
    json::field<&Info::n_events_listener>("NEventsListener"),
    json::field<&Info::kernel_version>("KernelVersion"),
    json::field<&Info::operating_system>("OperatingSystem"),
    json::field<&Info::os_version>("OSVersion"),
    json::field<&Info::os_type>("OSType"),
    json::field<&Info::architecture>("Architecture"),
    json::field<&Info::index_server_address>("IndexServerAddress"),
    json::field<&Info::registry_config>("RegistryConfig"),
    json::field<&Info::ncpu>("NCPU"),
    json::field<&Info::mem_total>("MemTotal"),
    json::field<&Info::generic_resources>("GenericResources"),
    json::field<&Info::docker_root_dir>("DockerRootDir"),
    json::field<&Info::http_proxy>("HttpProxy"),
    json::field<&Info::https_proxy>("HttpsProxy"),
    json::field<&Info::no_proxy>("NoProxy"),
    json::field<&Info::name>("Name"),
    json::field<&Info::labels>("Labels"),
    json::field<&Info::experimental_build>("ExperimentalBuild"),
    json::field<&Info::server_version>("ServerVersion"),
    json::field<&Info::runtimes>("Runtimes"),
    json::field<&Info::default_runtime>("DefaultRuntime"),
    json::field<&Info::swarm>("Swarm"),
    json::field<&Info::live_restore_enabled>("LiveRestoreEnabled"),
    json::field<&Info::isolation>("Isolation"),
    json::field<&Info::init_binary>("InitBinary"),
    json::field<&Info::containerd_commit>("ContainerdCommit"),
    json::field<&Info::runc_commit>("RuncCommit"),
    json::field<&Info::init_commit>("InitCommit"),
    json::field<&Info::security_options>("SecurityOptions"),
    json::field<&Info::default_address_pools>("DefaultAddressPools", json::omit_empty),
    json::field<&Info::firewall_backend>("FirewallBackend", json::omit_empty),
    json::field<&Info::cdi_spec_dirs>("CDISpecDirs", json::omit_empty),
    json::field<&Info::warnings>("Warnings", json::null_empty),
};
constinit const json::Table info_table{info_fields};

constexpr json::Field event_actor_fields[] = {
    json::field<&EventActor::id>("ID"),
    json::field<&EventActor::attributes>("Attributes"),
};
constinit const json::Table event_actor_table{event_actor_fields};

constexpr json::Field event_message_fields[] = {
    json::field<&EventMessage::status>("status", json::omit_empty),
    json::field<&EventMessage::id>("id", json::omit_empty),
    json::field<&EventMessage::from>("from", json::omit_empty),
    json::field<&EventMessage::type>("Type"),
    json::field<&EventMessage::action>("Action"),
    json::field<&EventMessage::actor>("Actor"),
    json::field<&EventMessage::scope>("scope", json::omit_empty),
    json::field<&EventMessage::time>("time", json::omit_empty),
    json::field<&EventMessage::time_nano>("timeNano", json::omit_empty),
};
constinit const json::Table event_message_table{event_message_fields};

constexpr json::Field progress_detail_fields[] = {
    json::field<&ProgressDetail::current>("current", json::omit_empty),
    json::field<&ProgressDetail::total>("total", json::omit_empty),
};
constinit const json::Table progress_detail_table{progress_detail_fields};

constexpr json::Field error_detail_fields[] = {
    json::field<&ErrorDetail::code>("code", json::omit_empty),
    json::field<&ErrorDetail::message>("message"),
};
constinit const json::Table error_detail_table{error_detail_fields};

constexpr json::Field progress_fields[] = {
    json::field<&Progress::stream>("stream", json::omit_empty),
    json::field<&Progress::status>("status", json::omit_empty),
    json::field<&Progress::progress_detail>("progressDetail", json::omit_empty),
    json::field<&Progress::progress>("progress", json::omit_empty),
    json::field<&Progress::id>("id", json::omit_empty),
    json::field<&Progress::error_detail>("errorDetail", json::omit_empty),
    json::field<&Progress::error>("error", json::omit_empty),
    json::field<&Progress::aux>("aux", json::omit_empty),
};
constinit const json::Table progress_table{progress_fields};

constexpr json::Field auth_reply_fields[] = {
    json::field<&AuthReply::status>("Status"),
    json::field<&AuthReply::identity_token>("IdentityToken"),
};
constinit const json::Table auth_reply_table{auth_reply_fields};

}  // namespace

const json::Table& json_table(const ErrorBody*) {
    return error_body_table;
}
const json::Table& json_table(const VersionPlatform*) {
    return version_platform_table;
}
const json::Table& json_table(const VersionComponent*) {
    return version_component_table;
}
const json::Table& json_table(const Version*) {
    return version_table;
}
const json::Table& json_table(const InfoPlugins*) {
    return info_plugins_table;
}
const json::Table& json_table(const IndexInfo*) {
    return index_info_table;
}
const json::Table& json_table(const RegistryConfig*) {
    return registry_config_table;
}
const json::Table& json_table(const Runtime*) {
    return runtime_table;
}
const json::Table& json_table(const SwarmInfo*) {
    return swarm_info_table;
}
const json::Table& json_table(const Commit*) {
    return commit_table;
}
const json::Table& json_table(const FirewallInfo*) {
    return firewall_info_table;
}
const json::Table& json_table(const AddressPool*) {
    return address_pool_table;
}
const json::Table& json_table(const Info*) {
    return info_table;
}
const json::Table& json_table(const EventActor*) {
    return event_actor_table;
}
const json::Table& json_table(const EventMessage*) {
    return event_message_table;
}
const json::Table& json_table(const ProgressDetail*) {
    return progress_detail_table;
}
const json::Table& json_table(const ErrorDetail*) {
    return error_detail_table;
}
const json::Table& json_table(const Progress*) {
    return progress_table;
}
const json::Table& json_table(const AuthReply*) {
    return auth_reply_table;
}

}  // namespace wire
