#include "engine/viewer.h"

#include "base/time.h"

namespace engine {

namespace {

constexpr std::size_t load_bytes = 256 * 1024;
// An entry of the queue and what the slice itself costs: of single bytes it is most of it.
constexpr std::size_t entry_cost = 128;

}  // namespace

Viewer::Viewer(Loop& loop, std::shared_ptr<Backlog> backlog, bool out, bool err)
    : backlog_(std::move(backlog)), taken_ns_(base::monotonic_ns()), arrived_(loop), out_(out),
      err_(err) {}

Task<Result<Viewer::Output>> Viewer::next() {
    while (queue_.empty()) {
        if (cut_) co_return Error(Kind::too_large, "client is too slow for the container's output");
        if (lags()) {
            CO_TRY_DO(co_await load());
            continue;
        }
        if (ended_) co_return Error(Kind::missing, "end of output");
        CO_TRY_DO(co_await arrived_.wait());
    }
    Output output = std::move(queue_.front());
    queue_.pop_front();
    queued_cost_ -= output.bytes.size() + entry_cost;
    taken_ns_ = base::monotonic_ns();
    backlog_->taken().wake_all();
    co_return output;
}

// What comes next in the backlog into the queue: frames, cut wherever a read ended.
Task<Status> Viewer::load() {
    std::shared_ptr<Backlog> backlog = backlog_;
    CO_TRY(std::string bytes, co_await backlog->read(read_at_, load_bytes));
    // Meanwhile written over, as nobody waits any more for one who was cut off.
    if (left_) co_return Status();
    read_at_ += bytes.size();
    std::string_view rest = bytes;
    codec::FrameDecoder::Piece piece;
    for (;;) {
        CO_TRY(bool more, decoder_.next(rest, piece));
        if (!more) break;
        if (wants(piece.stream)) queue({piece.stream, Slice::copy_of(piece.bytes)});
    }
    co_return Status();
}

void Viewer::queue(Output output) {
    queued_cost_ += output.bytes.size() + entry_cost;
    queue_.push_back(std::move(output));
}

void Viewer::push(Output output) {
    behind_ = false;  // what others need in the backlog from here on is none of its
    queue(std::move(output));
    arrived_.wake_all();
}

void Viewer::fall_behind(std::uint64_t position) {
    if (left_) return;
    if (!behind_ || read_at_ >= position) read_at_ = position;
    behind_ = true;
    arrived_.wake_all();
}

bool Viewer::has_room(std::size_t payload) const {
    return backlog_->has_room(lags() ? read_at_ : backlog_->written(), payload);
}

loop::Milliseconds Viewer::stalled() const {
    return std::chrono::duration_cast<loop::Milliseconds>(
        std::chrono::nanoseconds(base::monotonic_ns() - taken_ns_));
}

void Viewer::cut() {
    cut_ = true;
    leave();
    arrived_.wake_all();
}

void Viewer::leave() {
    left_ = true;
    behind_ = false;
    queue_.clear();
    queued_cost_ = 0;
    backlog_->taken().wake_all();
}

Task<void> Viewer::let_go() {
    assert(left_);
    if (backlog_.use_count() == 1) co_await backlog_->drop_file();
}

void Viewer::end() {
    ended_ = true;
    arrived_.wake_all();
}

}  // namespace engine
