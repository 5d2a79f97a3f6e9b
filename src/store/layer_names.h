// How a layer's tar speaks of what it hides, and which extended attributes an image may set.
#pragma once

#include <string_view>

namespace store {

inline constexpr std::string_view whiteout_prefix = ".wh.";
inline constexpr std::string_view opaque_name = ".wh..wh..opq";
inline constexpr std::string_view aufs_prefix = ".wh..wh.";
inline constexpr const char* opaque_xattr = "trusted.overlay.opaque";

// trusted.overlay.* and user.overlay.* would command overlayfs itself (T4), security.selinux,
// security.ima and system.* are the host's policy, not image data (T5).
inline bool keeps_xattr(std::string_view name) {
    return name == "security.capability" ||
           (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

}  // namespace store
