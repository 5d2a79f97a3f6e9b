// Handlers of /containers: decode, one engine call, encode.
#pragma once

#include "engine/engine.h"
#include "http/message.h"

#include <string>

namespace api {

// h or w of a resize: required, 32 bits.
Result<unsigned> window_size(const http::Request& request, std::string_view name);

Task<Result<http::Reply>> container_create(engine::Engine& engine, http::Request& request);
Task<Result<http::Reply>> container_list(engine::Engine& engine, const http::Request& request);
Task<Result<http::Reply>> container_inspect(engine::Engine& engine, std::string name,
                                            const http::Request& request);
Task<Result<http::Reply>> container_start(engine::Engine& engine, std::string name,
                                          http::Request& request);
Task<Result<http::Reply>> container_stop(engine::Engine& engine, std::string name,
                                         const http::Request& request);
Task<Result<http::Reply>> container_restart(engine::Engine& engine, std::string name,
                                            const http::Request& request);
Task<Result<http::Reply>> container_kill(engine::Engine& engine, std::string name,
                                         const http::Request& request);
Task<Result<http::Reply>> container_wait(engine::Engine& engine, std::string name,
                                         http::Request& request);
Task<Result<http::Reply>> container_delete(engine::Engine& engine, std::string name,
                                           const http::Request& request);
Task<Result<http::Reply>> container_rename(engine::Engine& engine, std::string name,
                                           const http::Request& request);
Result<http::Reply> container_resize(engine::Engine& engine, const std::string& name,
                                     const http::Request& request);
Task<Result<http::Reply>> container_attach(engine::Engine& engine, std::string name,
                                           http::Request& request);
Task<Result<http::Reply>> container_top(engine::Engine& engine, std::string name,
                                        const http::Request& request);

}  // namespace api
