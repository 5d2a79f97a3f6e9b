#include "http/exchange.h"

#include "base/log.h"

#include <ctime>
#include <poll.h>

namespace http {

namespace {

// An unread body is waited for so long; a slower client loses its connection, not its answer.
constexpr loop::Milliseconds drain_time = std::chrono::seconds(5);
constexpr loop::Milliseconds gone_check_interval = std::chrono::seconds(1);

std::string http_date() {
    std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return std::string(text, size);
}

}  // namespace

// Both directions are closed: on a unix socket the kernel tells that from a half-close.
bool Exchange::is_gone() const {
    int fd = stream_.fd();
    if (fd < 0) return true;
    pollfd state{.fd = fd, .events = 0, .revents = 0};
    return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

// Ends the handler when nobody is left to read its answer. A client that has only half-closed is
// still reading: on a unix socket that is certain; on TCP it looks like one that has gone, so
// it gets a moment; when hijacked, half-closing is part of the protocol.
Task<void> Exchange::watch(Request& request, loop::Stop& stop) {
    Status hung = co_await stream_.hung_up();
    if (!hung) co_return;
    if (peer_.kind != Peer::Kind::unix_socket && !request.hijacked() && stream_.fd() >= 0) {
        Status slept = co_await loop::sleep(loop_, options_.half_close_grace);
        if (slept && !request.hijacked()) {
            stop.request();
            co_return;
        }
    }
    // There is no event for "and now the other half too" once the first half was reported.
    while (!is_gone()) {
        Status slept = co_await loop::sleep(loop_, gone_check_interval);
        if (!slept) co_return;
    }
    // In-memory streams cannot tell; their half-close is believed when hijacked.
    if (stream_.fd() < 0 && request.hijacked()) co_return;
    stop.request();
}

Task<bool> Exchange::run(const Handler& handler) {
    Request request(reader_.parser().head(), peer_, reader_, stream_);
    request.body_.continue_pending_ = request.head_.expect_continue && !request.body_.empty();

    loop::Stop* around = co_await loop::this_stop();
    loop::Stop stop(around);
    Scope watching(loop_, around);
    watching.spawn(watch(request, stop));
    Result<Reply> result = co_await handler(request).under(&stop);
    co_await watching.close();

    if (request.hijacked()) co_return false;
    if (request.reply_.opened_ && request.reply_.started_)
        co_return co_await finish_stream(request, result);
    if (!result && stop.requested()) co_return false;  // nobody is left to tell
    if (!result && result.error().kind() == Kind::internal)
        base::log::error("request failed method={} path={} error={}", request.method(),
                         request.path(), result.error().message());
    if (result && result->was_sent()) co_return co_await finish_stream(request, result);

    Reply reply = result ? std::move(*result) : options_.error_reply(result.error(), &request);
    // A client that still waits for "100 Continue" may or may not send its body now.
    bool keep =
        request.head_.keep_alive && !request.body_.continue_pending_ && !reader_.malformed();
    Status sent = co_await send(stream_, std::move(reply), request.method() == "HEAD", keep,
                                request.head_.minor);
    if (!sent || !keep) co_return false;
    co_return co_await drain(request);
}

Task<bool> Exchange::finish_stream(Request& request, const Result<Reply>& result) {
    assert(request.reply_.opened_);
    // A stream that failed half way must not look complete: no last chunk.
    if (!result) {
        base::log::debug("stream ended early path={} error={}", request.path(),
                         result.error().message());
        co_return false;
    }
    Status finished = co_await request.reply_.finish();
    if (!finished || !request.reply_.chunked_ || !request.head_.keep_alive) co_return false;
    co_return co_await drain(request);
}

// What the handler left of the body. False: too much, or it does not come.
Task<bool> Exchange::drain(Request& request) {
    if (reader_.malformed() || request.body_.continue_pending_) co_return false;
    std::size_t drained = 0;
    while (drained <= options_.drain_bytes_max) {
        Result<Slice> piece = co_await loop::within(loop_, drain_time, reader_.read_body());
        if (!piece) co_return false;
        if (piece->empty()) co_return true;
        drained += piece->size();
    }
    co_return false;
}

Task<Status> Exchange::send(Stream& stream, Reply reply, bool head_only, bool keep_alive,
                            int minor) {
    int status = reply.status();
    bool bodiless = status / 100 == 1 || status == 204 || status == 304;
    Headers headers = reply.headers();
    if (!headers.has("Date")) headers.add("Date", http_date());
    if (!bodiless && !(head_only && headers.has("Content-Length")))
        headers.set("Content-Length", std::to_string(reply.body().size()));
    if (!keep_alive)
        headers.set("Connection", "close");
    else if (minor == 0)
        headers.set("Connection", "keep-alive");
    std::vector<Slice> parts;
    parts.push_back(Slice::copy_of(codec::http1::write_response_head(status, headers)));
    if (!bodiless && !head_only && !reply.body().empty()) parts.push_back(reply.body());
    co_return co_await stream.write_all(std::move(parts));
}

}  // namespace http
