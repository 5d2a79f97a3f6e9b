// One control group's folder in one hierarchy, and its files: what the cgroup*.cc share.
#pragma once

#include "base/error.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sys {

struct CgroupFolder {
    Fd fd;
    std::string where;  // its path on the host, for errors

    bool has(const char* file) const;
    // `failed to write "x": write /sys/fs/cgroup/...: invalid argument`
    Status write(const char* file, std::string_view text) const;
    // "" when it cannot be read.
    std::string read(const char* file) const;
    // A number that stands alone in its file; nothing for "max" and the like.
    std::optional<std::uint64_t> number(const char* file) const;
    // The number after `key` at the beginning of a line ("oom_kill 3").
    std::optional<std::uint64_t> field(const char* file, std::string_view key) const;
};

// Takes the next word off `rest`; "" at its end.
std::string_view next_word(std::string_view& rest, std::string_view separators = " ");
// Whether `word` stands in a list separated by blanks or commas.
bool has_word(std::string_view list, std::string_view word);

// The group `path` in this hierarchy.
Result<CgroupFolder> open_group(const CgroupHost::Hierarchy& hierarchy, const std::string& path);

Status write_limits_v1(const CgroupHost& host, const std::string& path, const CgroupLimits& limits);
Status write_limits_v2(const CgroupFolder& folder, const CgroupLimits& limits);

}  // namespace sys
