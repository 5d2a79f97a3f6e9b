#include "http/body.h"

#include <cstring>
#include <fmt/core.h>

namespace http {

using codec::http1::Parser;

Result<Parser::Step> MessageReader::feed() {
    auto step = parser_.feed(input_.view());
    if (!step) malformed_ = true;
    return step;
}

// False at the end of the stream.
Task<Result<bool>> MessageReader::more_input() {
    CO_TRY(input_, co_await stream_.read());
    co_return !input_.empty();
}

Task<Result<bool>> MessageReader::read_head() {
    for (;;) {
        CO_TRY(Parser::Step step, feed());
        input_ = input_.cut(step.used);
        if (step.event == Parser::Event::head) co_return true;
        CO_TRY(bool more, co_await more_input());
        if (more) continue;
        CO_TRY_DO(parser_.finish());
        co_return false;
    }
}

Task<Result<Slice>> MessageReader::read_body() {
    while (!at_end_) {
        CO_TRY(Parser::Step step, feed());
        if (step.event == Parser::Event::body) {
            auto offset = static_cast<std::size_t>(step.body.data() - input_.data());
            Slice piece = input_.cut(offset, step.body.size());
            input_ = input_.cut(step.used);
            co_return piece;
        }
        input_ = input_.cut(step.used);
        if (step.event == Parser::Event::end) {
            at_end_ = true;
            break;
        }
        CO_TRY(bool more, co_await more_input());
        if (more) continue;
        Status end = parser_.finish();
        if (!end) co_return Error(Kind::unavailable, end.error().message());
    }
    // An empty rest must not pin the slab it was cut from.
    if (input_.empty()) input_ = Slice();
    co_return Slice();
}

void MessageReader::next() {
    parser_.next();
    at_end_ = false;
}

Task<Result<Slice>> Body::read() {
    if (continue_pending_) {
        continue_pending_ = false;
        CO_TRY_DO(co_await replies_.write(Slice::literal("HTTP/1.1 100 Continue\r\n\r\n")));
    }
    co_return co_await reader_.read_body();
}

Task<Result<Slice>> Body::read_all(std::size_t bytes_max) {
    // A body that says it is too big is not even asked for.
    if (length().value_or(0) > bytes_max)
        co_return Error(Kind::too_large, "http: request body too large");
    Gather gather(bytes_max);
    for (;;) {
        CO_TRY(Slice piece, co_await read());
        if (piece.empty()) co_return gather.take();
        CO_TRY_DO(gather.add(std::move(piece)));
    }
}

std::optional<std::uint64_t> Body::length() const {
    const codec::http1::Head& head = reader_.parser().head();
    if (head.framing == codec::http1::Framing::chunked) return std::nullopt;
    return head.length;
}

bool Body::empty() const {
    return reader_.parser().head().framing == codec::http1::Framing::none;
}

Status Gather::add(Slice piece) {
    if (piece.size() > bytes_max_ - size_)
        return Error(Kind::too_large, fmt::format("more than {} bytes", bytes_max_));
    size_ += piece.size();
    pieces_.push_back(std::move(piece));
    return {};
}

Slice Gather::take() {
    if (pieces_.empty()) return Slice();
    if (pieces_.size() == 1) return std::move(pieces_.front());
    Slab* slab = Slab::make(size_);
    std::size_t at = 0;
    for (const Slice& piece : pieces_) {
        std::memcpy(slab->data() + at, piece.data(), piece.size());
        at += piece.size();
    }
    pieces_.clear();
    return Slice(slab, 0, at);
}

namespace {

// Forwards to a stream that it owns or only borrows.
class LeftoverStream final : public Stream {
public:
    LeftoverStream(std::unique_ptr<Stream> stream, Slice first)
        : stream_(std::move(stream)), first_(std::move(first)) {}

    Task<Result<Slice>> read() override {
        if (!first_.empty()) co_return std::exchange(first_, Slice());
        co_return co_await stream_->read();
    }
    Task<Status> write(Slice bytes) override { return stream_->write(std::move(bytes)); }
    Task<Status> write_all(std::vector<Slice> parts) override {
        return stream_->write_all(std::move(parts));
    }
    Task<Status> shutdown() override { return stream_->shutdown(); }
    Task<Status> hung_up() override { return stream_->hung_up(); }
    void close() override { stream_->close(); }
    int fd() const override { return stream_->fd(); }

private:
    std::unique_ptr<Stream> stream_;
    Slice first_;
};

}  // namespace

std::unique_ptr<Stream> with_leftover(std::unique_ptr<Stream> stream, Slice first) {
    if (first.empty()) return stream;
    return std::make_unique<LeftoverStream>(std::move(stream), std::move(first));
}

}  // namespace http
