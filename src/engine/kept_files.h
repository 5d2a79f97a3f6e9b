// Small records below the exec root, a file each: they last as long as this machine is up, through
// a kill of the engine, and cost no commit. Blocking.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct KeptFile {
    std::string name, text;
};

Status write_kept(const std::string& folder, const std::string& name, std::string_view text);
// Missing is fine.
Status drop_kept(const std::string& folder, const std::string& name);
// All that can be read; makes the folder.
Result<std::vector<KeptFile>> read_kept(const std::string& folder, std::size_t bytes_max);

}  // namespace engine
