#include "engine/backlog.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace engine {

namespace {

using SharedFd = std::shared_ptr<Fd>;

Result<SharedFd> open_unnamed(std::string folder) {
    auto file = std::make_shared<Fd>(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!*file) return base::errno_error(errno, "file for a slow client in " + folder);
    return file;
}

// Calls `transfer(bytes done so far, bytes, offset)` until all was moved, around the ring's end.
template <class Transfer>
Status around(std::size_t size, std::uint64_t position, std::uint64_t ring, const char* what,
              Transfer transfer) {
    for (std::size_t done = 0; done < size;) {
        std::uint64_t offset = (position + done) % ring;
        std::size_t part = std::min<std::uint64_t>(size - done, ring - offset);
        ssize_t moved = transfer(done, part, static_cast<off_t>(offset));
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0) return base::errno_error(errno, what);
        if (moved == 0) return Error(Kind::internal, what);
        done += static_cast<std::size_t>(moved);
    }
    return {};
}

Status write_ring(SharedFd file, std::string bytes, std::uint64_t position, std::uint64_t ring) {
    return around(bytes.size(), position, ring, "write to the file for slow clients",
                  [&](std::size_t done, std::size_t part, off_t at) {
                      return ::pwrite(file->get(), bytes.data() + done, part, at);
                  });
}

Result<std::string> read_ring(SharedFd file, std::size_t size, std::uint64_t position,
                              std::uint64_t ring) {
    std::string bytes(size, '\0');
    TRY_DO(around(size, position, ring, "read the file for slow clients",
                  [&](std::size_t done, std::size_t part, off_t at) {
                      return ::pread(file->get(), bytes.data() + done, part, at);
                  }));
    return bytes;
}

}  // namespace

Backlog::Backlog(Workers& workers, std::string folder, std::uint64_t ring_bytes)
    : workers_(workers), folder_(std::move(folder)), ring_bytes_(ring_bytes),
      taken_(workers.loop()) {}

bool Backlog::has_room(std::uint64_t position, std::size_t payload) const {
    return written_ + codec::frame_header_bytes + payload - position <= ring_bytes_;
}

Task<Status> Backlog::append(codec::Stdio stream, Slice bytes) {
    if (!file_) {
        CO_TRY(file_, co_await shield(workers_.run(loop::Lane::quick, open_unnamed, folder_)));
    }
    std::string frame;
    codec::append_frame(frame, stream, bytes.view());
    std::uint64_t size = frame.size();
    // What a failed write left behind the end is written over.
    CO_TRY_DO(co_await shield(workers_.run(loop::Lane::quick, write_ring, file_, std::move(frame),
                                           written_, ring_bytes_)));
    written_ += size;
    co_return Status();
}

Task<Result<std::string>> Backlog::read(std::uint64_t position, std::size_t size) {
    size = std::min<std::uint64_t>(size, written_ - position);
    co_return co_await shield(
        workers_.run(loop::Lane::quick, read_ring, file_, size, position, ring_bytes_));
}

Task<void> Backlog::drop_file() {
    if (!file_) co_return;
    (void)co_await shield(workers_.run(
        loop::Lane::heavy,
        [](SharedFd file) -> Status {
            file.reset();  // frees up to bytes_max of disk: not on the loop
            return {};
        },
        std::exchange(file_, nullptr)));
}

}  // namespace engine
