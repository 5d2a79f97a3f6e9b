// The names in a folder that may hold anything: list_names() of sys/file.h leaves out those that
// begin with a dot.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <string>
#include <vector>

namespace sys {

// All but "." and "..", unordered.
Result<std::vector<std::string>> all_names(const Fd& folder);

}  // namespace sys
