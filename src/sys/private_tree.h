// Mounts put together where nobody else sees them, and the root of somebody else's: how the files
// of a container are reached as it sees them. Blocking.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <string>
#include <vector>

namespace sys {

struct TreeMount {
    std::string source, destination;  // on the host; in the tree
    bool read_only = false;
    bool recursive = true;
    bool make_target = false;  // a missing mount point is made
};

// A mount namespace that ends with its last descriptor, so also with this process.
struct PrivateTree {
    Fd mounts;  // the namespace
    Fd root;    // O_PATH, of the tree
};

// `root` (a detached mount) with `mounts` on top, in this order. A source that is not there, or a
// mount point that is not there and not to be made, leaves that mount out. What the host unmounts
// goes from the tree as well.
Result<PrivateTree> make_private_tree(Fd root, std::vector<TreeMount> mounts);

// The root directory (O_PATH) of the mount namespace of the process: not what it, or somebody in
// it, has made its own root by chroot(2). missing when the process has ended.
Result<Fd> root_of_process(const Fd& pidfd);

// The same as a detached copy of that one mount, without anything mounted into it.
Result<Fd> clone_root_of_process(const Fd& pidfd);

// Whether something is mounted on folder/name, as `folder` sees it.
bool is_mount_point(const Fd& folder, const std::string& name);

}  // namespace sys
