#include "api/container_view.h"

#include "codec/human.h"
#include "engine/mounts.h"

#include <fmt/format.h>

namespace api {

namespace {

constexpr http::Version no_bridge_copies{1, 52};
constexpr http::Version annotations_listed{1, 46};
constexpr http::Version health_listed{1, 52};
constexpr http::Version dns_names_shown{1, 44};

std::vector<wire::MountPoint> mount_points(const engine::ContainerRecord& record) {
    std::vector<wire::MountPoint> points;
    auto mounts = engine::user_mounts(record.host_config);
    if (!mounts) return points;  // they were checked when the container was made
    for (const engine::UserMount& mount : *mounts)
        points.push_back(engine::mount_point(mount));
    return points;
}

std::map<std::string, wire::EndpointSettings> endpoints(const engine::ContainerRecord& record,
                                                        const std::string& network_id) {
    std::map<std::string, wire::EndpointSettings> out;
    const std::string& mode = record.host_config.network_mode;
    if (mode.starts_with("container:")) return out;
    wire::EndpointSettings settings;
    auto given = record.networking_config.endpoints_config.find(mode);
    if (given != record.networking_config.endpoints_config.end()) settings = given->second;
    if (mode == "bridge") settings.network_id = network_id;
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

// What stood beside the networks until 1.52.
void add_bridge_copies(wire::NetworkSettings& out) {
    wire::EndpointSettings settings;
    if (auto bridge = out.networks.find("bridge"); bridge != out.networks.end())
        settings = bridge->second;
    out.bridge = out.link_local_ipv6_address = "";
    out.hairpin_mode = false;
    out.link_local_ipv6_prefix_len = 0;
    out.secondary_ip_addresses.emplace();
    out.secondary_ipv6_addresses.emplace();
    out.endpoint_id = settings.endpoint_id;
    out.gateway = settings.gateway;
    out.global_ipv6_address = settings.global_ipv6_address;
    out.global_ipv6_prefix_len = settings.global_ipv6_prefix_len;
    out.ip_address = settings.ip_address;
    out.ip_prefix_len = settings.ip_prefix_len;
    out.ipv6_gateway = settings.ipv6_gateway;
    out.mac_address = settings.mac_address;
}

wire::NetworkSettings network_settings(const engine::Container& container,
                                       const Surroundings& around, http::Version version) {
    const engine::ContainerRecord& record = container.record;
    wire::NetworkSettings out;
    out.networks = endpoints(record, around.network_id);
    if (container.running) {
        out.sandbox_id = container.id();
        out.sandbox_key = fmt::format("/proc/{}/ns/net", container.pid);
    }
    if (container.running) {
        if (record.endpoint) out.ports = record.endpoint->ports;
        for (const auto& [port, nothing] : record.config.exposed_ports)
            out.ports.emplace(port, std::nullopt);
    }
    if (version < no_bridge_copies) add_bridge_copies(out);
    return out;
}

std::vector<wire::PortSummary> port_summaries(const engine::ContainerRecord& record) {
    std::vector<wire::PortSummary> out;
    auto add = [&](const std::string& port, const wire::PortBinding& at) {
        std::size_t slash = port.find('/');
        wire::PortSummary one;
        one.ip = at.host_ip;
        one.private_port = static_cast<std::uint16_t>(std::atoi(port.c_str()));
        one.public_port = static_cast<std::uint16_t>(std::atoi(at.host_port.c_str()));
        one.type = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
        out.push_back(std::move(one));
    };
    const wire::PortMap none;
    const wire::PortMap& published = record.endpoint ? record.endpoint->ports : none;
    for (const auto& [port, bindings] : published)
        if (bindings)
            for (const wire::PortBinding& binding : *bindings)
                add(port, binding);
    for (const auto& [port, nothing] : record.config.exposed_ports)
        if (!published.contains(port)) add(port, {});
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
    state.health = record.health;
    return state;
}

wire::GraphDriver graph_driver(const engine::Container& container, const Surroundings& around) {
    wire::GraphDriver driver;
    driver.name = "overlay2";
    std::string lowers;
    for (const std::string& path : around.layers)
        lowers += (lowers.empty() ? "" : ":") + path;
    driver.data = {{"ID", container.id()},
                   {"LowerDir", lowers},
                   {"MergedDir", around.folder + "/merged"},
                   {"UpperDir", around.folder + "/upper"},
                   {"WorkDir", around.folder + "/work"}};
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

Surroundings surroundings_of(const engine::Engine& engine, const engine::Container& container) {
    Surroundings around;
    around.folder = engine.containers.folder_of(container);
    around.log_path = engine.containers.log_path(container);
    // Layers that are gone are told when the container is started.
    if (auto paths = engine.images.layer_paths(container.record.diff_ids); paths)
        around.layers = std::move(*paths);
    around.network_id = engine.network.network_id();
    around.execs = engine.execs.ids_of(container.id());
    return around;
}

wire::ContainerInspect inspect_view(const engine::Container& container, const Surroundings& around,
                                    http::Version version) {
    const engine::ContainerRecord& record = container.record;
    wire::ContainerInspect out;
    out.id = record.id;
    out.created = record.created;
    out.path = record.path;
    out.args = record.args;
    out.state = state_view(container);
    out.image = record.image_id;
    if (record.started && !record.host_config.network_mode.starts_with("container:")) {
        out.resolv_conf_path = around.folder + "/resolv.conf";
        out.hostname_path = around.folder + "/hostname";
        out.hosts_path = around.folder + "/hosts";
    }
    out.log_path = around.log_path;
    out.name = container.slash_name();
    out.restart_count = record.restart_count;
    out.driver = "overlay2";
    out.platform = "linux";
    if (!around.execs.empty()) out.exec_ids = around.execs;
    out.host_config = record.host_config;
    out.graph_driver = graph_driver(container, around);
    out.mounts = mount_points(record);
    out.config = record.config;
    out.network_settings = network_settings(container, around, version);
    if (version >= dns_names_shown) return out;
    for (auto& [name, settings] : out.network_settings.networks)
        settings.dns_names.clear();
    return out;
}

wire::ContainerSummary summary_view(const engine::Container& container, std::string image,
                                    const std::string& network_id, http::Version version,
                                    Time now) {
    const engine::ContainerRecord& record = container.record;
    wire::ContainerSummary out;
    out.id = record.id;
    out.names = {container.slash_name()};
    out.image = std::move(image);
    out.image_id = record.image_id;
    out.command = command_text(record);
    out.created = record.created.seconds();
    if (container.running) out.ports = port_summaries(record);
    out.labels = record.config.labels;
    out.state = container.state();
    codec::StatusParts parts;
    parts.state = out.state;
    parts.started = record.started_at;
    parts.finished = record.finished_at;
    parts.exit_code = static_cast<int>(record.exit_code);
    if (record.health) parts.health = record.health->status;
    out.status = codec::status_text(parts, now);
    out.host_config.network_mode = record.host_config.network_mode;
    if (version >= annotations_listed) out.host_config.annotations = record.host_config.annotations;
    out.network_settings.networks = endpoints(record, network_id);
    out.mounts = mount_points(record);
    if (version < health_listed) return out;
    out.health.emplace();
    out.health->status = "none";
    if (container.running && record.health)
        out.health = {record.health->status, record.health->failing_streak};
    return out;
}

}  // namespace api
