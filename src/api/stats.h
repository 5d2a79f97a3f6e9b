// GET /containers/{name}/stats.
#pragma once

#include "engine/engine.h"
#include "http/message.h"

#include <string>

namespace api {

Task<Result<http::Reply>> container_stats(engine::Engine& engine, std::string name,
                                          http::Request& request);

}  // namespace api
