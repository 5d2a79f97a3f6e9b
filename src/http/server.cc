#include "http/server.h"

#include "base/log.h"
#include "http/exchange.h"
#include "http/tls.h"

namespace http {

namespace {

// After a last answer the client may still be sending. Closing at once would reset the connection
// and take the answer with it, so what comes is thrown away for a moment.
constexpr loop::Milliseconds linger_time = std::chrono::milliseconds(500);
constexpr std::size_t linger_bytes_max = 1024 * 1024;

Reply plain_error_reply(const Error& error, const Request* request) {
    (void)request;
    std::string text = "{\"message\":\"";
    for (char c : error.message()) {
        if (c == '"' || c == '\\') text += '\\';
        text += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    int status = 500;
    switch (error.kind()) {
    case Kind::invalid:
        status = 400;
        break;
    case Kind::unauthorized:
        status = 401;
        break;
    case Kind::denied:
        status = 403;
        break;
    case Kind::missing:
        status = 404;
        break;
    case Kind::conflict:
        status = 409;
        break;
    case Kind::too_large:
        status = 413;
        break;
    case Kind::unsupported:
        status = 501;
        break;
    case Kind::unavailable:
        status = 503;
        break;
    default:
        break;
    }
    return Reply(status, "application/json", text + "\"}\n");
}

Task<Status> throw_away(Stream& stream) {
    for (std::size_t read = 0; read < linger_bytes_max;) {
        CO_TRY(Slice piece, co_await stream.read());
        if (piece.empty()) break;
        read += piece.size();
    }
    co_return Status();
}

}  // namespace

Server::Server(Loop& loop, Handler handler, ServerOptions options)
    : loop_(loop), handler_(std::move(handler)), options_(std::move(options)), scope_(loop) {
    if (!options_.error_reply) options_.error_reply = plain_error_reply;
}

Server::~Server() = default;

void Server::listen(std::unique_ptr<loop::Listener> listener, Peer::Kind kind,
                    const TlsServer* tls) {
    scope_.spawn(accept_all(*listener, kind, tls));
    listeners_.push_back(std::move(listener));
}

void Server::serve(std::unique_ptr<Stream> stream, Peer::Kind kind, const TlsServer* tls) {
    Peer peer{.kind = kind, .certificate_name = ""};
    scope_.spawn(run(std::move(stream), std::move(peer), tls));
}

void Server::stop_listening() {
    for (auto& listener : listeners_)
        listener->close();
}

Task<void> Server::close() {
    stop_listening();
    co_await scope_.close();
    listeners_.clear();
}

Task<void> Server::accept_all(loop::Listener& listener, Peer::Kind kind, const TlsServer* tls) {
    for (;;) {
        auto stream = co_await listener.accept();
        if (!stream) {
            if (stream.error().kind() != Kind::cancelled)
                base::log::error("no more connections accepted error={}", stream.error().message());
            co_return;
        }
        serve(std::move(*stream), kind, tls);
    }
}

// At the limit the connection that has waited longest without asking anything goes first: many
// slow clients push each other out, not the one that just came.
bool Server::make_room() {
    if (connections_ < options_.connections_max) return true;
    for (loop::Stop* waiting : waiting_) {
        if (waiting->requested()) continue;  // on its way out
        waiting->request();
        return true;
    }
    return false;
}

Task<void> Server::run(std::unique_ptr<Stream> stream, Peer peer, const TlsServer* tls) {
    if (!make_room()) {
        base::log::warn("connection refused: too many connections limit={}",
                        options_.connections_max);
        stream->close();
        co_return;
    }
    ++connections_;
    bool ready = true;
    if (tls != nullptr) {
        auto accepted = co_await loop::within(loop_, options_.tls_timeout,
                                              tls->accept(loop_, std::move(stream)));
        ready = static_cast<bool>(accepted);
        if (ready) {
            stream = std::move(accepted->stream);
            peer.kind = Peer::Kind::tls;
            peer.certificate_name = std::move(accepted->client_name);
        } else {
            base::log::debug("http: TLS handshake error: {}", accepted.error().message());
        }
    }
    if (ready) {
        co_await answer_all(*stream, peer);
    }
    --connections_;
}

Task<void> Server::answer_all(Stream& stream, const Peer& peer) {
    MessageReader reader(stream, codec::http1::Side::request);
    loop::Stop* around = co_await loop::this_stop();
    for (;; reader.next()) {
        loop::Stop pushed_out(around);
        auto place = waiting_.insert(waiting_.end(), &pushed_out);
        auto head = co_await loop::within(loop_, options_.head_timeout, reader.read_head())
                        .under(&pushed_out);
        waiting_.erase(place);
        if (!head && reader.malformed()) {
            co_await refuse(stream, reader.parser().failure_status(), head.error());
            co_return;
        }
        if (!head || !*head) co_return;
        Exchange exchange(loop_, options_, peer, reader, stream);
        if (!co_await exchange.run(handler_)) break;
    }
    Status ended = co_await stream.shutdown();
    if (ended) (void)co_await loop::within(loop_, linger_time, throw_away(stream));
}

// The peer does not speak HTTP as we do: say so once; its position is lost, so nothing that follows
// is looked at.
Task<void> Server::refuse(Stream& stream, int status, Error error) {
    Reply described = options_.error_reply(error, nullptr);
    Reply reply(status, std::string(described.headers().get("Content-Type")), described.body());
    Status sent = co_await Exchange::send(stream, std::move(reply), false, false, 1);
    if (!sent) co_return;
    Status ended = co_await stream.shutdown();
    if (ended) (void)co_await loop::within(loop_, linger_time, throw_away(stream));
}

}  // namespace http
