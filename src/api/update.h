// Handlers that change containers that are there: pause, unpause, update, prune.
#pragma once

#include "engine/engine.h"
#include "http/message.h"

#include <string>

namespace api {

Task<Result<http::Reply>> container_pause(engine::Engine& engine, std::string name);
Task<Result<http::Reply>> container_unpause(engine::Engine& engine, std::string name);
Task<Result<http::Reply>> container_update(engine::Engine& engine, std::string name,
                                           http::Request& request);
Task<Result<http::Reply>> container_prune(engine::Engine& engine, const http::Request& request);

}  // namespace api
