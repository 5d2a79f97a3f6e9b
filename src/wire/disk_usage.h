// GET /system/df.
#pragma once

#include "codec/json.h"
#include "wire/container_info.h"
#include "wire/image.h"

#include <optional>

namespace wire {

// One kind, as of 1.52.
template <class Item> struct Usage {
    std::int64_t active_count = 0, total_count = 0, reclaimable = 0, total_size = 0;
    std::vector<Item> items;  // when asked for at length
};

struct DiskUsage {
    // Until 1.52, and there unless the new ones are asked for at length. A list that nobody asked
    // for is null.
    struct Lists {
        std::int64_t layers_size = 0;
        std::optional<std::vector<ImageSummary>> images;
        std::optional<std::vector<ContainerSummary>> containers;
        std::optional<std::vector<json::Empty>> volumes, build_cache;  // there are none
    };
    std::optional<Lists> lists;
    std::optional<Usage<ImageSummary>> images;
    std::optional<Usage<ContainerSummary>> containers;
    std::optional<Usage<json::Empty>> volumes, build_cache;
};
void json_write(json::Writer& writer, const DiskUsage& usage);

}  // namespace wire
