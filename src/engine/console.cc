#include "engine/console.h"

#include "base/log.h"
#include "loop/timer.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>

namespace engine {

namespace {

// With the backlog full too, a client that takes nothing for this long is cut off: the log goes on.
constexpr loop::Milliseconds stall_max = std::chrono::seconds(10);

Task<Result<bool>> something_taken(std::shared_ptr<Backlog> backlog) {
    CO_TRY_DO(co_await backlog->taken().wait());
    co_return true;
}

// A process of another pid namespace may hold the pipes open after the container has ended.
constexpr loop::Milliseconds drain_max = std::chrono::seconds(2);

codec::LogStream log_stream(codec::Stdio stream) {
    return stream == codec::Stdio::err ? codec::LogStream::err : codec::LogStream::out;
}

}  // namespace

Console::Console(Loop& loop, Workers& workers, std::string folder, std::uint64_t backlog_bytes)
    : loop_(loop), workers_(workers), folder_(std::move(folder)), backlog_bytes_(backlog_bytes),
      backlog_(std::make_shared<Backlog>(workers, folder_, backlog_bytes)), appending_(loop),
      writing_(loop), opened_(loop), log_grew_(loop) {}

Console::~Console() {
    assert(!open_);
    for (const auto& viewer : viewers_)
        viewer->end();
}

std::shared_ptr<Viewer> Console::view(bool out, bool err) {
    auto viewer = std::make_shared<Viewer>(loop_, backlog_, out, err);
    viewers_.push_back(viewer);
    return viewer;
}

Task<std::shared_ptr<Viewer>> Console::view_after_log(bool out, bool err, Time& until) {
    auto lock = co_await appending_.lock();
    until = base::now();
    co_return view(out, err);
}

void Console::open(run::Console ends, bool terminal, std::optional<Log> log) {
    assert(!open_);
    open_ = true;
    log_ = std::move(log);
    log_failed_ = false;
    pumps_ = std::make_unique<Scope>(loop_);
    if (terminal && ends.pty) {
        pty_ = loop::stream_of(loop_, std::move(ends.pty));
        pumps_->spawn(pump(*pty_, codec::Stdio::out));
    }
    if (ends.stdin_) stdin_ = loop::stream_of(loop_, std::move(ends.stdin_));
    if (ends.stdout_) {
        stdout_ = loop::stream_of(loop_, std::move(ends.stdout_));
        pumps_->spawn(pump(*stdout_, codec::Stdio::out));
    }
    if (ends.stderr_) {
        stderr_ = loop::stream_of(loop_, std::move(ends.stderr_));
        pumps_->spawn(pump(*stderr_, codec::Stdio::err));
    }
    opened_.wake_all();
}

run::Console Console::lend() const {
    auto copy = [](const std::unique_ptr<Stream>& stream) {
        return Fd(stream ? ::fcntl(stream->fd(), F_DUPFD_CLOEXEC, 3) : -1);
    };
    return {copy(pty_), copy(stdin_), copy(stdout_), copy(stderr_)};
}

Task<Status> Console::opened() {
    while (!open_)
        CO_TRY_DO(co_await opened_.wait());
    co_return Status();
}

Task<void> Console::pump(Stream& stream, codec::Stdio name) {
    bool safely = log_ && log_->intake && stream.fd() >= 0;
    for (;;) {
        // Two statements: a conditional of two awaits is no friend of compilers.
        bool more = false;
        if (safely)
            more = co_await pump_safely(stream, name);
        else
            more = co_await pump_once(stream, name);
        if (!more) co_return;
    }
}

Task<bool> Console::pump_once(Stream& stream, codec::Stdio name) {
    Result<Slice> bytes = co_await stream.read();
    if (!bytes || bytes->empty()) co_return false;
    ++busy_;
    ++reads_;
    co_await put_out(name, std::move(*bytes));
    --busy_;
    co_return true;
}

// From the pipe straight to where the next daemon would find it.
Task<bool> Console::pump_safely(Stream& stream, codec::Stdio name) {
    store::LogIntake& intake = *log_->intake;
    codec::LogStream own = log_stream(name);
    int waiting = 0;
    bool more = false;
    (void)::ioctl(stream.fd(), FIONREAD, &waiting);  // closed: readable() says so
    if (waiting <= 0) {
        Status ready = co_await stream.readable();
        if (!ready || stream.fd() < 0) co_return false;
        (void)::ioctl(stream.fd(), FIONREAD, &waiting);
    }
    std::size_t wanted = intake.reserve(own, static_cast<std::size_t>(std::max(waiting, 1)));
    if (wanted == 0) {
        more = co_await pump_once(stream, name);
        co_return more;
    }
    intake.expect(own, wanted);
    ssize_t got = ::read(stream.fd(), intake.room(own), wanted);
    if (got <= 0) {
        intake.clear(own);
        // EIO: the last slave of a terminal was closed.
        co_return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    intake.take(own, static_cast<std::size_t>(got), base::now());
    ++busy_;
    ++reads_;
    co_await put_out_taken(name);
    --busy_;
    co_return true;
}

void Console::logged(const Status& done) {
    if (!done && !std::exchange(log_failed_, true))
        base::log::error("container output is not logged: {}", done.error().message());
    ++log_version_;
    log_grew_.wake_all();
}

// Log first, viewers after it: what a client saw is in the log.
Task<void> Console::put_out(codec::Stdio name, Slice bytes) {
    auto lock = co_await appending_.lock();
    if (log_) {
        Time time = base::now();
        // The slice stays alive here; the worker only reads its bytes.
        Status done = co_await shield(workers_.run(
            loop::Lane::quick,
            [](Log* log, codec::LogStream stream, std::string_view text, Time at) {
                Status appended = log->writer.append(stream, text, at);
                if (log->intake) log->intake->commit(stream, log->writer.unfinished(stream));
                return appended;
            },
            &*log_, log_stream(name), bytes.view(), time));
        logged(done);
    }
    co_await show(name, std::move(bytes));
}

Task<void> Console::put_out_taken(codec::Stdio name) {
    auto lock = co_await appending_.lock();
    Status done = co_await shield(workers_.run(
        loop::Lane::quick,
        [](Log* log, codec::LogStream stream) {
            return store::log_taken(log->writer, *log->intake, stream);
        },
        &*log_, log_stream(name)));
    logged(done);
    bool watched = std::ranges::any_of(viewers_, [&](const auto& viewer) {
        return !viewer->has_left() && viewer->wants(name);
    });
    // The place is read into again; a viewer's bytes are its own.
    if (watched)
        co_await show(name, Slice::copy_of(log_->intake->taken(log_stream(name))));
    else
        co_await show(name, Slice());
}

// To every viewer that wants it. `appending_` is held.
Task<void> Console::show(codec::Stdio name, Slice bytes) {
    std::erase_if(viewers_, [](const auto& viewer) { return viewer->has_left(); });
    std::vector<std::shared_ptr<Viewer>> behind;
    for (const auto& viewer : viewers_) {
        if (bytes.empty() || !viewer->wants(name)) continue;
        if (viewer->is_behind())
            behind.push_back(viewer);
        else
            viewer->push({name, bytes});
    }
    if (!behind.empty())
        co_await put_back(name, std::move(bytes), std::move(behind));
    else if (std::ranges::none_of(viewers_, &Viewer::is_behind))
        co_await backlog_->drop_file();
}

// Into the backlog. Waits for a client only when the file or the disk is full, and while it takes
// something.
Task<void> Console::put_back(codec::Stdio name, Slice bytes,
                             std::vector<std::shared_ptr<Viewer>> behind) {
    std::uint64_t position = 0;
    for (bool is_in = false; !is_in;) {
        // Meanwhile some have gone, and some have caught up.
        std::erase_if(behind, [&](const std::shared_ptr<Viewer>& viewer) {
            if (viewer->has_left()) return true;
            if (viewer->is_behind()) return false;
            viewer->push({name, bytes});
            return true;
        });
        if (behind.empty()) co_return;
        auto waited_for = behind;
        std::erase_if(waited_for,
                      [&](const auto& viewer) { return viewer->has_room(bytes.size()); });
        if (waited_for.empty()) {
            position = backlog_->written();
            is_in = bool(co_await backlog_->append(name, bytes));
            if (!is_in) waited_for = behind;  // no room on the disk either
        }
        loop::Milliseconds patience = stall_max;
        for (const auto& viewer : waited_for) {
            if (viewer->stalled() >= stall_max)
                viewer->cut();
            else
                patience = std::min(patience, stall_max - viewer->stalled());
        }
        bool all_cut = std::ranges::all_of(waited_for, &Viewer::has_left);
        if (!is_in && !all_cut)
            (void)co_await loop::within(loop_, patience, something_taken(backlog_));
    }
    for (const auto& viewer : behind)
        viewer->fall_behind(position);
}

Task<void> Console::watch_limit(loop::Milliseconds limit) {
    // What is in the pipes already is read whatever that takes; only silence counts.
    std::uint64_t seen = 0;
    do {
        seen = reads_;
        Status over = co_await loop::sleep(loop_, limit);
        if (!over) co_return;
    } while (busy_ > 0 || seen != reads_);
    for (auto* stream : {&pty_, &stdout_, &stderr_})
        if (*stream) (*stream)->close();
}

Task<void> Console::end_log() {
    if (!log_) co_return;
    Time time = base::now();
    Status ended = co_await workers_.run(
        loop::Lane::quick,
        [](Log* log, Time at) {
            auto end = [&](codec::LogStream stream) {
                if (log->intake) return store::log_end(log->writer, *log->intake, stream, at);
                return log->writer.end(stream, at);
            };
            Status out = end(codec::LogStream::out);
            Status err = end(codec::LogStream::err);
            return out ? err : out;
        },
        &*log_, time);
    if (!ended) base::log::error("end of a container's log: {}", ended.error().message());
}

Task<void> Console::drain() {
    if (!open_) co_return;
    {
        Scope limit(loop_);
        limit.spawn(watch_limit(drain_max));
        co_await pumps_->join();
        co_await limit.close();
    }
    co_await close_run();
}

Task<void> Console::abandon() {
    if (!open_) co_return;
    for (auto* stream : {&pty_, &stdout_, &stderr_})
        if (*stream) (*stream)->close();
    for (const auto& viewer : viewers_)
        viewer->leave();
    co_await pumps_->join();
    co_await close_run();
}

Task<void> Console::close_run() {
    co_await shield(end_log());
    open_ = false;
    ++log_version_;
    log_grew_.wake_all();
    for (const auto& viewer : viewers_)
        viewer->end();
    viewers_.clear();
    backlog_ = std::make_shared<Backlog>(workers_, folder_, backlog_bytes_);
    {
        // A client may be writing: its write ends with the close, and only then the stream goes.
        for (auto* stream : {&pty_, &stdin_})
            if (*stream) (*stream)->close();
        auto lock = co_await shield(writing_.lock());
        pty_.reset();
        stdin_.reset();
    }
    stdout_.reset();
    stderr_.reset();
    log_.reset();
    pumps_.reset();
}

Task<Status> Console::write(Slice bytes) {
    CO_TRY_DO(co_await opened());
    CO_TRY(auto lock, co_await writing_.lock());
    Stream* stream = pty_ ? pty_.get() : stdin_.get();
    if (stream == nullptr) co_return Status();
    co_return co_await stream->write(std::move(bytes));
}

bool Console::close_stdin() {
    if (!stdin_) return false;
    stdin_->close();
    return true;
}

Status Console::resize(unsigned height, unsigned width) {
    if (!pty_) return Error(Kind::invalid, "container has no terminal");
    winsize size{};
    size.ws_row = static_cast<unsigned short>(height);
    size.ws_col = static_cast<unsigned short>(width);
    if (::ioctl(pty_->fd(), TIOCSWINSZ, &size) != 0) return base::errno_error(errno, "resize");
    return {};
}

Task<Status> Console::log_grows(std::uint64_t seen) {
    while (open_ && log_version_ == seen)
        CO_TRY_DO(co_await log_grew_.wait());
    co_return Status();
}

}  // namespace engine
