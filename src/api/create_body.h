// The body of create as a value: what is no container at all, and what the words of an older client
// mean today (engine-api-notes.md section 2). Pure.
#pragma once

#include "base/error.h"
#include "http/message.h"
#include "wire/container.h"

#include <string_view>

namespace api {

// invalid "config cannot be empty in order to create a container" for a body without any of the
// container's own fields.
Result<wire::ContainerCreate> read_create(std::string_view body, http::Version version);

}  // namespace api
