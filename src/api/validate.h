// The rules of a create body that need nothing but the body: ranges, formats, fields that exclude
// each other. Texts as dockerd's. What this engine can do about a field is engine's business.
#pragma once

#include "base/error.h"
#include "wire/container.h"

namespace api {

// invalid for the first rule broken. `cpus`: how many this machine has.
Status check_create(const wire::ContainerCreate& wanted, unsigned cpus);

// The same for the body of an update.
Status check_update(const wire::ContainerUpdate& wanted, unsigned cpus);

}  // namespace api
