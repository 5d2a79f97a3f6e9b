// Containers as the API shows them: inspect and one row of the list.
#pragma once

#include "engine/engine.h"
#include "http/message.h"
#include "wire/container_info.h"

namespace api {

// What inspect says, as a client of `version` expects it.
wire::ContainerInspect inspect_view(const engine::Engine& engine,
                                    const engine::Container& container, http::Version version);
wire::ContainerSummary summary_view(const engine::Engine& engine,
                                    const engine::Container& container, http::Version version,
                                    Time now);
// What `ps` shows in its image column: the name it was made from, or the id once that name means
// another image.
std::string shown_image(const engine::Engine& engine, const engine::ContainerRecord& record);

}  // namespace api
