#include "run/mount_options.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/mount.h>

namespace run {
namespace {

struct Attribute {
    std::string_view name;
    std::uint64_t set;
    std::uint64_t clear;
};
constexpr Attribute attributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    // The times are one field of three values, not bits: a change clears the field first.
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
};

struct Propagation {
    std::string_view name;
    std::uint64_t value;
};
// Values of MS_*, from <sys/mount.h>, whose name is that of a header of ours.
constexpr Propagation propagations[] = {
    {"private", 1U << 18}, {"rprivate", 1U << 18}, {"slave", 1U << 19},
    {"rslave", 1U << 19},  {"shared", 1U << 20},   {"rshared", 1U << 20},
};

bool parse_one(std::string_view option, MountOptions& all) {
    for (const Attribute& known : attributes) {
        if (known.name != option) continue;
        // The last word counts.
        all.set = (all.set & ~known.clear) | known.set;
        all.clear = (all.clear & ~known.set) | known.clear;
        return true;
    }
    for (const Propagation& known : propagations) {
        if (known.name != option) continue;
        all.propagation = known.value;
        return true;
    }
    if (option == "bind" || option == "rbind") {
        all.bind = true;
        all.recursive_bind = option == "rbind";
    } else if (option == "ro-non-recursive") {
        all.set |= MOUNT_ATTR_RDONLY;
        all.read_only_recursive = false;
    } else if (option != "defaults" && option != "async" && option != "") {
        return false;
    }
    return true;
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
    MountOptions all;
    for (const std::string& option : options)
        if (!parse_one(option, all)) all.rest.push_back(option);
    return all;
}

Result<std::string> clean_target(std::string_view target) {
    if (target.empty() || target[0] != '/')
        return Error(Kind::invalid,
                     fmt::format("invalid mount target \"{}\": must be an absolute path", target));
    std::vector<std::string_view> parts;
    std::size_t at = 0;
    while (at < target.size()) {
        std::size_t end = std::min(target.find('/', at), target.size());
        std::string_view part = target.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty())
            parts.pop_back();
    }
    if (parts.empty())
        return Error(Kind::invalid, fmt::format("invalid specification: destination can't be '/'"));
    std::string clean;
    for (std::string_view part : parts)
        clean.append("/").append(part);
    return clean;
}

bool allowed_on_proc(std::string_view target) {
    static constexpr std::string_view allowed[] = {"/proc/cpuinfo",
                                                   "/proc/diskstats",
                                                   "/proc/meminfo",
                                                   "/proc/stat",
                                                   "/proc/swaps",
                                                   "/proc/uptime",
                                                   "/proc/loadavg",
                                                   "/proc/slabinfo",
                                                   "/proc/net/dev",
                                                   "/proc/sys/kernel/ns_last_pid",
                                                   "/proc/sys/crypto/fips_enabled"};
    return std::find(std::begin(allowed), std::end(allowed), target) != std::end(allowed);
}

}  // namespace run
