#include "run/pidfd.h"

#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace run {
namespace {

// struct pidfd_info of <linux/pidfd.h> as of Linux 6.15.
struct Info {
    std::uint64_t mask;
    std::uint64_t cgroup;
    std::uint32_t ids[11];
    std::int32_t exit_code;
};
static_assert(sizeof(Info) == 64);
constexpr std::uint64_t info_exit = 1U << 3;

}  // namespace

Status send_signal(const Fd& pidfd, int signal) {
    // By number: the declaration of glibc 2.36 has no C linkage in C++.
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return {};
    if (errno == ESRCH) return Error(Kind::missing, "the process has ended");
    return base::errno_error(errno, "send signal");
}

bool process_ended(const Fd& pidfd) {
    pollfd one{pidfd.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

std::optional<int> wait_status_of(const Fd& pidfd) {
    Info info{};
    info.mask = info_exit;
    if (::ioctl(pidfd.get(), _IOWR(0xFF, 11, Info), &info) < 0) return std::nullopt;
    if ((info.mask & info_exit) == 0) return std::nullopt;
    return info.exit_code;
}

}  // namespace run
