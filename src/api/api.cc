#include "api/api.h"

#include "api/body.h"
#include "api/containers.h"
#include "api/disk_usage.h"
#include "api/exec.h"
#include "api/files.h"
#include "api/logs.h"
#include "api/stats.h"
#include "api/status.h"
#include "api/update.h"
#include "api/versions.h"

#include <fmt/core.h>

namespace api {

namespace {

constexpr std::string_view not_a_manager =
    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
    "connect this node to swarm and try again.";

constexpr std::string_view not_experimental =
    "This experimental feature is disabled by default. Start the Docker daemon in experimental "
    "mode in order to enable it.";

Error not_built(const Match& match) {
    return Error(Kind::unsupported, fmt::format("{} {} is not implemented by this engine yet",
                                                match.route->method, match.route->pattern));
}

}  // namespace

http::Reply ping(const http::Request& request) {
    bool head = request.method() == "HEAD";
    http::Reply reply(200, "text/plain; charset=utf-8", std::string(head ? "" : "OK"));
    add_ping_headers(reply.headers());
    return reply;
}

Task<Result<http::Reply>> Api::handle(http::Request& request) {
    if (request.method() == "OPTIONS") {
        http::Reply reply(200);
        add_common_headers(reply.headers());
        co_return reply;
    }
    CO_TRY(VersionedPath path, split_version(request.path()));
    request.enter(path.version, std::move(path.path));
    Match match = find_route(request.method(), request.path());
    if (!match.route) co_return Error(Kind::missing, "page not found");
    CO_TRY_DO(check_version(path.version));
    if (request.version() < http::Version{1, match.route->since})
        co_return Error(Kind::invalid,
                        fmt::format("{} {} requires minimum API version 1.{}", request.method(),
                                    request.path(), match.route->since));
    CO_TRY_DO(co_await merge_form(request));
    CO_TRY(http::Reply reply, co_await call(match, request));
    if (!reply.was_sent()) add_common_headers(reply.headers());
    co_return reply;
}

http::Reply Api::refuse(const Error& error, const http::Request* request) {
    http::Reply reply = error_reply(error, request ? request->version() : http::Version{});
    add_common_headers(reply.headers());
    return reply;
}

Task<Result<http::Reply>> Api::call(const Match& match, http::Request& request) {
    switch (match.route->call) {
    case Call::ping:
        co_return ping(request);
    case Call::version:
        co_return version();
    case Call::info:
        co_return info(engine_.system(), request);
    case Call::events:
        co_return co_await events(engine_.events, request);
    case Call::image_create:
        if (!request.query().text("fromSrc").empty())
            co_return co_await image_import(engine_.images, engine_.registries, request);
        co_return co_await image_create(engine_.loop, engine_.images, request);
    case Call::image_list:
        co_return co_await image_list(engine_.images, request);
    case Call::image_inspect:
        co_return co_await image_inspect(engine_.images, match.name, request);
    case Call::image_tag:
        co_return co_await image_tag(engine_.images, match.name, request);
    case Call::image_delete:
        co_return co_await image_delete(engine_.images, match.name, request);
    case Call::image_get:
        co_return co_await image_get(engine_.images, engine_.workers, match.name, request);
    case Call::images_get:
        co_return co_await images_get(engine_.images, engine_.workers, request);
    case Call::image_load:
        co_return co_await image_load(engine_.loop, engine_.images, request);
    case Call::image_push:
        co_return co_await image_push(engine_.loop, engine_.images, match.name, request);
    case Call::image_history:
        co_return co_await image_history(engine_.images, match.name, request);
    case Call::image_search:
        co_return co_await image_search(engine_.registries, request);
    case Call::auth:
        co_return co_await auth(engine_.registries, request);
    case Call::distribution:
        co_return co_await distribution(engine_.registries, match.name, request);
    case Call::image_prune:
        co_return co_await image_prune(engine_.images, request);
    case Call::system_check:
        co_return co_await system_check(engine_.loop, engine_.checks, request);
    case Call::build_prune:
        co_return build_prune();
    case Call::disk_usage:
        co_return co_await disk_usage(engine_, request);
    case Call::network_prune:
        co_return network_prune(request);
    case Call::volume_prune:
        co_return volume_prune(request);
    case Call::empty_list:
        co_return json_text_reply(200, "[]");
    case Call::swarm_manager:
        co_return Error(Kind::unavailable, std::string(not_a_manager));
    case Call::swarm_leave:
        co_return Error(Kind::unavailable, "This node is not part of a swarm");
    case Call::cluster_volume:
        co_return Error(Kind::unavailable,
                        "volume update only valid for cluster volumes, but swarm is unavailable");
    default:
        co_return co_await call_container(match, request);
    }
}

Task<Result<http::Reply>> Api::call_container(const Match& match, http::Request& request) {
    switch (match.route->call) {
    case Call::container_create:
        co_return co_await container_create(engine_, request);
    case Call::container_list:
        co_return co_await container_list(engine_, request);
    case Call::container_inspect:
        co_return co_await container_inspect(engine_, match.name, request);
    case Call::container_start:
        co_return co_await container_start(engine_, match.name, request);
    case Call::container_stop:
        co_return co_await container_stop(engine_, match.name, request);
    case Call::container_restart:
        co_return co_await container_restart(engine_, match.name, request);
    case Call::container_kill:
        co_return co_await container_kill(engine_, match.name, request);
    case Call::container_wait:
        co_return co_await container_wait(engine_, match.name, request);
    case Call::container_delete:
        co_return co_await container_delete(engine_, match.name, request);
    case Call::container_rename:
        co_return co_await container_rename(engine_, match.name, request);
    case Call::container_resize:
        co_return container_resize(engine_, match.name, request);
    case Call::container_attach:
        co_return co_await container_attach(engine_, match.name, request);
    case Call::container_logs:
        co_return co_await container_logs(engine_.containers, match.name, request);
    case Call::container_top:
        co_return co_await container_top(engine_, match.name, request);
    case Call::container_pause:
        co_return co_await container_pause(engine_, match.name);
    case Call::container_unpause:
        co_return co_await container_unpause(engine_, match.name);
    case Call::container_update:
        co_return co_await container_update(engine_, match.name, request);
    case Call::container_prune:
        co_return co_await container_prune(engine_, request);
    case Call::container_stats:
        co_return co_await container_stats(engine_, match.name, request);
    case Call::container_checkpoints:
        co_return Error(Kind::unsupported, std::string(not_experimental));
    case Call::container_archive:
        co_return co_await container_archive(engine_, match.name, request);
    case Call::container_changes:
        co_return co_await container_changes(engine_, match.name, request);
    case Call::container_export:
        co_return co_await container_export(engine_, match.name, request);
    case Call::commit:
        co_return co_await commit(engine_, request);
    case Call::exec_create:
        co_return co_await exec_create(engine_, match.name, request);
    case Call::exec_start:
        co_return co_await exec_start(engine_, match.name, request);
    case Call::exec_resize:
        co_return co_await exec_resize(engine_, match.name, request);
    case Call::exec_inspect:
        co_return exec_inspect(engine_, match.name);
    default:
        co_return not_built(match);
    }
}

}  // namespace api
