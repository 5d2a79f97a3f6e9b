// Mounts held by descriptor (the new mount API): nothing made here ever shows in the host's mount
// table, and dropping the last descriptor unmounts. Blocking.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sys {

struct OverlayOptions {
    bool read_only = false;     // no upper and work
    bool volatile_ = false;     // no sync of the upper at unmount
    bool force_legacy = false;  // tests: as on a kernel before 6.5
};

// A detached overlay mount of `lowers` (relative to layers_folder, topmost first; up to 500), with
// `upper` and `work` (folders by descriptor, same file system); a read-only one takes neither. With
// nothing to merge (no lower, or one and read-only) it is a bind of the only folder.
Result<Fd> mount_overlay(const Fd& layers_folder, const std::vector<std::string>& lowers,
                         const Fd& upper, const Fd& work, const OverlayOptions& options = {});

// A detached copy of what is mounted or lies at `path` (open_tree OPEN_TREE_CLONE); an empty path is
// the folder itself. Its propagation is that of the source: set it before attaching.
Result<Fd> clone_mount(const std::string& path, bool recursive);
Result<Fd> clone_mount_at(const Fd& folder, const std::string& path, bool recursive);

// A detached mount of a new tmpfs, its options as "key=value".
Result<Fd> mount_tmpfs(const std::vector<std::string>& options, std::uint64_t attributes);

// A private handle on a fresh procfs of our own pid namespace: writes through it cannot be sent
// elsewhere by what is mounted over /proc.
Result<Fd> private_proc();

}  // namespace sys
