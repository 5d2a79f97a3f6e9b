// Passwords and tokens of registries: in config.json's `auths`, in a docker-credential-* program
// (`credsStore`, `credHelpers`), or given by DOCKER_AUTH_CONFIG.
#pragma once

#include "cli/context.h"

#include <string>
#include <string_view>

namespace cli {

// Docker Hub's name in config.json.
inline constexpr std::string_view hub_server = "https://index.docker.io/v1/";

struct Credentials {
    std::string username, password, email, auth, identity_token, registry_token;
    std::string server;  // empty when nothing is known

    // As the API wants it: {"username":...}.
    Value document() const;
};

// Of the image's registry: "host:5000" or hub_server.
std::string server_of(std::string_view image);
// "https://host:5000/v1/" -> "host:5000".
std::string host_of_server(std::string_view server);
// What is known of `server`, "host:5000" or hub_server. A helper that fails is an error, one that
// knows nothing is not.
Result<Credentials> find_credentials(const Value& config, const std::string& server);
// Keeps them for `credentials.server`, where config.json says; durable when it returns. Tells on
// standard error when a password lies there in the open.
Status keep_credentials(const Context& context, const Credentials& credentials);
Status forget_credentials(const Context& context, const std::string& server);
// Asks for what of them is not given; `known_user` is offered. A terminal is at standard input.
Result<Credentials> ask_credentials(const std::string& server, std::string user,
                                    std::string password, const std::string& known_user);
// Replaces what lies at `path`'s target: 0600, durable.
Status write_config(const std::string& path, std::string_view text);

}  // namespace cli
