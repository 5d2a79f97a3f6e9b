// Every part of the engine in the order of their making: read it to see the whole program.
#pragma once

#include "daemon/config.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "registry/http_transport.h"
#include "registry/pusher.h"
#include "run/shim_client.h"
#include "store/containers.h"
#include "store/store.h"
#include "sys/cgroup.h"

#include <memory>
#include <optional>

namespace lighterd {

// Owned by main(); members go in the reverse order.
struct EngineParts {
    EngineParts(Loop& loop_of_all, const Config& config_of_all)
        : loop(loop_of_all), config(config_of_all), workers(loop, heavy_threads()), events(loop) {}

    // Opens the data root, makes the network, finds the shim, takes over what runs.
    Task<Status> open();
    // Everything in reverse. Containers that run live on.
    Task<void> close();
    // What a reload may change, from `config` as it is now. On failure nothing has changed.
    Status reload();
    engine::Engine engine();
    engine::SystemInfo system_info() const;
    // How much there is of everything, for whoever asks by SIGUSR1.
    void log_state() const;

    static unsigned heavy_threads();
    Task<void> remove_cgroup_parent();

    Loop& loop;
    const Config& config;
    Workers workers;
    engine::Events events;
    std::unique_ptr<store::Store> store;
    std::unique_ptr<store::Containers> records;
    sys::CgroupHost cgroups;
    engine::HostFacts host;
    std::string id;  // of this engine, for good
    registry::Registries registries;
    std::optional<registry::HttpTransport> transport;
    std::optional<registry::Link> link;  // to registries
    std::optional<registry::Puller> puller;
    std::optional<registry::Pusher> pusher;
    std::optional<engine::Images> images;
    std::optional<engine::Network> network;
    std::unique_ptr<run::ShimClient> shim;
    std::optional<engine::Containers> containers;
    std::optional<engine::Execs> execs;
    std::optional<engine::Healthchecks> healthchecks;
    std::optional<engine::Checks> checks;
};

}  // namespace lighterd
