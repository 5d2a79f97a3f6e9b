#include "engine/viewer.h"

#include "loop/timer.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace engine {

namespace {

constexpr std::size_t memory_bytes_max = 1024 * 1024;
constexpr std::uint64_t file_bytes_max = 256 * 1024 * 1024;
// With the file full too, one that takes nothing for this long is cut off: the log goes on.
constexpr loop::Milliseconds stall_max = std::chrono::seconds(10);
constexpr std::size_t load_bytes = 256 * 1024;

Result<Fd> open_unnamed(std::string folder) {
    Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) return base::errno_error(errno, "file for a slow client in " + folder);
    return file;
}

Status write_at(int file, std::string bytes, std::uint64_t at) {
    for (std::size_t done = 0; done < bytes.size();) {
        ssize_t put =
            ::pwrite(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return base::errno_error(errno, "write to the file for a slow client");
        done += static_cast<std::size_t>(put);
    }
    return {};
}

Result<std::string> read_some(int file, std::uint64_t at, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        ssize_t got =
            ::pread(file, bytes.data() + done, size - done, static_cast<off_t>(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read the file for a slow client");
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

Task<Result<bool>> wait_for_room(loop::WaitList& room) {
    CO_TRY_DO(co_await room.wait());
    co_return true;
}

}  // namespace

Viewer::Viewer(Workers& workers, std::string folder, bool out, bool err)
    : workers_(workers), folder_(std::move(folder)), arrived_(workers.loop()),
      room_(workers.loop()), out_(out), err_(err) {}

Task<Result<Viewer::Output>> Viewer::next() {
    while (queue_.empty()) {
        if (has_spilled()) {
            CO_TRY_DO(co_await load());
            continue;
        }
        if (cut_) co_return Error(Kind::too_large, "client is too slow for the container's output");
        if (ended_ && !writing_) co_return Error(Kind::missing, "end of output");
        CO_TRY_DO(co_await arrived_.wait());
    }
    Output output = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= output.bytes.size();
    room_.wake_all();
    co_return output;
}

bool Viewer::is_behind() const {
    return has_spilled() || queued_bytes_ >= memory_bytes_max;
}

// The front of the file into the queue: frames, cut wherever a read ended.
Task<Status> Viewer::load() {
    std::size_t size = std::min<std::uint64_t>(load_bytes, written_ - read_at_);
    CO_TRY(std::string bytes, co_await shield(workers_.run(loop::Lane::quick, read_some,
                                                           file_.get(), read_at_, size)));
    read_at_ += bytes.size();
    std::string_view rest = bytes;
    codec::FrameDecoder::Piece piece;
    for (;;) {
        CO_TRY(bool more, decoder_.next(rest, piece));
        if (!more) break;
        queued_bytes_ += piece.bytes.size();
        queue_.push_back({piece.stream, Slice::copy_of(piece.bytes)});
    }
    if (!has_spilled() && !writing_) read_at_ = written_ = 0;
    room_.wake_all();
    co_return Status();
}

Task<void> Viewer::push(Output output) {
    while (!left_) {
        if (!is_behind()) {
            queued_bytes_ += output.bytes.size();
            queue_.push_back(std::move(output));
            break;
        }
        if (written_ < file_bytes_max && co_await spill(output)) break;
        // No room on disk either: now the process waits for its reader, as with Docker. The reader
        // may have caught up while that was found out.
        if (!is_behind()) continue;
        Result<bool> waited =
            co_await loop::within(workers_.loop(), stall_max, wait_for_room(room_));
        if (waited) continue;
        if (waited.error().kind() == Kind::timeout) cut();
        break;
    }
    arrived_.wake_all();
}

Task<Status> Viewer::spill(Output output) {
    writing_ = true;
    Status done;
    if (!file_) {
        auto opened = co_await shield(workers_.run(loop::Lane::quick, open_unnamed, folder_));
        if (opened)
            file_ = std::move(*opened);
        else
            done = opened.error();
    }
    std::string record;
    codec::append_frame(record, output.stream, output.bytes.view());
    std::uint64_t size = record.size();
    if (done)
        done = co_await shield(
            workers_.run(loop::Lane::quick, write_at, file_.get(), std::move(record), written_));
    // What a failed write left behind its end is written over.
    if (done) written_ += size;
    writing_ = false;
    co_return done;
}

void Viewer::cut() {
    cut_ = true;
    leave();
    read_at_ = written_;
}

void Viewer::leave() {
    left_ = true;
    queue_.clear();
    queued_bytes_ = 0;
    room_.wake_all();
}

void Viewer::end() {
    ended_ = true;
    arrived_.wake_all();
}

}  // namespace engine
