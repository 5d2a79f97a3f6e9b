#include "api/create_body.h"

#include "base/limits.h"
#include "codec/json.h"

namespace api {

namespace {

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

// The minor of a 1.x version: what came with which.
constexpr int auto_remove = 25, non_recursive_binds = 40, capability_list = 40,
              shareable_by_default = 40, sized_console = 42, made_mount_points = 42,
              no_kernel_memory = 42, annotated = 43, many_endpoints = 44, recursive_read_only = 44,
              start_interval = 44, endpoint_mac = 44, image_mounts = 48, no_container_mac = 52;

Status adapt_mounts(wire::HostConfig& host, int minor) {
    for (wire::Mount& mount : host.mounts) {
        if (minor < image_mounts && mount.type == "image")
            return invalid("mount type \"image\" requires API version 1.48");
        if (minor < recursive_read_only && mount.read_only && !mount.bind && mount.type == "bind")
            mount.bind.emplace();
        if (!mount.bind) continue;
        if (minor < non_recursive_binds) mount.bind->non_recursive = false;
        if (minor < made_mount_points) mount.bind->create_mountpoint = false;
        if (minor >= recursive_read_only) continue;
        if (mount.bind->read_only_force_recursive)
            return invalid("BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer");
        mount.bind->read_only_non_recursive = mount.read_only;
    }
    return {};
}

void adapt_host(wire::HostConfig& host, int minor) {
    if (minor < auto_remove) host.auto_remove = false;  // such clients remove it themselves
    if (minor < shareable_by_default && host.ipc_mode.empty()) host.ipc_mode = "shareable";
    if (minor < sized_console) host.console_size = {0, 0};
    if (minor < annotated) host.annotations.clear();
    if (minor >= no_kernel_memory) host.kernel_memory = 0;
    if (host.pids_limit && *host.pids_limit <= 0) host.pids_limit.reset();
}

// The address of the container moves to its endpoint.
Status adapt_mac(wire::ContainerCreate& wanted, int minor) {
    auto& endpoints = wanted.networking_config.endpoints_config;
    if (minor < endpoint_mac)
        for (auto& [name, endpoint] : endpoints)
            endpoint.mac_address.clear();
    if (wanted.mac_address.empty()) return {};
    if (minor >= no_container_mac)
        return invalid("container-wide MAC address no longer supported; use endpoint-specific MAC "
                       "address instead");
    const std::string& mode = wanted.host_config.network_mode;
    if (mode == "host" || mode == "none" || mode.starts_with("container:"))
        return invalid("conflicting options: mac-address and the network mode");
    for (auto& [name, endpoint] : endpoints) {
        if (!endpoint.mac_address.empty() && endpoint.mac_address != wanted.mac_address)
            return invalid("the container-wide MAC address must match the endpoint-specific MAC "
                           "address for the main network, or be left empty");
    }
    return {};
}

Status adapt(wire::ContainerCreate& wanted, int minor) {
    if (minor == capability_list && !wanted.host_config.capabilities.empty())
        return invalid("'Capabilities' is not supported by API version 1.40");
    if (minor < many_endpoints && wanted.networking_config.endpoints_config.size() > 1)
        return invalid("Container cannot be created with multiple network endpoints");
    if (minor < start_interval && wanted.healthcheck) wanted.healthcheck->start_interval = 0;
    adapt_host(wanted.host_config, minor);
    TRY_DO(adapt_mounts(wanted.host_config, minor));
    return adapt_mac(wanted, minor);
}

}  // namespace

Result<wire::ContainerCreate> read_create(std::string_view body, http::Version version) {
    Error empty = invalid("config cannot be empty in order to create a container");
    if (body.empty()) return empty;
    TRY(wire::ContainerCreate wanted,
        json::read<wire::ContainerCreate>(body, {.bytes_max = limits::json_body_bytes_max}));
    const wire::ContainerConfig& config = wanted;
    if (config.image.empty() && json::write(config) == json::write(wire::ContainerConfig()))
        return empty;
    TRY_DO(adapt(wanted, version.minor));
    return wanted;
}

}  // namespace api
