// Who we are to a registry: X-Registry-Auth, Basic and Bearer headers, and what a refusal means.
// Pure; secrets in here go into headers and nowhere else (security-cases R1, R2).
#pragma once

#include "base/error.h"
#include "registry/challenge.h"
#include "wire/registry.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace registry {

struct Credentials {
    std::string username, password;
    std::string identity_token;  // exchanged for access tokens
    std::string registry_token;  // sent as it is
    bool empty() const {
        return username.empty() && identity_token.empty() && registry_token.empty();
    }
};

// The X-Registry-Auth header: base64 (url or standard, padded or not) of a JSON object. What cannot
// be decoded is ignored, as Docker does: no credentials.
Credentials parse_registry_auth(std::string_view header);
// The same of a document: username and password may stand in its "auth".
Credentials credentials_of(wire::oci::AuthConfig config);

// "Basic ..."
std::string basic_header(const Credentials& credentials);

// A status of 400 and more, with what the registry said.
struct Refusal {
    unsigned status = 0;
    std::string code;     // "MANIFEST_UNKNOWN", or empty
    std::string message;  // printable, bounded
    std::optional<std::chrono::milliseconds> retry_after;

    // "manifest unknown: manifest unknown", "received unexpected HTTP status: 500 Internal Server
    // Error"
    std::string text() const;
    Kind kind() const;
};
// `authenticate` is the WWW-Authenticate header, `body` the (bounded) body.
Refusal read_refusal(unsigned status, std::string_view authenticate, std::string_view body);

// What `docker pull` prints for it. `name` and `reference` are familiar forms ("centos",
// "centos:7").
Error pull_refused(const Refusal& refusal, std::string_view name, std::string_view reference);

}  // namespace registry
