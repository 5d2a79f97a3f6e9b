// Containers as the API shows them: inspect and one row of the list.
#pragma once

#include "engine/engine.h"
#include "http/message.h"
#include "wire/container_info.h"

#include <string>
#include <vector>

namespace api {

// What inspect needs besides the container itself.
struct Surroundings {
    std::string folder, log_path;
    std::vector<std::string> layers;  // folders of the image's layers, topmost first
    std::string network_id;           // of "bridge"
    std::vector<std::string> execs;   // ids of those that have not ended
};
Surroundings surroundings_of(const engine::Engine& engine, const engine::Container& container);

// What inspect says, as a client of `version` expects it.
wire::ContainerInspect inspect_view(const engine::Container& container, const Surroundings& around,
                                    http::Version version);
// `image`: see shown_image().
wire::ContainerSummary summary_view(const engine::Container& container, std::string image,
                                    const std::string& network_id, http::Version version, Time now);
// What `ps` shows in its image column: the name it was made from, or the id once that name means
// another image.
std::string shown_image(const engine::Engine& engine, const engine::ContainerRecord& record);

}  // namespace api
