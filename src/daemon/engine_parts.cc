#include "daemon/engine_parts.h"

#include "base/log.h"
#include "codec/json.h"
#include "daemon/service.h"
#include "net/default_network.h"
#include "run/seccomp.h"
#include "sys/file.h"

#include <algorithm>
#include <thread>

namespace lighterd {

namespace {

net::DefaultNetworkConfig network_config(const Config& config) {
    net::DefaultNetworkConfig out;
    if (!config.bridge.empty()) {
        out.bridge.name = config.bridge;
        out.bridge.named_by_user = true;
    }
    out.bridge.bip = config.bip;
    out.bridge.fixed_cidr = config.fixed_cidr;
    out.bridge.default_gateway = config.default_gateway;
    if (!config.default_address_pools.empty()) out.bridge.pools = config.default_address_pools;
    out.bridge.mtu = config.mtu;
    out.bridge.ip_forward = config.ip_forward;
    out.icc = config.icc;
    out.ip_masq = config.ip_masq;
    out.iptables = config.iptables;
    if (auto given = net::Address::parse(config.default_host_ip)) out.host_ip = *given;
    out.engine_tag = net::engine_tag(config.exec_root);
    return out;
}

registry::Settings registry_settings(const Config& config) {
    registry::Settings settings = config.registries;
    settings.certs_folders = {"/etc/docker/certs.d", "/etc/lighter/certs.d"};
    return settings;
}

constexpr std::size_t seccomp_profile_bytes_max = 1024 * 1024;

registry::PullSettings pull_settings(const Config& config) {
    registry::PullSettings settings;
    settings.concurrent_downloads_max = config.max_concurrent_downloads;
    settings.retry.attempts_max = config.max_download_attempts;
    settings.partial = config.partial_pull;
    settings.bytes_per_second_max = static_cast<std::uint64_t>(config.limit_rate);
    return settings;
}

registry::PushSettings push_settings(const Config& config) {
    registry::PushSettings settings;
    settings.concurrent_uploads_max = config.max_concurrent_uploads;
    return settings;
}

// Reads the seccomp profile: blocking, in the start and in a reload only.
Result<engine::ContainerSettings> container_settings(const Config& config) {
    engine::ContainerSettings settings;
    settings.log_driver = config.log_driver;
    settings.log_options = config.log_opts;
    if (!config.cgroup_parent.empty()) settings.cgroup_parent = config.cgroup_parent;
    settings.shm_bytes = static_cast<std::uint64_t>(config.default_shm_size_bytes);
    for (const auto& [name, limit] : config.default_ulimits)
        settings.ulimits.push_back(limit);
    settings.ipc_mode = config.default_ipc_mode;
    settings.cgroupns_mode = config.default_cgroupns_mode;
    settings.runtime = config.default_runtime;
    for (const auto& [name, runtime] : config.runtimes)
        settings.other_runtimes.insert(name);
    settings.init = config.init;
    settings.no_new_privileges = config.no_new_privileges;
    settings.seccomp_profile = config.seccomp_profile == "builtin" ? "" : config.seccomp_profile;
    if (!settings.seccomp_profile.empty() && settings.seccomp_profile != "unconfined") {
        TRY(settings.seccomp_profile,
            sys::read_file(config.seccomp_profile, seccomp_profile_bytes_max)
                .context("opening seccomp profile (" + config.seccomp_profile + ") failed"));
        // One that cannot be read is told now and not at every start.
        TRY_DO(run::compile_seccomp(settings.seccomp_profile, run::default_capabilities()));
    }
    settings.stop_timeout_s = config.default_stop_timeout_s;
    settings.shutdown_timeout_s = config.shutdown_timeout_s;
    return settings;
}

std::string json_list(std::vector<std::string> texts) {
    return json::write(texts);
}

// What `daemon reload` says of the settings now, in dockerd's words.
wire::StringMap reload_attributes(const Config& config) {
    std::string runtimes = "runc:lighter-shim";
    for (const auto& [name, runtime] : config.runtimes)
        runtimes += " " + name + ":" + runtime.path;
    auto truth = [](bool value) { return std::string(value ? "true" : "false"); };
    return {{"debug", truth(config.debug)},
            {"default-ipc-mode", config.default_ipc_mode},
            {"default-runtime", config.default_runtime},
            {"default-shm-size", std::to_string(config.default_shm_size_bytes)},
            {"insecure-registries", json_list(config.registries.insecure)},
            {"labels", json_list(config.labels)},
            {"live-restore", truth(config.live_restore)},
            {"max-concurrent-downloads", std::to_string(config.max_concurrent_downloads)},
            {"max-concurrent-uploads", std::to_string(config.max_concurrent_uploads)},
            {"max-download-attempts", std::to_string(config.max_download_attempts)},
            {"name", engine::host_name()},
            {"registry-mirrors", json_list(config.registries.mirrors)},
            {"runtimes", runtimes},
            {"shutdown-timeout", std::to_string(config.shutdown_timeout_s)}};
}

}  // namespace

unsigned EngineParts::heavy_threads() {
    constexpr unsigned fewest = 2, most = 4;
    return std::clamp(std::thread::hardware_concurrency(), fewest, most);
}

Task<Status> EngineParts::open() {
    CO_TRY(store, co_await workers.run(loop::Lane::heavy, store::Store::open, config.data_root));
    CO_TRY(records, co_await workers.run(
                        loop::Lane::quick,
                        [](std::string root, store::Database* database) {
                            return store::Containers::open(root, *database);
                        },
                        config.data_root, &store->database()));
    if (const auto& lost = store->database().set_aside())
        base::log::error("the state database was damaged and is rebuilt set_aside={}", *lost);
    CO_TRY(cgroups, sys::CgroupHost::detect());
    CO_TRY(id, co_await workers.run(loop::Lane::quick, engine::engine_id, config.data_root));
    CO_TRY(host, co_await workers.run(
                     loop::Lane::quick,
                     [](const sys::CgroupHost* groups, std::string root) {
                         return Result<engine::HostFacts>(engine::read_host(groups, root));
                     },
                     &cgroups, config.data_root));

    CO_TRY(registries, registry::Registries::create(registry_settings(config)));
    transport.emplace(workers, registries, config.proxy);
    link.emplace(registry::Link{loop, *transport, registries, pull_settings(config)});
    puller.emplace(loop, workers, *store, *transport, registries, pull_settings(config));
    pusher.emplace(loop, workers, *store, *transport, registries, push_settings(config));
    images.emplace(loop, workers, *store, *puller, *pusher, events);
    CO_TRY_DO(co_await images->load());

    std::unique_ptr<net::DefaultNetwork> bridge;
    if (config.bridge != "none") {
        CO_TRY(bridge, co_await workers.run(loop::Lane::heavy, net::DefaultNetwork::create,
                                            network_config(config)));
        for (const std::string& notice : bridge->notices())
            base::log::info("{}", notice);
    }
    engine::DnsSettings dns{config.dns, config.dns_search, config.dns_options};
    network.emplace(loop, workers, std::move(bridge), std::move(dns), config.data_root);

    run::ShimPaths paths;
    CO_TRY(paths.program, shim_program());
    paths.exec_root = config.exec_root;
    CO_TRY(shim, co_await run::ShimClient::connect_or_start(loop, std::move(paths)));
    engine::ContainerParts parts{loop,   workers,  *store, *records, *images,
                                 events, *network, *shim,  cgroups,  config.exec_root + "/intake"};
    CO_TRY_DO(sys::make_folders(parts.intakes, 0700));
    CO_TRY(engine::ContainerSettings settings, container_settings(config));
    containers.emplace(parts, std::move(settings));
    execs.emplace(
        engine::ExecParts{loop, workers, *containers, *shim, cgroups, config.exec_root + "/execs"});
    healthchecks.emplace(*containers, *execs, config.exec_root + "/health");
    checks.emplace(
        engine::Checks::Parts{loop, workers, *store, *records, *images, *containers, *puller});
    CO_TRY_DO(co_await execs->load());
    CO_TRY_DO(co_await healthchecks->load());
    CO_TRY_DO(co_await containers->load());
    execs->settle();
    co_return co_await images->sweep();
}

Status EngineParts::reload() {
    TRY(registry::Registries fresh, registry::Registries::create(registry_settings(config)));
    TRY(engine::ContainerSettings settings, container_settings(config));
    registries = std::move(fresh);
    containers->set_settings(std::move(settings));
    link->settings = pull_settings(config);
    puller->set_settings(pull_settings(config));
    pusher->set_settings(push_settings(config));
    events.publish("daemon", "reload", id, reload_attributes(config));
    return {};
}

engine::Engine EngineParts::engine() {
    return {loop,
            workers,
            *images,
            *link,
            *containers,
            *checks,
            *execs,
            *network,
            events,
            cgroups,
            [this] { return system_info(); }};
}

engine::SystemInfo EngineParts::system_info() const {
    engine::SystemInfo out;
    out.host = host;
    out.id = id;
    out.containers_running = containers->count("running") + containers->count("restarting");
    out.containers_paused = containers->count("paused");
    out.containers_stopped =
        containers->all().size() - out.containers_running - out.containers_paused;
    out.images = images->size();
    out.events_listeners = events.listeners();
    out.data_root = config.data_root;
    out.default_log_driver = config.log_driver;
    out.default_runtime = config.default_runtime;
    for (const auto& [name, runtime] : config.runtimes)
        out.runtimes.emplace(name, runtime.path);
    out.labels = config.labels;
    out.registries = registries.settings();
    out.address_pools = config.default_address_pools;
    out.http_proxy = config.proxy.http_proxy;
    out.https_proxy = config.proxy.https_proxy;
    out.no_proxy = config.proxy.no_proxy;
    out.debug = config.debug;
    out.live_restore = config.live_restore;
    out.seccomp_unconfined = config.seccomp_profile == "unconfined";
    return out;
}

void EngineParts::log_state() const {
    base::log::info("state containers={} running={} restarting={} images={} events_listeners={} "
                    "descriptors={}",
                    containers->all().size(), containers->count("running"),
                    containers->count("restarting"), images->size(), events.listeners(),
                    engine::open_descriptors());
}

Task<void> EngineParts::close() {
    if (healthchecks) co_await healthchecks->close();
    if (containers) co_await containers->close();
    if (execs) co_await execs->close();
    if (images) co_await images->close();
    if (network) {
        co_await network->close();
        if (containers && containers->count("running") == 0) {
            Status removed = co_await network->remove();
            if (!removed) base::log::warn("network: {}", removed.error().message());
        }
    }
    if (transport) transport->close_idle();
    if (containers && containers->count("running") == 0) co_await shield(remove_cgroup_parent());
    checks.reset();
    healthchecks.reset();
    execs.reset();
    containers.reset();
    shim.reset();
}

Task<void> EngineParts::remove_cgroup_parent() {
    (void)co_await workers.run(
        loop::Lane::heavy,
        [](const sys::CgroupHost* host, std::string parent) -> Status {
            host->remove_if_empty(parent);
            return {};
        },
        &cgroups, engine::clean_path(containers->settings().cgroup_parent));
}

}  // namespace lighterd
