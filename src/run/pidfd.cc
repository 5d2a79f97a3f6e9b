#include "run/pidfd.h"

#include "run/pidfd_info.h"
#include "sys/file.h"

#include <cerrno>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace run {

namespace {

// Since the boot, in clock ticks: the 22nd word of /proc/PID/stat. Empty: no such process.
std::string start_ticks(pid_t pid) {
    constexpr std::size_t stat_bytes_max = 4096;
    constexpr int words_before = 19;  // behind the name, which may hold anything
    auto text = sys::read_file(fmt::format("/proc/{}/stat", pid), stat_bytes_max);
    std::size_t at = text ? text->rfind(") ") : std::string::npos;
    if (at == std::string::npos) return "";
    at += 2;
    for (int i = 0; i < words_before && at != std::string::npos; ++i)
        if (at = text->find(' ', at); at != std::string::npos) ++at;
    if (at == std::string::npos) return "";
    return text->substr(at, text->find(' ', at) - at);
}

}  // namespace

Status send_signal(const Fd& pidfd, int signal) {
    // By number: the declaration of glibc 2.36 has no C linkage in C++.
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return {};
    if (errno == ESRCH) return Error(Kind::missing, "the process has ended");
    return base::errno_error(errno, "send signal");
}

Status send_signal_to_group(const Fd& pidfd, int signal) {
    constexpr unsigned process_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, process_group) == 0)
        return {};
    return send_signal(pidfd, signal);
}

bool process_ended(const Fd& pidfd) {
    pollfd one{pidfd.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}

std::optional<int> wait_status_of(const Fd& pidfd) {
    PidfdInfo info{};
    info.mask = pidfd_info_exit;
    if (::ioctl(pidfd.get(), pidfd_get_info, &info) < 0) return std::nullopt;
    if ((info.mask & pidfd_info_exit) == 0) return std::nullopt;
    return info.exit_code;
}

std::string process_mark(pid_t pid) {
    constexpr std::size_t boot_id_bytes = 36;
    static const std::string boot =
        sys::read_file("/proc/sys/kernel/random/boot_id", 64).value_or("").substr(0, boot_id_bytes);
    std::string ticks = pid > 0 && !boot.empty() ? start_ticks(pid) : "";
    return ticks.empty() ? "" : fmt::format("{} {}", boot, ticks);
}

Fd reopen_process(pid_t pid, const std::string& mark) {
    if (pid <= 0 || mark.empty()) return Fd();
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    // Asked after opening: from here on the number cannot become another process's.
    if (!pidfd || process_mark(pid) != mark || process_ended(pidfd)) return Fd();
    return pidfd;
}

}  // namespace run
