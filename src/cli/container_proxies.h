// `proxies` of config.json: what containers are told about proxies, per engine or by default.
#pragma once

#include "cli/context.h"

namespace cli {

// Adds HTTP_PROXY, http_proxy and the like to a container's --env for the engine at `host`, except
// those that `env` sets itself.
void add_proxies(const Value& config, const std::string& host, Arguments& env);

}  // namespace cli
