#include "cli/body_stream.h"

#include "loop/net.h"

#include <cerrno>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cli {

namespace {

// A regular file is always ready: as a stream it is read by blocking calls, a slab at a time.
class FileStream final : public BlockingStream {
public:
    explicit FileStream(Fd file) : file_(std::move(file)) {}
    Task<Result<Slice>> read() override {
        Slab* slab = Slab::make();
        ssize_t got = ::read(file_.get(), slab->data(), slab->capacity());
        int failed = errno;
        Slice slice(slab, 0, got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got < 0) co_return base::errno_error(failed, "read");
        co_return slice;
    }

private:
    Fd file_;
};

}  // namespace

Task<void> send_file(Exchange& exchange, std::unique_ptr<Stream> source, Status& outcome) {
    // Pieces come and go at the heap's end: given back to the kernel and faulted in again each time,
    // they took two thirds of an upload's time.
    constexpr int kept_bytes = 4 * 1024 * 1024;
    (void)::mallopt(M_TRIM_THRESHOLD, kept_bytes);
    for (;;) {
        auto piece = co_await source->read();
        if (!piece) {
            outcome = piece.error();
            co_return;
        }
        Status sent = co_await exchange.send_chunk(std::string(piece->view()));
        // The engine may have had enough: its answer says why.
        if (!sent || piece->empty()) co_return;
    }
}

Result<std::unique_ptr<Stream>> open_input(Loop& loop, const std::string& path) {
    Fd file;
    if (path.empty()) {
        TRY(file, loop::reopen_stdio(0, false));
    } else {
        file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) return base::errno_error(errno, "open " + path);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat " + path);
    if (S_ISDIR(info.st_mode)) return base::errno_error(EISDIR, "read " + path);
    if (S_ISREG(info.st_mode)) {
        std::unique_ptr<Stream> stream = std::make_unique<FileStream>(std::move(file));
        return stream;
    }
    return loop::stream_of(loop, std::move(file));
}

}  // namespace cli
