// Names of containers: which are allowed, and how one is made up.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace codec {

// [a-zA-Z0-9][a-zA-Z0-9_.-]+ of at most limits::container_name_bytes_max bytes; the slash Docker
// puts in front is allowed and cut off. invalid in Docker's words.
Result<std::string> container_name(std::string_view name);
// "brave_turing". `random` picks the words; from `attempt` 1 on a digit follows, as one is taken.
std::string made_up_name(std::uint64_t random, unsigned attempt = 0);

}  // namespace codec
