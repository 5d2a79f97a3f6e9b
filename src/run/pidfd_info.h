// struct pidfd_info and PIDFD_GET_INFO of <linux/pidfd.h> as of Linux 6.15, which Debian 12's
// headers lack. For lighterd and for the shim.
#pragma once

#include <cstdint>
#include <sys/ioctl.h>

namespace run {

struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroup;
    std::uint32_t ids[11];
    std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
inline constexpr std::uint64_t pidfd_info_exit = 1U << 3;
inline constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace run
