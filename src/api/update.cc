#include "api/update.h"

#include "api/body.h"
#include "api/prune_filter.h"
#include "api/status.h"
#include "api/validate.h"

#include <thread>

namespace api {

Task<Result<http::Reply>> container_pause(engine::Engine& engine, std::string name) {
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await shield(engine.containers.pause(std::move(container))));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_unpause(engine::Engine& engine, std::string name) {
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY_DO(co_await shield(engine.containers.unpause(std::move(container))));
    co_return http::Reply(204);
}

Task<Result<http::Reply>> container_update(engine::Engine& engine, std::string name,
                                           http::Request& request) {
    constexpr http::Version pids_heard{1, 40};
    CO_TRY(wire::ContainerUpdate wanted, co_await read_body<wire::ContainerUpdate>(request));
    if (request.version() < pids_heard) wanted.pids_limit.reset();
    if (wanted.pids_limit && *wanted.pids_limit < 0) wanted.pids_limit = 0;
    CO_TRY_DO(check_update(wanted, std::thread::hardware_concurrency()));
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    wire::UpdateResponse out;
    CO_TRY(out.warnings,
           co_await shield(engine.containers.update(std::move(container), std::move(wanted))));
    co_return json_text_reply(200, json::write(out));
}

Task<Result<http::Reply>> container_prune(engine::Engine& engine, const http::Request& request) {
    CO_TRY(PruneFilter filter, PruneFilter::parse(request.query().text("filters"), base::now()));
    auto takes = [&filter](const engine::Container& container) {
        return filter.takes(container.record.created, container.record.config.labels);
    };
    CO_TRY(engine::Containers::Pruned pruned, co_await engine.containers.prune(takes));
    wire::ContainersPruned out;
    out.ids = std::move(pruned.ids);
    out.bytes = pruned.bytes;
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
