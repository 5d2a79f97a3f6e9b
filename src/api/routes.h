// Every path of the API in one sorted table: what is built, and what answers a clear refusal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace api {

enum class Call : std::uint8_t {
    ping,
    version,
    info,
    events,
    container_create,
    container_list,
    container_inspect,
    container_start,
    container_stop,
    container_restart,
    container_kill,
    container_wait,
    container_delete,
    container_rename,
    container_resize,
    container_attach,
    container_logs,
    container_top,
    container_pause,
    container_unpause,
    container_update,
    container_prune,
    container_stats,
    container_checkpoints,
    container_archive,
    container_changes,
    container_export,
    commit,
    exec_create,
    exec_start,
    exec_resize,
    exec_inspect,
    image_create,
    image_list,
    image_inspect,
    image_delete,
    image_tag,
    image_get,
    images_get,
    image_load,
    image_history,
    image_push,
    image_search,
    auth,
    distribution,
    image_prune,
    build_prune,
    disk_usage,
    network_prune,
    volume_prune,
    system_check,    // ours: POST /lighter/system/check
    empty_list,      // GET /plugins
    not_built,       // 501 with a sentence
    swarm_manager,   // 503: this node is not a swarm manager
    swarm_leave,     // 503: this node is not part of a swarm
    cluster_volume,  // 503
};

struct Route {
    std::string_view pattern;  // at most one {name}, which matches slashes too; {rest} at its end
    std::string_view method;
    Call call = Call::not_built;
    int since = 24;  // minor of the first API version that has it
};

std::span<const Route> routes();

struct Match {
    const Route* route = nullptr;  // null: "page not found", also for a wrong method
    std::string name;
};
// `path` is decoded and without version. HEAD is its own method.
Match find_route(std::string_view method, std::string_view path);

}  // namespace api
