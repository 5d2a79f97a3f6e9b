// What the API tells about images. The documents of registries and the images' own configs are in
// wire/registry.h.
#pragma once

#include "codec/json.h"
#include "wire/container.h"
#include "wire/container_info.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wire {

// What a push has come to, in its last line.
struct PushResult {
    std::string tag, digest;
    std::uint64_t size = 0;  // of the manifest
};
const json::Table& json_table(const PushResult*);

struct ImageRootFs {
    std::string type;
    Strings layers;
};
struct ImageMetadata {
    Time last_tag_time;
};
// What is left out of an answer, by the client's version, is an optional that is not set.
struct ImagePlatform {
    std::string architecture, os, os_version, variant;
};
struct ImageDescriptor {
    std::string media_type, digest;
    std::int64_t size = 0;
    std::optional<ImagePlatform> platform;
};
struct ManifestSizes {
    std::int64_t content = 0, total = 0;
};
struct UnpackedSize {
    std::int64_t unpacked = 0;
};
struct ImagePull {
    std::string repository;
};
struct ImageIdentity {
    std::vector<ImagePull> pull;
};
struct ImageProperties {
    ImagePlatform platform;
    std::optional<ImageIdentity> identity;
    UnpackedSize size;
    Strings containers;
};
struct ImageManifest {
    std::string id;
    ImageDescriptor descriptor;
    bool available = true;
    ManifestSizes size;
    std::string kind = "image";
    ImageProperties image_data;
};
struct ImageInspect {
    std::string id;
    Strings repo_tags, repo_digests;
    std::optional<std::string> parent, comment;
    Time created;
    std::optional<std::string> container;             // below 1.45
    std::optional<ContainerConfig> container_config;  // below 1.45
    std::optional<std::string> docker_version, author;
    json::Raw config;
    std::string architecture, variant, os, os_version;
    std::int64_t size = 0;
    std::optional<std::int64_t> virtual_size;  // below 1.44
    GraphDriver graph_driver;
    ImageRootFs root_fs;
    ImageMetadata metadata;
    std::vector<ImageManifest> manifests;
    std::optional<ImageIdentity> identity;
};
// An image's config for clients from 1.50 on: without what only containers have.
struct ImageRunConfig {
    std::optional<std::string> user;
    Set exposed_ports;
    std::optional<Strings> env, entrypoint, cmd;
    std::optional<Set> volumes;
    std::optional<std::string> working_dir;
    std::optional<StringMap> labels;
    std::string stop_signal;
    bool args_escaped = false;
    std::optional<HealthConfig> healthcheck;
    std::optional<Strings> on_build;
    Strings shell;
};
struct ImageSummary {
    std::int64_t containers = -1;
    std::int64_t created = 0;  // seconds
    std::string id;
    StringMap labels;
    std::string parent_id;
    Strings repo_digests, repo_tags;
    std::int64_t shared_size = -1, size = 0;
    std::optional<std::int64_t> virtual_size;  // below 1.44
    std::vector<ImageManifest> manifests;
};
struct ImageHistory {
    std::string id;
    std::int64_t created = 0;  // seconds
    std::string created_by;
    Strings tags;
    std::int64_t size = 0;
    std::string comment;
};
struct ImageDeleted {
    std::string untagged, deleted;  // one of them
};
struct ImagesPruned {
    std::vector<ImageDeleted> images_deleted;
    std::uint64_t space_reclaimed = 0;
};
struct BuildCachePruned {
    Strings caches_deleted;
    std::uint64_t space_reclaimed = 0;
};

const json::Table& json_table(const ImageRootFs*);
const json::Table& json_table(const ImageMetadata*);
const json::Table& json_table(const ImageInspect*);
const json::Table& json_table(const ImageSummary*);
const json::Table& json_table(const ImageHistory*);
const json::Table& json_table(const ImageDeleted*);
const json::Table& json_table(const ImagePlatform*);
const json::Table& json_table(const ImageDescriptor*);
const json::Table& json_table(const ManifestSizes*);
const json::Table& json_table(const UnpackedSize*);
const json::Table& json_table(const ImagePull*);
const json::Table& json_table(const ImageIdentity*);
const json::Table& json_table(const ImageProperties*);
const json::Table& json_table(const ImageManifest*);
const json::Table& json_table(const ImageRunConfig*);
const json::Table& json_table(const ImagesPruned*);
const json::Table& json_table(const BuildCachePruned*);

}  // namespace wire
