// Files and folders by descriptor: opening under a root, bounded reads, durable writes. Blocking:
// call from a worker (STYLE.md section 7).
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sys {

// openat2(2) below `root` with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS: for
// trees that may be hostile and where no link is expected. O_CLOEXEC is added.
Result<Fd> open_beneath(const Fd& root, const std::string& path, int flags, unsigned mode = 0);
// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: links resolve as inside a container.
Result<Fd> open_in_root(const Fd& root, const std::string& path, int flags, unsigned mode = 0);
// A folder of our own by its path on the host (O_PATH | O_DIRECTORY unless flags say otherwise).
Result<Fd> open_folder(const std::string& path);
Result<Fd> open_at(const Fd& folder, const std::string& name, int flags, unsigned mode = 0);

// The whole file, or too_large past bytes_max.
Result<std::string> read_all(const Fd& file, std::size_t bytes_max);
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);
// All of `bytes`, or an error naming `what`.
Status write_all(const Fd& file, std::string_view bytes, std::string_view what);

// Replaces folder/name: temporary file, fsync, rename, fsync of the folder. Survives power loss.
Status replace_durably(const Fd& folder, const std::string& name, std::string_view bytes,
                       unsigned mode);
// The same without fsync: for what a restart rebuilds.
Status replace_file(const Fd& folder, const std::string& name, std::string_view bytes,
                    unsigned mode);

// mkdir -p with `mode` for what is created (umask not trusted); ok if it is there.
Status make_folders(const std::string& path, unsigned mode);
// The names in `folder`, unordered, without those that begin with a dot.
Result<std::vector<std::string>> list_names(const Fd& folder);
// Takes the whole file's open-file-description lock (fcntl(2), F_OFD_SETLK), which lasts as long as
// the descriptor; conflict if another holds it. (flock(2) lives in a header this one's name hides.)
Status lock_exclusively(const Fd& file);
// Bytes of all files below `path` as Docker counts them: apparent sizes, a hard link once, mounts
// not entered. Files that vanish meanwhile are passed over.
Result<std::uint64_t> tree_bytes(const std::string& path);
// rm -rf below `folder`/`name`, never following links or crossing into other mounts (a mount point
// inside is an error). Missing is fine.
Status remove_tree(const Fd& folder, const std::string& name);

}  // namespace sys
