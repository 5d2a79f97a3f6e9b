// Going down a tree of files by descriptor: names of each folder in order, whatever its depth with
// a few descriptors, and no link ever followed. The tree may change meanwhile. Blocking.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace archive {

// Beyond these a walk ends with an error (too_large) instead of taking the machine's memory.
inline constexpr std::size_t folder_names_max = 4'000'000;
inline constexpr std::size_t walk_depth_max = 4096;

class Walk {
public:
    // `folder` by any descriptor of it; it is called `path` from here on.
    Status enter(const Fd& folder, std::string path);
    // Forgets the deepest folder; what is above goes on.
    Status leave();
    bool empty() const { return levels_.empty(); }
    std::size_t depth() const { return levels_.size(); }

    // Of the deepest folder. Readable.
    const Fd& folder() const { return levels_.back().fd; }
    const std::string& path() const { return levels_.back().path; }
    // The next name in it, in byte order; none is its end.
    std::optional<std::string> next();
    // "path/name", without a slash too many.
    std::string path_of(std::string_view name) const;

private:
    struct Level {
        Fd fd;  // closed in all but the deepest ones
        dev_t device = 0;
        ino_t inode = 0;
        std::string path;
        std::vector<std::string> names;  // last one first
    };
    std::vector<Level> levels_;
};

// O_PATH, of the name itself; an empty descriptor when nothing is there.
Result<Fd> open_if_there(const Fd& folder, const std::string& name);

}  // namespace archive
