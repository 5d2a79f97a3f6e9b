// Which kernel settings a container may have: those of a namespace of its own, by their exact key.
#pragma once

#include "base/error.h"
#include "run/spec.h"

#include <string>

namespace run {

// Pure. invalid, in runc's words, for a key of the host's or one that is a path, and for a value
// that could be read as more than one (CVE-2022-0811).
Status check_sysctl(const std::string& key, const std::string& value, const Namespaces& own);

}  // namespace run
