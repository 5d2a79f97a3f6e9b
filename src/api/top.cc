// GET /containers/{name}/top.
#include "engine/top.h"

#include "api/containers.h"
#include "api/status.h"
#include "codec/json.h"

namespace api {

Task<Result<http::Reply>> container_top(engine::Engine& engine, std::string name,
                                        const http::Request& request) {
    std::string arguments = request.query().text("ps_args");
    if (arguments.empty()) arguments = "-ef";
    CO_TRY(engine::ContainerPtr container, engine.containers.find(name));
    CO_TRY(wire::TopResponse out,
           co_await engine::top(engine.containers, std::move(container), std::move(arguments)));
    co_return json_text_reply(200, json::write(out));
}

}  // namespace api
