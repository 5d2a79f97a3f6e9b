// What a running container uses at this moment. Read when somebody asks, by a worker: nothing
// runs for a container that nobody looks at.
#pragma once

#include "engine/containers.h"
#include "wire/stats.h"

#include <string>

namespace engine {

// One reading without `preread` and `precpu`; of a container that does not run name and id only.
Task<Result<wire::Stats>> read_stats(Containers& containers, const sys::CgroupHost& cgroups,
                                     ContainerPtr container);

}  // namespace engine
