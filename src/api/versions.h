// API versions: the prefix of a path, the range we speak, the headers that say so.
#pragma once

#include "base/error.h"
#include "http/message.h"

#include <string>
#include <string_view>

namespace api {

inline constexpr http::Version version_min{1, 24};
inline constexpr http::Version version_max{1, 55};

std::string version_text(http::Version version);  // "1.55"

struct VersionedPath {
    http::Version version;  // version_max for a path without prefix
    std::string path;       // from its slash on
    bool bare = true;
};
// Takes "/v1.41" off, whatever the version. invalid when it is none ("/v1.2.3/info").
Result<VersionedPath> split_version(std::string_view path);
// invalid in Docker's words when we do not speak it.
Status check_version(http::Version version);

// Api-Version, Ostype, Server, Docker-Experimental: on every answer.
void add_common_headers(http::Headers& headers);
// What /_ping adds: no caching, builder, swarm state.
void add_ping_headers(http::Headers& headers);

}  // namespace api
