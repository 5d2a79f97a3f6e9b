#include "http/message.h"

#include <ctime>

namespace http {

namespace {

bool has_no_body(int status) {
    return status / 100 == 1 || status == 204 || status == 304;
}

// Borrows the server's stream for the time of a hijack.
class HijackedStream final : public Stream {
public:
    HijackedStream(Stream& stream, Slice first) : stream_(stream), first_(std::move(first)) {}

    Task<Result<Slice>> read() override {
        if (!first_.empty()) co_return std::exchange(first_, Slice());
        co_return co_await stream_.read();
    }
    Task<Status> write(Slice bytes) override { return stream_.write(std::move(bytes)); }
    Task<Status> write_all(std::vector<Slice> parts) override {
        return stream_.write_all(std::move(parts));
    }
    Task<Status> shutdown() override { return stream_.shutdown(); }
    Task<Status> hung_up() override { return stream_.hung_up(); }
    void close() override { stream_.close(); }
    int fd() const override { return stream_.fd(); }

private:
    Stream& stream_;
    Slice first_;
};

}  // namespace

Reply::Reply(int status, std::string content_type, std::string body)
    : Reply(status, std::move(content_type), Slice::copy_of(body)) {}

Reply::Reply(int status, std::string content_type, Slice body)
    : status_(status), body_(std::move(body)) {
    headers_.set("Content-Type", std::move(content_type));
}

Slice ReplyStream::head() {
    if (!bodiless_) {
        if (chunked_)
            headers_.set("Transfer-Encoding", "chunked");
        else
            headers_.set("Connection", "close");
    }
    started_ = true;
    return Slice::copy_of(codec::http1::write_response_head(status_, headers_));
}

Task<Status> ReplyStream::flush() {
    if (started_) co_return Status();
    co_return co_await stream_.write(head());
}

Task<Status> ReplyStream::write(Slice bytes) {
    if (bytes.empty()) co_return Status();
    std::vector<Slice> parts;
    if (!started_) parts.push_back(head());
    if (!bodiless_) {
        if (chunked_) parts.push_back(Slice::copy_of(codec::http1::chunk_head(bytes.size())));
        parts.push_back(std::move(bytes));
        if (chunked_) parts.push_back(Slice::literal(codec::http1::chunk_tail));
    }
    co_return co_await stream_.write_all(std::move(parts));
}

Task<Status> ReplyStream::finish() {
    std::vector<Slice> parts;
    if (!started_) parts.push_back(head());
    if (chunked_ && !bodiless_) parts.push_back(Slice::literal(codec::http1::last_chunk));
    co_return co_await stream_.write_all(std::move(parts));
}

Request::Request(codec::http1::Head head, const Peer& peer, MessageReader& reader, Stream& stream)
    : head_(std::move(head)), peer_(peer), reader_(reader), raw_(stream), body_(reader, stream),
      reply_(stream) {
    std::string_view target = head_.target;
    if (auto scheme = target.find("://"); scheme != target.npos && !target.starts_with('/')) {
        auto slash = target.find('/', scheme + 3);
        target = slash == target.npos ? "/" : target.substr(slash);
    }
    auto question = target.find('?');
    // A path with a broken escape matches no route as it stands.
    path_ = codec::percent_decode(target.substr(0, question))
                .value_or(std::string(target.substr(0, question)));
    if (question != target.npos) query_ = Query::parse(target.substr(question + 1));
    reply_.bodiless_ = head_.method == "HEAD";
    reply_.chunked_ = head_.minor == 1;
}

ReplyStream& Request::stream(int status, std::string content_type, Headers headers) {
    assert(!reply_.opened_ && !hijacked_);
    reply_.opened_ = true;
    reply_.status_ = status;
    reply_.headers_ = std::move(headers);
    reply_.headers_.set("Content-Type", std::move(content_type));
    if (has_no_body(status)) reply_.bodiless_ = true;
    return reply_;
}

Task<Result<Stream*>> Request::hijack(std::string content_type, Headers headers) {
    assert(!reply_.opened_ && !hijacked_);
    // Bytes of an unread body must not be taken for the other protocol's.
    while (!reader_.at_end()) {
        CO_TRY(Slice ignored, co_await body_.read());
        if (ignored.empty()) break;
    }
    headers.set("Content-Type", std::move(content_type));
    if (head_.upgrade) {
        headers.set("Connection", "Upgrade");
        headers.set("Upgrade", std::string(head_.headers.get("Upgrade")));
    }
    hijacked_ = std::make_unique<HijackedStream>(raw_, reader_.take_leftover());
    std::string bytes = codec::http1::write_response_head(head_.upgrade ? 101 : 200, headers);
    CO_TRY_DO(co_await raw_.write(Slice::copy_of(bytes)));
    co_return hijacked_.get();
}

}  // namespace http
