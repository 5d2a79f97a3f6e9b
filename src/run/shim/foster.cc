#include "run/shim/foster.h"

#include "run/pidfd_info.h"

#include <ctime>
#include <sys/ioctl.h>

namespace run::shim {

using namespace protocol;

bool take_fostered(Process& process, const Request& asked, const int* fds, std::size_t fd_count) {
    std::size_t wanted = 0;
    for (std::uint32_t bits = asked.fds; bits != 0; bits &= bits - 1)
        ++wanted;
    if (fd_count != wanted || (asked.fds & fd_pidfd) == 0 || asked.pid <= 0) return false;
    std::size_t next = 0;
    auto take = [&](std::uint32_t bit) {
        if ((asked.fds & bit) == 0) return -1;
        return result(::fcntl(fds[next++], F_DUPFD_CLOEXEC, 3));
    };
    process.pidfd = take(fd_pidfd);
    process.terminal = (asked.fds & fd_pty) != 0;
    int pty = take(fd_pty);
    process.stdin_ = take(fd_stdin);
    int out = take(fd_stdout);
    process.out[0].fd = process.terminal ? pty : out;
    process.out[1].fd = take(fd_stderr);
    process.pid = asked.pid;
    process.state = State::running;
    return process.pidfd >= 0;
}

int fostered_status(int pidfd) {
    constexpr int unknown_exit = 255 << 8;
    constexpr int tries_max = 100;
    for (int tries = 0; tries < tries_max; ++tries) {
        PidfdInfo info{};
        info.mask = pidfd_info_exit;
        if (::ioctl(pidfd, pidfd_get_info, &info) < 0) break;
        if ((info.mask & pidfd_info_exit) != 0) return info.exit_code;
        timespec pause{.tv_sec = 0, .tv_nsec = 2'000'000};
        ::syscall(SYS_nanosleep, &pause, nullptr);
    }
    return unknown_exit;
}

}  // namespace run::shim
