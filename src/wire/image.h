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

struct ImageRootFs {
    std::string type;
    Strings layers;
};
struct ImageMetadata {
    Time last_tag_time;
};
struct ImageInspect {
    std::string id;
    Strings repo_tags, repo_digests;
    std::string parent, comment;
    Time created;
    std::string docker_version, author;
    ContainerConfig config;
    std::string architecture, variant, os, os_version;
    std::int64_t size = 0;
    std::optional<std::int64_t> virtual_size;  // below 1.44
    GraphDriver graph_driver;
    ImageRootFs root_fs;
    ImageMetadata metadata;
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
};
struct ImageDeleted {
    std::string untagged, deleted;  // one of them
};

const json::Table& json_table(const ImageRootFs*);
const json::Table& json_table(const ImageMetadata*);
const json::Table& json_table(const ImageInspect*);
const json::Table& json_table(const ImageSummary*);
const json::Table& json_table(const ImageDeleted*);

}  // namespace wire
