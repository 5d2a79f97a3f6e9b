// Who a container's process is: Docker's user[:group] against the container's own /etc/passwd and
// /etc/group, read through the root's descriptor and never beyond bounds.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace run {

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> additional_gids;  // gid first (CVE-2022-36109)
    std::string home = "/";  // for HOME when the env has none
};

// user is "", "name", "uid", "name:group", "uid:gid"... ; group_add are --group-add's names or
// numbers. Blocking (worker). Errors are Docker's: `unable to find user x: no matching entries in
// passwd file`, `unable to find group x: no matching entries in group file`.
Result<User> resolve_user(const Fd& rootfs, std::string_view user,
                          const std::vector<std::string>& group_add);

// The same on texts, for tests and fuzzing.
Result<User> resolve_user_in(std::string_view passwd, std::string_view group, std::string_view user,
                             const std::vector<std::string>& group_add);

}  // namespace run
