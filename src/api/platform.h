// Platforms as the API's queries write them.
#pragma once

#include "http/message.h"
#include "registry/manifest.h"

#include <string>
#include <vector>

namespace api {

// {"os":"linux","architecture":"arm64"}
Result<registry::Platform> decode_platform(const std::string& text);
// All values of `name` in the query (none: empty); read from API version 1.`since` on.
Result<std::vector<registry::Platform>> read_platforms(const http::Request& request,
                                                       std::string_view name, int since);

}  // namespace api
