// The Docker API's face: takes a request's version off, finds its route, calls the handler, and
// puts Docker's headers on the answer.
#pragma once

#include "api/routes.h"
#include "engine/engine.h"
#include "engine/system.h"
#include "http/message.h"

namespace api {

class Api {
public:
    // What the engine refers to outlives it.
    explicit Api(engine::Engine engine) : engine_(engine) {}

    // For http::Server. Failures are left to refuse().
    Task<Result<http::Reply>> handle(http::Request& request);
    // For http::ServerOptions::error_reply.
    static http::Reply refuse(const Error& error, const http::Request* request);

private:
    Task<Result<http::Reply>> call(const Match& match, http::Request& request);
    Task<Result<http::Reply>> call_container(const Match& match, http::Request& request);

    engine::Engine engine_;
};

// Handlers: decode, one engine call, encode.
http::Reply ping(const http::Request& request);
http::Reply version();
http::Reply info(const engine::SystemInfo& system, const http::Request& request);
Task<Result<http::Reply>> events(engine::Events& bus, http::Request& request);
Task<Result<http::Reply>> image_create(Loop& loop, engine::Images& images, http::Request& request);
Task<Result<http::Reply>> image_list(engine::Images& images, const http::Request& request);
Task<Result<http::Reply>> image_inspect(engine::Images& images, std::string name,
                                        const http::Request& request);
Task<Result<http::Reply>> image_tag(engine::Images& images, std::string name,
                                    const http::Request& request);
Task<Result<http::Reply>> image_delete(engine::Images& images, std::string name,
                                       const http::Request& request);
Task<Result<http::Reply>> image_get(engine::Images& images, Workers& workers, std::string name,
                                    http::Request& request);
Task<Result<http::Reply>> images_get(engine::Images& images, Workers& workers,
                                     http::Request& request);
Task<Result<http::Reply>> image_load(Loop& loop, engine::Images& images, http::Request& request);
Task<Result<http::Reply>> image_import(engine::Images& images, const registry::Link& link,
                                       http::Request& request);
Task<Result<http::Reply>> image_push(Loop& loop, engine::Images& images, std::string name,
                                     http::Request& request);
Task<Result<http::Reply>> image_history(engine::Images& images, std::string name,
                                        const http::Request& request);
Task<Result<http::Reply>> image_search(const registry::Link& link, http::Request& request);
Task<Result<http::Reply>> auth(const registry::Link& link, http::Request& request);
Task<Result<http::Reply>> distribution(const registry::Link& link, std::string name,
                                       http::Request& request);
Task<Result<http::Reply>> image_prune(engine::Images& images, const http::Request& request);
Task<Result<http::Reply>> system_check(Loop& loop, engine::Checks& checks, http::Request& request);
// This engine builds nothing, so there is nothing to prune.
http::Reply build_prune();

}  // namespace api
