// Signals as Docker names them: "SIGTERM", "term", "15", "RTMIN+3".
#pragma once

#include "base/error.h"

#include <string_view>

namespace engine {

// invalid `invalid signal: x`.
Result<int> parse_signal(std::string_view text);

}  // namespace engine
