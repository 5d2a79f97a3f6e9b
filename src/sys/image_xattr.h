// Extended attributes as far as images and archives carry them. Blocking.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sys {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

// What an image may set. trusted.overlay.* and user.overlay.* would command overlayfs itself (T4),
// security.selinux, security.ima and system.* are the host's policy, not image data (T5).
bool is_image_xattr(std::string_view name);

// Those of `file` (not O_PATH), by name; none where the file system has none.
Result<Xattrs> read_image_xattrs(const Fd& file);

}  // namespace sys
