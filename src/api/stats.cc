#include "api/stats.h"

#include "api/status.h"
#include "api/versions.h"
#include "codec/json.h"
#include "engine/stats.h"

namespace api {

namespace {

constexpr loop::Milliseconds interval = std::chrono::seconds(1);

// A reading, with the one before it beside it: what clients make percentages of.
Task<Result<wire::Stats>> next_stats(engine::Engine& engine, engine::ContainerPtr container,
                                     const wire::Stats& before) {
    CO_TRY(wire::Stats stats,
           co_await engine::read_stats(engine.containers, engine.cgroups, std::move(container)));
    if (!stats.read.is_never()) {
        stats.preread = before.read;
        stats.precpu = before.cpu;
    }
    co_return stats;
}

// Until the client goes or the container is removed.
Task<Status> send_stats(engine::Engine& engine, engine::ContainerPtr container,
                        http::ReplyStream& out) {
    wire::Stats before;
    for (;;) {
        CO_TRY(before, co_await next_stats(engine, container, before));
        CO_TRY_DO(co_await out.write(json::write(before) + "\n"));
        CO_TRY_DO(co_await loop::sleep(engine.loop, interval));
        if (container->removed) co_return Status();
    }
}

}  // namespace

Task<Result<http::Reply>> container_stats(engine::Engine& engine, std::string name,
                                          http::Request& request) {
    constexpr http::Version one_shot_heard{1, 41};
    const http::Query& query = request.query();
    bool stream = query.flag("stream", true);
    bool one_shot = request.version() >= one_shot_heard && query.flag("one-shot");
    if (stream && one_shot)
        co_return Error(Kind::invalid, "cannot have stream=true and one-shot=true");
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    if (stream) {
        http::Headers headers;
        add_common_headers(headers);
        http::ReplyStream& out = request.stream(200, "application/json", std::move(headers));
        CO_TRY_DO(co_await out.flush());
        CO_TRY_DO(co_await send_stats(engine, std::move(container), out));
        co_return http::Reply::sent();
    }
    wire::Stats before;
    if (container->running && !one_shot) {
        CO_TRY(before, co_await next_stats(engine, container, before));
        CO_TRY_DO(co_await loop::sleep(engine.loop, interval));
    }
    CO_TRY(wire::Stats stats, co_await next_stats(engine, std::move(container), before));
    co_return json_text_reply(200, json::write(stats));
}

}  // namespace api
