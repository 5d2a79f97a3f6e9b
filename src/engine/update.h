// The rules of update, apart from the container they are for. Pure.
#pragma once

#include "engine/launch.h"
#include "wire/container.h"

namespace engine {

// Docker's merge: zero leaves alone. conflict for what contradicts what is there already; then
// `host` is as it was.
Status apply_update(wire::HostConfig& host, const wire::ContainerUpdate& wanted);
// What is to be written to the group of a running container; `host` is updated already.
run::Resources update_limits(const wire::HostConfig& host, const wire::ContainerUpdate& wanted);

}  // namespace engine
