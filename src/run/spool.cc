#include "run/spool.h"

#include "run/protocol.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/types.h>
#include <unistd.h>

namespace run {

namespace {

// False at the end, also in the middle of what was to be read.
Result<bool> read_exactly(const Fd& file, void* out, std::size_t bytes, off_t& at) {
    std::size_t done = 0;
    while (done < bytes) {
        ssize_t got = ::pread(file.get(), static_cast<char*>(out) + done, bytes - done, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read spool");
        if (got == 0) return false;
        done += static_cast<std::size_t>(got);
        at += got;
    }
    return true;
}

}  // namespace

Status replay_spool(Fd spool, SpoolSink sink) {
    off_t at = 0;
    std::string bytes;
    for (;;) {
        protocol::SpoolRecord record;
        TRY(bool more, read_exactly(spool, &record, sizeof record, at));
        if (!more || record.bytes > protocol::spool_bytes_max) break;
        bytes.resize(record.bytes);
        TRY(bool whole, read_exactly(spool, bytes.data(), bytes.size(), at));
        if (!whole) break;
        TRY_DO(sink(static_cast<int>(record.stream), bytes, Time{record.time_ns}));
    }
    TRY_DO(sink(0, {}, Time{}));
    // The shim still has it, and would hand it over again to the next lighterd.
    if (::ftruncate(spool.get(), 0) < 0) return base::errno_error(errno, "empty spool");
    return {};
}

}  // namespace run
