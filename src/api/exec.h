// Handlers of exec: decode, one engine call, encode.
#pragma once

#include "engine/engine.h"
#include "http/message.h"
#include "wire/exec.h"

#include <string>

namespace api {

Task<Result<http::Reply>> exec_create(engine::Engine& engine, std::string name,
                                      http::Request& request);
Task<Result<http::Reply>> exec_start(engine::Engine& engine, std::string id,
                                     http::Request& request);
Task<Result<http::Reply>> exec_resize(engine::Engine& engine, std::string id,
                                      const http::Request& request);
Result<http::Reply> exec_inspect(engine::Engine& engine, const std::string& id);

// The body of create, as `version` of the API has it: checked.
Result<wire::ExecConfig> read_exec_config(std::string_view text, http::Version version);
// The body of start; there may be none.
Result<wire::ExecStart> read_exec_start(std::string_view text, http::Version version);

}  // namespace api
