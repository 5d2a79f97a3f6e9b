// What is mounted into a container by its user's wish: -v, --mount, --tmpfs. Parsing and rules, in
// Docker's words; nothing here touches the disk but source_problem().
#pragma once

#include "run/spec.h"
#include "wire/container.h"
#include "wire/container_info.h"

#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct UserMount {
    std::string type;  // "bind" or "tmpfs"
    std::string source, destination;
    bool read_only = false;
    bool read_only_recursive = true;
    bool recursive = true;
    bool create_source = false;        // -v makes a missing folder, --mount does not
    std::string propagation;           // "rprivate" unless asked otherwise
    std::string mode;                  // what stood behind the second colon, for inspect
    std::vector<std::string> options;  // tmpfs: "size=64m", "noexec"...
};

// All of them, parents before what lies below. invalid for what breaks a rule; unsupported for
// volumes and images, which this engine does not have yet.
Result<std::vector<UserMount>> user_mounts(const wire::HostConfig& host);

// "source:destination[:mode]", the form of -v.
Result<UserMount> parse_bind(std::string_view text);

// For create: `bind source path does not exist: /x`. Blocking.
Status check_sources(const std::vector<UserMount>& mounts);
// For start: makes the sources that -v promises to make. Blocking.
Status make_sources(const std::vector<UserMount>& mounts);

// Whether `path` is `folder` or below it; both clean, and folder is not "/".
bool is_below(std::string_view path, std::string_view folder);

run::Mount run_mount(const UserMount& mount);
wire::MountPoint mount_point(const UserMount& mount);

// "/a/../b//c/" as Go's path.Clean gives it: "/b/c".
std::string clean_path(std::string_view path);

}  // namespace engine
