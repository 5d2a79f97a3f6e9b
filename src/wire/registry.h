// Documents of registries and images (OCI image spec, Docker schema 2, the token protocol) as they
// travel. Only shapes: what is allowed in them is registry/manifest.h's business.
#pragma once

#include "base/time.h"
#include "codec/json.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wire::oci {

using Strings = std::map<std::string, std::string>;
using Set = std::map<std::string, json::Empty>;

struct Platform {
    std::string architecture, os, os_version, variant;
};

struct Descriptor {
    std::string media_type, digest;
    std::int64_t size = -1;  // -1: was not there
    std::vector<std::string> urls;
    Strings annotations;
    std::optional<Platform> platform;
};

// A manifest, index or what claims to be one: every member that tells them apart.
struct Manifest {
    std::int64_t schema_version = 0;
    std::string media_type;
    std::optional<Descriptor> config;
    std::optional<std::vector<Descriptor>> layers, manifests;
    json::Raw fs_layers;  // schema 1
    Strings annotations;
};

struct HealthCheck {
    std::vector<std::string> test;
    std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;  // ns
    std::int64_t retries = 0;
};

// The image config's "config": how to run it.
struct RunConfig {
    std::string user;
    Set exposed_ports, volumes;
    std::vector<std::string> env;
    std::vector<std::string> cmd, entrypoint, shell, on_build;
    std::string working_dir, stop_signal;
    Strings labels;
    std::optional<HealthCheck> healthcheck;
    bool args_escaped = false;
};

struct History {
    Time created;
    std::string created_by, author, comment;
    bool empty_layer = false;
};

struct RootFs {
    std::string type;
    std::vector<std::string> diff_ids;
};

struct ImageConfig {
    Time created;
    std::string author, architecture, variant, os, os_version;
    std::string docker_version, comment, container;
    RunConfig config;
    RootFs rootfs;
    std::vector<History> history;
};

// What a token service answers: token or access_token.
struct TokenReply {
    std::string token, access_token, refresh_token;
    std::int64_t expires_in = 0;
};

// GET /v2/<name>/tags/list
struct TagList {
    std::vector<std::string> tags;
};

// What a registry answers when it refuses.
struct ErrorEntry {
    std::string code, message;
};
struct ErrorReply {
    std::vector<ErrorEntry> errors;
    std::string details, message;  // token services put their text in either of these
};

// X-Registry-Auth, decoded; also the body of POST /auth.
struct AuthConfig {
    std::string username, password, auth, server_address, identity_token, registry_token;
};

const json::Table& json_table(const Platform*);
const json::Table& json_table(const Descriptor*);
const json::Table& json_table(const Manifest*);
const json::Table& json_table(const HealthCheck*);
const json::Table& json_table(const RunConfig*);
const json::Table& json_table(const History*);
const json::Table& json_table(const RootFs*);
const json::Table& json_table(const ImageConfig*);
const json::Table& json_table(const TagList*);
const json::Table& json_table(const TokenReply*);
const json::Table& json_table(const ErrorEntry*);
const json::Table& json_table(const ErrorReply*);
const json::Table& json_table(const AuthConfig*);

}  // namespace wire::oci

namespace wire {

// GET /distribution/{name}/json.
struct DistributionInspect {
    oci::Descriptor descriptor;
    std::vector<oci::Platform> platforms;
    std::string manifest;  // only ours, when asked for: the document as it is at the registry
};
const json::Table& json_table(const DistributionInspect*);

}  // namespace wire
