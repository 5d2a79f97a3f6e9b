#include "api/routes.h"

#include <algorithm>
#include <tuple>

namespace api {

namespace {

constexpr Route table[] = {
    {"/_ping", "GET", Call::ping},
    {"/_ping", "HEAD", Call::ping},
    {"/auth", "POST", Call::auth},
    {"/build", "POST"},
    {"/build/cancel", "POST"},
    {"/build/prune", "POST", Call::build_prune},
    {"/commit", "POST", Call::commit},
    {"/configs", "GET", Call::swarm_manager},
    {"/configs/create", "POST", Call::swarm_manager},
    {"/configs/{name}", "DELETE", Call::swarm_manager},
    {"/configs/{name}", "GET", Call::swarm_manager},
    {"/configs/{name}/update", "POST", Call::swarm_manager},
    {"/containers/create", "POST", Call::container_create},
    {"/containers/json", "GET", Call::container_list},
    {"/containers/prune", "POST", Call::container_prune},
    {"/containers/{name}", "DELETE", Call::container_delete},
    {"/containers/{name}/archive", "GET", Call::container_archive},
    {"/containers/{name}/archive", "HEAD", Call::container_archive},
    {"/containers/{name}/archive", "PUT", Call::container_archive},
    {"/containers/{name}/attach", "POST", Call::container_attach},
    {"/containers/{name}/attach/ws", "GET"},
    {"/containers/{name}/changes", "GET", Call::container_changes},
    {"/containers/{name}/checkpoints", "GET", Call::container_checkpoints},
    {"/containers/{name}/checkpoints", "POST", Call::container_checkpoints},
    {"/containers/{name}/checkpoints/{rest}", "DELETE", Call::container_checkpoints},
    {"/containers/{name}/exec", "POST", Call::exec_create},
    {"/containers/{name}/export", "GET", Call::container_export},
    {"/containers/{name}/json", "GET", Call::container_inspect},
    {"/containers/{name}/kill", "POST", Call::container_kill},
    {"/containers/{name}/logs", "GET", Call::container_logs},
    {"/containers/{name}/pause", "POST", Call::container_pause},
    {"/containers/{name}/rename", "POST", Call::container_rename},
    {"/containers/{name}/resize", "POST", Call::container_resize},
    {"/containers/{name}/restart", "POST", Call::container_restart},
    {"/containers/{name}/start", "POST", Call::container_start},
    {"/containers/{name}/stats", "GET", Call::container_stats},
    {"/containers/{name}/stop", "POST", Call::container_stop},
    {"/containers/{name}/top", "GET", Call::container_top},
    {"/containers/{name}/unpause", "POST", Call::container_unpause},
    {"/containers/{name}/update", "POST", Call::container_update},
    {"/containers/{name}/wait", "POST", Call::container_wait},
    {"/distribution/{name}/json", "GET", Call::distribution},
    {"/events", "GET", Call::events},
    {"/exec/{name}/json", "GET", Call::exec_inspect},
    {"/exec/{name}/resize", "POST", Call::exec_resize},
    {"/exec/{name}/start", "POST", Call::exec_start},
    {"/grpc", "POST"},
    {"/images/create", "POST", Call::image_create},
    {"/images/get", "GET", Call::images_get},
    {"/images/json", "GET", Call::image_list},
    {"/images/load", "POST", Call::image_load},
    {"/images/prune", "POST", Call::image_prune},
    {"/images/search", "GET", Call::image_search},
    {"/images/{name}", "DELETE", Call::image_delete},
    {"/images/{name}/attestations", "GET", Call::not_built, 55},
    {"/images/{name}/get", "GET", Call::image_get},
    {"/images/{name}/history", "GET", Call::image_history},
    {"/images/{name}/json", "GET", Call::image_inspect},
    {"/images/{name}/push", "POST", Call::image_push},
    {"/images/{name}/tag", "POST", Call::image_tag},
    {"/info", "GET", Call::info},
    {"/lighter/system/check", "POST", Call::system_check},
    {"/networks", "GET"},
    {"/networks/", "GET"},
    {"/networks/create", "POST"},
    {"/networks/prune", "POST", Call::network_prune},
    {"/networks/{name}", "DELETE"},
    {"/networks/{name}", "GET"},
    {"/networks/{name}/connect", "POST"},
    {"/networks/{name}/disconnect", "POST"},
    {"/nodes", "GET", Call::swarm_manager},
    {"/nodes/{name}", "DELETE", Call::swarm_manager},
    {"/nodes/{name}", "GET", Call::swarm_manager},
    {"/nodes/{name}/update", "POST", Call::swarm_manager},
    {"/plugins", "GET", Call::empty_list},
    {"/plugins/create", "POST"},
    {"/plugins/privileges", "GET"},
    {"/plugins/pull", "POST"},
    {"/plugins/{name}", "DELETE"},
    {"/plugins/{name}/disable", "POST"},
    {"/plugins/{name}/enable", "POST"},
    {"/plugins/{name}/json", "GET"},
    {"/plugins/{name}/push", "POST"},
    {"/plugins/{name}/set", "POST"},
    {"/plugins/{name}/upgrade", "POST"},
    {"/secrets", "GET", Call::swarm_manager},
    {"/secrets/create", "POST", Call::swarm_manager},
    {"/secrets/{name}", "DELETE", Call::swarm_manager},
    {"/secrets/{name}", "GET", Call::swarm_manager},
    {"/secrets/{name}/update", "POST", Call::swarm_manager},
    {"/services", "GET", Call::swarm_manager},
    {"/services/create", "POST", Call::swarm_manager},
    {"/services/{name}", "DELETE", Call::swarm_manager},
    {"/services/{name}", "GET", Call::swarm_manager},
    {"/services/{name}/logs", "GET", Call::swarm_manager},
    {"/services/{name}/update", "POST", Call::swarm_manager},
    {"/session", "POST"},
    {"/swarm", "GET", Call::swarm_manager},
    {"/swarm/init", "POST", Call::swarm_manager},
    {"/swarm/join", "POST", Call::swarm_manager},
    {"/swarm/leave", "POST", Call::swarm_leave},
    {"/swarm/unlock", "POST", Call::swarm_manager},
    {"/swarm/unlockkey", "GET", Call::swarm_manager},
    {"/swarm/update", "POST", Call::swarm_manager},
    {"/system/df", "GET", Call::disk_usage},
    {"/tasks", "GET", Call::swarm_manager},
    {"/tasks/{name}", "GET", Call::swarm_manager},
    {"/tasks/{name}/logs", "GET", Call::swarm_manager},
    {"/version", "GET", Call::version},
    {"/volumes", "GET"},
    {"/volumes/create", "POST"},
    {"/volumes/prune", "POST", Call::volume_prune},
    {"/volumes/{name}", "DELETE"},
    {"/volumes/{name}", "GET"},
    {"/volumes/{name}", "PUT", Call::cluster_volume},
};

static_assert(std::is_sorted(std::begin(table), std::end(table),
                             [](const Route& a, const Route& b) {
                                 return std::tie(a.pattern, a.method) <
                                        std::tie(b.pattern, b.method);
                             }));

constexpr std::string_view placeholder = "{name}";
constexpr std::string_view any_end = "{rest}";

// The text that stands for {name}: not empty, with what surrounds it as in the pattern.
bool matches(std::string_view pattern, std::string_view path, std::string_view& name) {
    std::size_t at = pattern.find(placeholder);
    if (at == std::string_view::npos) return pattern == path;
    std::string_view before = pattern.substr(0, at);
    std::string_view after = pattern.substr(at + placeholder.size());
    if (after.ends_with(any_end)) {
        after.remove_suffix(any_end.size());
        std::size_t end = path.rfind(after);
        if (end == std::string_view::npos || end + after.size() == path.size()) return false;
        path = path.substr(0, end + after.size());
    }
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
        !path.ends_with(after))
        return false;
    name = path.substr(before.size(), path.size() - before.size() - after.size());
    return true;
}

// Of several patterns that match, the one with most fixed text: /images/get before {name}.
std::size_t fixed_text(const Route& route) {
    bool whole = route.pattern.find(placeholder) == std::string_view::npos;
    return whole ? SIZE_MAX : route.pattern.size();
}

}  // namespace

std::span<const Route> routes() {
    return table;
}

Match find_route(std::string_view method, std::string_view path) {
    Match best;
    for (const Route& route : table) {
        std::string_view name;
        if (route.method != method || !matches(route.pattern, path, name)) continue;
        if (best.route && fixed_text(*best.route) >= fixed_text(route)) continue;
        best = {&route, std::string(name)};
    }
    return best;
}

}  // namespace api
