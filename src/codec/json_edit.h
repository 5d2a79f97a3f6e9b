// Changes one member of a JSON document and leaves every other byte as it stands: for a user's
// config.json. Pure.
#pragma once

#include "base/error.h"

#include <span>
#include <string>
#include <string_view>

namespace codec {

// Puts `value` (a JSON text) at `path`, members of objects from the outermost on; what is missing
// on the way is made. A new member is written as its neighbours are: on a line of its own where
// they are. `document` must be an object ("" stands for a new one, indented by tabs).
Result<std::string> set_json(std::string_view document, std::span<const std::string> path,
                             std::string_view value);
// The same without the member, however often it stands there; equal to `document` when it is not
// there.
Result<std::string> erase_json(std::string_view document, std::span<const std::string> path);

}  // namespace codec
