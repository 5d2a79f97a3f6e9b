// The flags before the command, and what they and the environment say about the engine to talk to.
#pragma once

#include "cli/context.h"

#include <string>

namespace cli {

struct Globals {
    Arguments hosts;
    std::string config_dir, context, log_level = "info";
    std::optional<std::string> ca, cert, key;
    std::optional<bool> tls, verify;
    bool debug = false, version = false;
};

// Declares them; `globals` outlives the set.
void add_global_flags(FlagSet& flags, Globals& globals);

// The folder with config.json, and what it says (null: nothing).
std::string config_folder(const Globals& globals);
Value read_config(const Globals& globals);

struct Endpoint {
    std::string host;  // "unix:///path", "tcp://host:port/base"
    std::string context = "default";
};
// -H, --context, LIGHTER_HOST, DOCKER_HOST, DOCKER_CONTEXT and config.json's currentContext, in
// that order. An error is all that is to be said.
Result<Endpoint> find_endpoint(const Globals& globals, const Value& config);

// "tcp://:1" -> "tcp://localhost:1", "" -> our engine's socket: a host as users write it.
Result<std::string> parse_host(std::string_view text);

}  // namespace cli
