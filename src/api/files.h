// Handlers of what reads and writes a container's file system: export, changes, archive, commit.
#pragma once

#include "engine/engine.h"
#include "http/message.h"

#include <string>

namespace api {

Task<Result<http::Reply>> container_export(engine::Engine& engine, std::string name,
                                           http::Request& request);
Task<Result<http::Reply>> container_changes(engine::Engine& engine, std::string name,
                                            http::Request& request);
// HEAD, GET and PUT.
Task<Result<http::Reply>> container_archive(engine::Engine& engine, std::string name,
                                            http::Request& request);
Task<Result<http::Reply>> commit(engine::Engine& engine, http::Request& request);

}  // namespace api
