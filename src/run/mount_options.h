// mount(8)'s options as the new mount API takes them, and targets as they may be.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace run {

struct MountOptions {
    std::uint64_t set = 0;          // MOUNT_ATTR_*
    std::uint64_t clear = 0;        // of those a bind inherits
    std::uint64_t propagation = 0;  // MS_PRIVATE...; 0: not said
    bool bind = false;
    bool recursive_bind = false;
    bool read_only_recursive = true;
    std::vector<std::string> rest;  // the file system's own
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

// "/a//b/../c" is "/a/c". invalid unless absolute and not "/".
Result<std::string> clean_target(std::string_view target);

// Whether runc lets a bind mount lie on this path below /proc.
bool allowed_on_proc(std::string_view target);

}  // namespace run
