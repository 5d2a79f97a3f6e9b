#include "wire/container.h"

namespace wire {

bool json_read(json::Reader& reader, Words& words) {
    words.clear();
    words.given = !reader.is_null();
    if (!words.given) return reader.skip();
    if (reader.type() == json::Type::string) return reader.string(words.emplace_back());
    return reader.array([&] { return reader.string(words.emplace_back()); });
}

namespace {

constexpr json::Field health_config_fields[] = {
    json::field<&HealthConfig::test>("Test", json::omit_empty | json::no_nul),
    json::field<&HealthConfig::interval>("Interval", json::omit_empty),
    json::field<&HealthConfig::timeout>("Timeout", json::omit_empty),
    json::field<&HealthConfig::start_period>("StartPeriod", json::omit_empty),
    json::field<&HealthConfig::start_interval>("StartInterval", json::omit_empty),
    json::field<&HealthConfig::retries>("Retries", json::omit_empty),
};
constinit const json::Table health_config_table{health_config_fields};

constexpr json::Field container_config_fields[] = {
    json::field<&ContainerConfig::hostname>("Hostname", json::no_nul),
    json::field<&ContainerConfig::domainname>("Domainname", json::no_nul),
    json::field<&ContainerConfig::user>("User", json::no_nul),
    json::field<&ContainerConfig::attach_stdin>("AttachStdin"),
    json::field<&ContainerConfig::attach_stdout>("AttachStdout"),
    json::field<&ContainerConfig::attach_stderr>("AttachStderr"),
    json::field<&ContainerConfig::exposed_ports>("ExposedPorts", json::omit_empty),
    json::field<&ContainerConfig::tty>("Tty"),
    json::field<&ContainerConfig::open_stdin>("OpenStdin"),
    json::field<&ContainerConfig::stdin_once>("StdinOnce"),
    json::field<&ContainerConfig::env>("Env", json::null_empty | json::no_nul),
    json::field<&ContainerConfig::cmd>("Cmd", json::null_empty | json::no_nul),
    json::field<&ContainerConfig::healthcheck>("Healthcheck", json::omit_empty),
    json::field<&ContainerConfig::args_escaped>("ArgsEscaped", json::omit_empty),
    json::field<&ContainerConfig::image>("Image", json::no_nul),
    json::field<&ContainerConfig::volumes>("Volumes", json::null_empty | json::no_nul),
    json::field<&ContainerConfig::working_dir>("WorkingDir", json::no_nul),
    json::field<&ContainerConfig::entrypoint>("Entrypoint", json::null_empty | json::no_nul),
    json::field<&ContainerConfig::network_disabled>("NetworkDisabled", json::omit_empty),
    json::field<&ContainerConfig::mac_address>("MacAddress", json::omit_empty | json::no_nul),
    json::field<&ContainerConfig::on_build>("OnBuild", json::null_empty),
    json::field<&ContainerConfig::labels>("Labels", json::no_nul),
    json::field<&ContainerConfig::stop_signal>("StopSignal", json::omit_empty | json::no_nul),
    json::field<&ContainerConfig::stop_timeout>("StopTimeout", json::omit_empty),
    json::field<&ContainerConfig::shell>("Shell", json::omit_empty | json::no_nul),
};
constinit const json::Table container_config_table{container_config_fields};

constexpr json::Field log_config_fields[] = {
    json::field<&LogConfig::type>("Type", json::no_nul),
    json::field<&LogConfig::config>("Config", json::no_nul),
};
constinit const json::Table log_config_table{log_config_fields};

constexpr json::Field port_binding_fields[] = {
    json::field<&PortBinding::host_ip>("HostIp", json::no_nul),
    json::field<&PortBinding::host_port>("HostPort", json::no_nul),
};
constinit const json::Table port_binding_table{port_binding_fields};

constexpr json::Field restart_policy_fields[] = {
    json::field<&RestartPolicy::name>("Name"),
    json::field<&RestartPolicy::maximum_retry_count>("MaximumRetryCount"),
};
constinit const json::Table restart_policy_table{restart_policy_fields};

constexpr json::Field weight_device_fields[] = {
    json::field<&WeightDevice::path>("Path", json::no_nul),
    json::field<&WeightDevice::weight>("Weight"),
};
constinit const json::Table weight_device_table{weight_device_fields};

constexpr json::Field throttle_device_fields[] = {
    json::field<&ThrottleDevice::path>("Path", json::no_nul),
    json::field<&ThrottleDevice::rate>("Rate"),
};
constinit const json::Table throttle_device_table{throttle_device_fields};

constexpr json::Field device_mapping_fields[] = {
    json::field<&DeviceMapping::path_on_host>("PathOnHost", json::no_nul),
    json::field<&DeviceMapping::path_in_container>("PathInContainer", json::no_nul),
    json::field<&DeviceMapping::cgroup_permissions>("CgroupPermissions", json::no_nul),
};
constinit const json::Table device_mapping_table{device_mapping_fields};

constexpr json::Field device_request_fields[] = {
    json::field<&DeviceRequest::driver>("Driver", json::no_nul),
    json::field<&DeviceRequest::count>("Count"),
    json::field<&DeviceRequest::device_ids>("DeviceIDs", json::null_empty | json::no_nul),
    json::field<&DeviceRequest::capabilities>("Capabilities", json::null_empty | json::no_nul),
    json::field<&DeviceRequest::options>("Options", json::no_nul),
};
constinit const json::Table device_request_table{device_request_fields};

constexpr json::Field ulimit_fields[] = {
    json::field<&Ulimit::name>("Name", json::no_nul),
    json::field<&Ulimit::hard>("Hard"),
    json::field<&Ulimit::soft>("Soft"),
};
constinit const json::Table ulimit_table{ulimit_fields};

constexpr json::Field bind_options_fields[] = {
    json::field<&BindOptions::propagation>("Propagation", json::omit_empty),
    json::field<&BindOptions::non_recursive>("NonRecursive", json::omit_empty),
    json::field<&BindOptions::create_mountpoint>("CreateMountpoint", json::omit_empty),
    json::field<&BindOptions::read_only_non_recursive>("ReadOnlyNonRecursive", json::omit_empty),
    json::field<&BindOptions::read_only_force_recursive>("ReadOnlyForceRecursive",
                                                         json::omit_empty),
};
constinit const json::Table bind_options_table{bind_options_fields};

constexpr json::Field volume_driver_fields[] = {
    json::field<&VolumeDriver::name>("Name", json::omit_empty),
    json::field<&VolumeDriver::options>("Options", json::omit_empty),
};
constinit const json::Table volume_driver_table{volume_driver_fields};

constexpr json::Field volume_options_fields[] = {
    json::field<&VolumeOptions::no_copy>("NoCopy", json::omit_empty),
    json::field<&VolumeOptions::labels>("Labels", json::omit_empty),
    json::field<&VolumeOptions::driver_config>("DriverConfig", json::omit_empty),
    json::field<&VolumeOptions::subpath>("Subpath", json::omit_empty),
};
constinit const json::Table volume_options_table{volume_options_fields};

constexpr json::Field image_options_fields[] = {
    json::field<&ImageOptions::subpath>("Subpath", json::omit_empty),
};
constinit const json::Table image_options_table{image_options_fields};

constexpr json::Field tmpfs_options_fields[] = {
    json::field<&TmpfsOptions::size_bytes>("SizeBytes", json::omit_empty),
    json::field<&TmpfsOptions::mode>("Mode", json::omit_empty),
    json::field<&TmpfsOptions::options>("Options", json::omit_empty),
};
constinit const json::Table tmpfs_options_table{tmpfs_options_fields};

constexpr json::Field mount_fields[] = {
    json::field<&Mount::type>("Type", json::omit_empty | json::no_nul),
    json::field<&Mount::source>("Source", json::omit_empty | json::no_nul),
    json::field<&Mount::target>("Target", json::omit_empty | json::no_nul),
    json::field<&Mount::read_only>("ReadOnly", json::omit_empty),
    json::field<&Mount::consistency>("Consistency", json::omit_empty),
    json::field<&Mount::bind>("BindOptions", json::omit_empty | json::no_nul),
    json::field<&Mount::volume>("VolumeOptions", json::omit_empty | json::no_nul),
    json::field<&Mount::image>("ImageOptions", json::omit_empty | json::no_nul),
    json::field<&Mount::tmpfs>("TmpfsOptions", json::omit_empty | json::no_nul),
    json::field<&Mount::cluster>("ClusterOptions", json::omit_empty),
};
constinit const json::Table mount_table{mount_fields};

constexpr json::Field resources_fields[] = {
    json::field<&Resources::cpu_shares>("CpuShares"),
    json::field<&Resources::memory>("Memory"),
    json::field<&Resources::nano_cpus>("NanoCpus"),
    json::field<&Resources::cgroup_parent>("CgroupParent", json::no_nul),
    json::field<&Resources::blkio_weight>("BlkioWeight"),
    json::field<&Resources::blkio_weight_device>("BlkioWeightDevice"),
    json::field<&Resources::blkio_device_read_bps>("BlkioDeviceReadBps"),
    json::field<&Resources::blkio_device_write_bps>("BlkioDeviceWriteBps"),
    json::field<&Resources::blkio_device_read_iops>("BlkioDeviceReadIOps"),
    json::field<&Resources::blkio_device_write_iops>("BlkioDeviceWriteIOps"),
    json::field<&Resources::cpu_period>("CpuPeriod"),
    json::field<&Resources::cpu_quota>("CpuQuota"),
    json::field<&Resources::cpu_realtime_period>("CpuRealtimePeriod"),
    json::field<&Resources::cpu_realtime_runtime>("CpuRealtimeRuntime"),
    json::field<&Resources::cpuset_cpus>("CpusetCpus", json::no_nul),
    json::field<&Resources::cpuset_mems>("CpusetMems", json::no_nul),
    json::field<&Resources::devices>("Devices", json::null_empty),
    json::field<&Resources::device_cgroup_rules>("DeviceCgroupRules",
                                                 json::null_empty | json::no_nul),
    json::field<&Resources::device_requests>("DeviceRequests", json::null_empty),
    json::field<&Resources::kernel_memory>("KernelMemory", json::omit_empty),
    json::field<&Resources::kernel_memory_tcp>("KernelMemoryTCP", json::omit_empty),
    json::field<&Resources::memory_reservation>("MemoryReservation"),
    json::field<&Resources::memory_swap>("MemorySwap"),
    json::field<&Resources::memory_swappiness>("MemorySwappiness"),
    json::field<&Resources::oom_kill_disable>("OomKillDisable"),
    json::field<&Resources::pids_limit>("PidsLimit"),
    json::field<&Resources::ulimits>("Ulimits", json::null_empty),
    json::field<&Resources::cpu_count>("CpuCount"),
    json::field<&Resources::cpu_percent>("CpuPercent"),
    json::field<&Resources::io_maximum_iops>("IOMaximumIOps"),
    json::field<&Resources::io_maximum_bandwidth>("IOMaximumBandwidth"),
};
constinit const json::Table resources_table{resources_fields};

constexpr json::Field host_config_fields[] = {
    json::field<&HostConfig::binds>("Binds", json::null_empty | json::no_nul),
    json::field<&HostConfig::container_id_file>("ContainerIDFile"),
    json::field<&HostConfig::log_config>("LogConfig"),
    json::field<&HostConfig::network_mode>("NetworkMode", json::no_nul),
    json::field<&HostConfig::port_bindings>("PortBindings"),
    json::field<&HostConfig::restart_policy>("RestartPolicy"),
    json::field<&HostConfig::auto_remove>("AutoRemove"),
    json::field<&HostConfig::volume_driver>("VolumeDriver", json::no_nul),
    json::field<&HostConfig::volumes_from>("VolumesFrom", json::null_empty | json::no_nul),
    json::field<&HostConfig::console_size>("ConsoleSize"),
    json::field<&HostConfig::annotations>("Annotations", json::omit_empty | json::no_nul),
    json::field<&HostConfig::mounts>("Mounts", json::omit_empty),
    json::field<&HostConfig::cap_add>("CapAdd", json::null_empty | json::no_nul),
    json::field<&HostConfig::cap_drop>("CapDrop", json::null_empty | json::no_nul),
    json::field<&HostConfig::capabilities>("Capabilities", json::omit_empty),
    json::field<&HostConfig::cgroupns_mode>("CgroupnsMode"),
    json::field<&HostConfig::dns>("Dns", json::null_empty | json::no_nul),
    json::field<&HostConfig::dns_options>("DnsOptions", json::null_empty | json::no_nul),
    json::field<&HostConfig::dns_search>("DnsSearch", json::null_empty | json::no_nul),
    json::field<&HostConfig::extra_hosts>("ExtraHosts", json::null_empty | json::no_nul),
    json::field<&HostConfig::group_add>("GroupAdd", json::null_empty | json::no_nul),
    json::field<&HostConfig::ipc_mode>("IpcMode", json::no_nul),
    json::field<&HostConfig::cgroup>("Cgroup", json::no_nul),
    json::field<&HostConfig::links>("Links", json::null_empty | json::no_nul),
    json::field<&HostConfig::oom_score_adj>("OomScoreAdj"),
    json::field<&HostConfig::pid_mode>("PidMode", json::no_nul),
    json::field<&HostConfig::privileged>("Privileged"),
    json::field<&HostConfig::publish_all_ports>("PublishAllPorts"),
    json::field<&HostConfig::readonly_rootfs>("ReadonlyRootfs"),
    json::field<&HostConfig::security_opt>("SecurityOpt", json::null_empty | json::no_nul),
    json::field<&HostConfig::storage_opt>("StorageOpt", json::omit_empty),
    json::field<&HostConfig::tmpfs>("Tmpfs", json::omit_empty | json::no_nul),
    json::field<&HostConfig::uts_mode>("UTSMode", json::no_nul),
    json::field<&HostConfig::userns_mode>("UsernsMode", json::no_nul),
    json::field<&HostConfig::shm_size>("ShmSize"),
    json::field<&HostConfig::sysctls>("Sysctls", json::omit_empty | json::no_nul),
    json::field<&HostConfig::runtime>("Runtime", json::omit_empty | json::no_nul),
    json::field<&HostConfig::isolation>("Isolation"),
    json::embed<HostConfig, Resources>(),
    json::field<&HostConfig::init>("Init", json::omit_empty),
    json::field<&HostConfig::masked_paths>("MaskedPaths", json::no_nul),
    json::field<&HostConfig::readonly_paths>("ReadonlyPaths", json::no_nul),
};
constinit const json::Table host_config_table{host_config_fields};

constexpr json::Field endpoint_ipam_fields[] = {
    json::field<&EndpointIpam::ipv4_address>("IPv4Address", json::omit_empty | json::no_nul),
    json::field<&EndpointIpam::ipv6_address>("IPv6Address", json::omit_empty | json::no_nul),
    json::field<&EndpointIpam::link_local_ips>("LinkLocalIPs", json::omit_empty | json::no_nul),
};
constinit const json::Table endpoint_ipam_table{endpoint_ipam_fields};

constexpr json::Field endpoint_settings_fields[] = {
    json::field<&EndpointSettings::ipam_config>("IPAMConfig"),
    json::field<&EndpointSettings::links>("Links", json::null_empty | json::no_nul),
    json::field<&EndpointSettings::aliases>("Aliases", json::null_empty | json::no_nul),
    json::field<&EndpointSettings::mac_address>("MacAddress", json::no_nul),
    json::field<&EndpointSettings::driver_opts>("DriverOpts", json::null_empty),
    json::field<&EndpointSettings::gw_priority>("GwPriority"),
    json::field<&EndpointSettings::network_id>("NetworkID", json::no_nul),
    json::field<&EndpointSettings::endpoint_id>("EndpointID", json::no_nul),
    json::field<&EndpointSettings::gateway>("Gateway", json::no_nul),
    json::field<&EndpointSettings::ip_address>("IPAddress", json::no_nul),
    json::field<&EndpointSettings::ip_prefix_len>("IPPrefixLen"),
    json::field<&EndpointSettings::ipv6_gateway>("IPv6Gateway", json::no_nul),
    json::field<&EndpointSettings::global_ipv6_address>("GlobalIPv6Address", json::no_nul),
    json::field<&EndpointSettings::global_ipv6_prefix_len>("GlobalIPv6PrefixLen"),
    json::field<&EndpointSettings::dns_names>("DNSNames", json::null_empty | json::no_nul),
};
constinit const json::Table endpoint_settings_table{endpoint_settings_fields};

constexpr json::Field networking_config_fields[] = {
    json::field<&NetworkingConfig::endpoints_config>("EndpointsConfig", json::no_nul),
};
constinit const json::Table networking_config_table{networking_config_fields};

constexpr json::Field container_create_fields[] = {
    json::embed<ContainerCreate, ContainerConfig>(),
    json::field<&ContainerCreate::host_config>("HostConfig"),
    json::field<&ContainerCreate::networking_config>("NetworkingConfig"),
};
constinit const json::Table container_create_table{container_create_fields};

constexpr json::Field container_created_fields[] = {
    json::field<&ContainerCreated::id>("Id"),
    json::field<&ContainerCreated::warnings>("Warnings"),
};
constinit const json::Table container_created_table{container_created_fields};

constexpr json::Field container_update_fields[] = {
    json::embed<ContainerUpdate, Resources>(),
    json::field<&ContainerUpdate::restart_policy>("RestartPolicy"),
};
constinit const json::Table container_update_table{container_update_fields};

}  // namespace

const json::Table& json_table(const HealthConfig*) {
    return health_config_table;
}
const json::Table& json_table(const ContainerConfig*) {
    return container_config_table;
}
const json::Table& json_table(const LogConfig*) {
    return log_config_table;
}
const json::Table& json_table(const PortBinding*) {
    return port_binding_table;
}
const json::Table& json_table(const RestartPolicy*) {
    return restart_policy_table;
}
const json::Table& json_table(const WeightDevice*) {
    return weight_device_table;
}
const json::Table& json_table(const ThrottleDevice*) {
    return throttle_device_table;
}
const json::Table& json_table(const DeviceMapping*) {
    return device_mapping_table;
}
const json::Table& json_table(const DeviceRequest*) {
    return device_request_table;
}
const json::Table& json_table(const Ulimit*) {
    return ulimit_table;
}
const json::Table& json_table(const BindOptions*) {
    return bind_options_table;
}
const json::Table& json_table(const VolumeDriver*) {
    return volume_driver_table;
}
const json::Table& json_table(const VolumeOptions*) {
    return volume_options_table;
}
const json::Table& json_table(const ImageOptions*) {
    return image_options_table;
}
const json::Table& json_table(const TmpfsOptions*) {
    return tmpfs_options_table;
}
const json::Table& json_table(const Mount*) {
    return mount_table;
}
const json::Table& json_table(const Resources*) {
    return resources_table;
}
const json::Table& json_table(const HostConfig*) {
    return host_config_table;
}
const json::Table& json_table(const EndpointIpam*) {
    return endpoint_ipam_table;
}
const json::Table& json_table(const EndpointSettings*) {
    return endpoint_settings_table;
}
const json::Table& json_table(const NetworkingConfig*) {
    return networking_config_table;
}
const json::Table& json_table(const ContainerCreate*) {
    return container_create_table;
}
const json::Table& json_table(const ContainerCreated*) {
    return container_created_table;
}
const json::Table& json_table(const ContainerUpdate*) {
    return container_update_table;
}

}  // namespace wire
