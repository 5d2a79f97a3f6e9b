#include "api/container_view.h"

#include "codec/human.h"
#include "engine/mounts.h"

#include <fmt/format.h>

namespace api {

namespace {

constexpr http::Version no_bridge_copies{1, 52};
constexpr http::Version annotations_listed{1, 46};
constexpr http::Version dns_names_shown{1, 44};

std::vector<wire::MountPoint> mount_points(const engine::ContainerRecord& record) {
    std::vector<wire::MountPoint> points;
    auto mounts = engine::user_mounts(record.host_config);
    if (!mounts) return points;  // they were checked when the container was made
    for (const engine::UserMount& mount : *mounts)
        points.push_back(engine::mount_point(mount));
    return points;
}

std::map<std::string, wire::EndpointSettings> endpoints(const engine::Engine& engine,
                                                        const engine::ContainerRecord& record) {
    std::map<std::string, wire::EndpointSettings> out;
    const std::string& mode = record.host_config.network_mode;
    if (mode.starts_with("container:")) return out;
    wire::EndpointSettings settings;
    auto given = record.networking_config.endpoints_config.find(mode);
    if (given != record.networking_config.endpoints_config.end()) settings = given->second;
    if (mode == "bridge") settings.network_id = engine.network.network_id();
    if (record.endpoint) {
        settings.endpoint_id = record.endpoint->id;
        settings.gateway = record.endpoint->gateway;
        settings.ip_address = record.endpoint->address;
        settings.ip_prefix_len = record.endpoint->prefix_length;
        settings.mac_address = record.endpoint->mac;
    }
    out.emplace(mode, std::move(settings));
    return out;
}

wire::NetworkSettings network_settings(const engine::Engine& engine,
                                       const engine::Container& container, http::Version version) {
    const engine::ContainerRecord& record = container.record;
    wire::NetworkSettings out;
    out.networks = endpoints(engine, record);
    if (container.running) {
        out.sandbox_id = container.id();
        out.sandbox_key = fmt::format("/proc/{}/ns/net", container.pid);
    }
    for (const auto& [port, nothing] : record.config.exposed_ports)
        if (container.running) out.ports[port] = std::nullopt;
    if (version >= no_bridge_copies) return out;
    if (auto bridge = out.networks.find("bridge"); bridge != out.networks.end()) {
        const wire::EndpointSettings& settings = bridge->second;
        out.endpoint_id = settings.endpoint_id;
        out.gateway = settings.gateway;
        out.ip_address = settings.ip_address;
        out.ip_prefix_len = settings.ip_prefix_len;
        out.mac_address = settings.mac_address;
    }
    return out;
}

wire::ContainerState state_view(const engine::Container& container) {
    const engine::ContainerRecord& record = container.record;
    wire::ContainerState state;
    state.status = container.state();
    state.running = container.running || container.restarting;
    state.paused = container.paused;
    state.restarting = container.restarting;
    state.oom_killed = record.oom_killed;
    state.dead = container.dead;
    state.pid = container.pid;
    state.exit_code = record.exit_code;
    state.error = record.error;
    state.started_at = record.started_at;
    state.finished_at = record.finished_at;
    return state;
}

wire::GraphDriver graph_driver(const engine::Engine& engine, const engine::Container& container) {
    wire::GraphDriver driver;
    driver.name = "overlay2";
    engine::Image image;
    image.record.diff_ids = container.record.diff_ids;
    std::string lowers;
    if (auto paths = engine.images.layer_paths(image); paths)
        for (const std::string& path : *paths)
            lowers += (lowers.empty() ? "" : ":") + path;
    std::string folder = engine.containers.folder_of(container);
    driver.data = {{"ID", container.id()},
                   {"LowerDir", lowers},
                   {"MergedDir", folder + "/merged"},
                   {"UpperDir", folder + "/upper"},
                   {"WorkDir", folder + "/work"}};
    return driver;
}

// The command as `ps` shows it: words with spaces are quoted.
std::string command_text(const engine::ContainerRecord& record) {
    std::string text = record.path;
    for (const std::string& arg : record.args) {
        bool quote = arg.find(' ') != std::string::npos;
        text += quote ? fmt::format(" '{}'", arg) : " " + arg;
    }
    return text;
}

}  // namespace

std::string shown_image(const engine::Engine& engine, const engine::ContainerRecord& record) {
    auto image = engine.images.find(record.config.image);
    if (image && (*image)->record.id == record.image_id) return record.config.image;
    return record.image_id;
}

wire::ContainerInspect inspect_view(const engine::Engine& engine,
                                    const engine::Container& container, http::Version version) {
    const engine::ContainerRecord& record = container.record;
    std::string folder = engine.containers.folder_of(container);
    wire::ContainerInspect out;
    out.id = record.id;
    out.created = record.created;
    out.path = record.path;
    out.args = record.args;
    out.state = state_view(container);
    out.image = record.image_id;
    if (record.started && !record.host_config.network_mode.starts_with("container:")) {
        out.resolv_conf_path = folder + "/resolv.conf";
        out.hostname_path = folder + "/hostname";
        out.hosts_path = folder + "/hosts";
    }
    out.log_path = engine.containers.log_path(container);
    out.name = container.slash_name();
    out.restart_count = record.restart_count;
    out.driver = "overlay2";
    out.platform = "linux";
    out.host_config = record.host_config;
    out.graph_driver = graph_driver(engine, container);
    out.mounts = mount_points(record);
    out.config = record.config;
    out.network_settings = network_settings(engine, container, version);
    if (version >= dns_names_shown) return out;
    for (auto& [name, settings] : out.network_settings.networks)
        settings.dns_names.clear();
    return out;
}

wire::ContainerSummary summary_view(const engine::Engine& engine,
                                    const engine::Container& container, http::Version version,
                                    Time now) {
    const engine::ContainerRecord& record = container.record;
    wire::ContainerSummary out;
    out.id = record.id;
    out.names = {container.slash_name()};
    out.image = shown_image(engine, record);
    out.image_id = record.image_id;
    out.command = command_text(record);
    out.created = record.created.seconds();
    for (const auto& [port, nothing] : record.config.exposed_ports) {
        if (!container.running) break;
        std::size_t slash = port.find('/');
        wire::PortSummary one;
        one.private_port = static_cast<std::uint16_t>(std::atoi(port.c_str()));
        one.type = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
        out.ports.push_back(std::move(one));
    }
    out.labels = record.config.labels;
    out.state = container.state();
    codec::StatusParts parts;
    parts.state = out.state;
    parts.started = record.started_at;
    parts.finished = record.finished_at;
    parts.exit_code = static_cast<int>(record.exit_code);
    out.status = codec::status_text(parts, now);
    out.host_config.network_mode = record.host_config.network_mode;
    if (version >= annotations_listed) out.host_config.annotations = record.host_config.annotations;
    out.network_settings.networks = endpoints(engine, record);
    out.mounts = mount_points(record);
    return out;
}

}  // namespace api
