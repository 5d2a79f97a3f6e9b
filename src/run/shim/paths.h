// Targets inside a container's root: found, or made where they are missing, without ever leaving
// the root, whatever links the image holds.
#pragma once

namespace run::shim {

enum class Make { folder, file };

// An O_PATH descriptor of `path` below `root`; missing folders are made (root, 0755), and the last
// component as `make` says. -errno on failure.
int open_or_make(int root, const char* path, Make make);

// The parent folder of `path` (made where missing) and the name of the last component, which points
// into `path`. `path` must not end with a slash or dot: -EINVAL.
int open_parent(int root, const char* path, const char** name);

}  // namespace run::shim
