// commit: what a container has changed becomes an image.
#pragma once

#include "engine/file_view.h"
#include "registry/reference.h"
#include "wire/container.h"
#include "wire/registry.h"

#include <optional>
#include <string>
#include <vector>

namespace engine {

// A file in the folder of a container while a commit has it paused: an engine that died in between
// lets it run again at its next start.
inline constexpr const char* committing_name = "committing";

struct CommitPlan {
    FilePlan files;
    std::string parent;  // the image it was created from
    std::vector<std::string> diff_ids;
    // How the new image is run, who made it from what. Its layers, and the history of what it
    // stands on, come from the parent.
    wire::oci::RunConfig run;
    std::string container, author, comment, created_by;
};

// The Config that the new image gets: `wanted` (the container's own if not given), changed by
// `changes`, and completed by the container's. Pure.
Result<wire::oci::RunConfig> committed_config(const wire::ContainerConfig& own,
                                              const std::optional<wire::ContainerConfig>& wanted,
                                              const std::vector<std::string>& changes);

}  // namespace engine
