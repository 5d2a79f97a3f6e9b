#include "run/shim/spool.h"

#include <ctime>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace run::shim {

using namespace protocol;

namespace {

constexpr std::size_t read_bytes_max = 16 * 1024;
char buffer[read_bytes_max];

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::int64_t size_of(int fd) {
    struct stat info;
    return fd >= 0 && ::fstat(fd, &info) == 0 ? info.st_size : 0;
}

}  // namespace

bool has_spool(const Process& process) {
    return size_of(process.spool) > 0;
}

Spooled spool(Process& process, int index) {
    if (process.spool < 0) process.spool = result(::memfd_create("lighter-spool", MFD_CLOEXEC));
    if (process.spool < 0) return Spooled::full;
    std::int64_t at = size_of(process.spool);
    SpoolRecord record;
    std::int64_t room = std::int64_t(spool_bytes_max) - at - std::int64_t(sizeof record);
    if (room <= 0) return Spooled::full;
    std::size_t wanted = static_cast<std::size_t>(room) < sizeof buffer
                             ? static_cast<std::size_t>(room)
                             : sizeof buffer;
    ssize_t got = ::read(process.out[index].fd, buffer, wanted);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Spooled::more;
    // EIO: the last slave of a terminal was closed.
    if (got <= 0) return Spooled::end;
    record.time_ns = now_ns();
    record.bytes = static_cast<std::uint32_t>(got);
    record.stream = index == 0 ? 1 : 2;
    iovec parts[2] = {{&record, sizeof record}, {buffer, static_cast<std::size_t>(got)}};
    ssize_t written = ::pwritev(process.spool, parts, 2, at);
    if (written == static_cast<ssize_t>(sizeof record) + got) return Spooled::more;
    // No memory for more: what does not fit is lost, what stands stays readable.
    (void)!::ftruncate(process.spool, at);
    return Spooled::full;
}

}  // namespace run::shim
