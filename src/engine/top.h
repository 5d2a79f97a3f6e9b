// The processes of a running container.
#pragma once

#include "engine/containers.h"
#include "wire/container_info.h"

#include <string>

namespace engine {

// As `ps ARGUMENTS` on the host would show them. conflict when the container is not running;
// invalid for arguments that engine/ps.h does not know.
Task<Result<wire::TopResponse>> top(Containers& containers, ContainerPtr container,
                                    std::string arguments);

}  // namespace engine
