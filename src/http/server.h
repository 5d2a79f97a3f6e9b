// The HTTP server: listeners, one task per connection, requests of a connection answered in order.
#pragma once

#include "base/limits.h"
#include "http/message.h"
#include "loop/net.h"
#include "loop/scope.h"
#include "loop/timer.h"

#include <functional>
#include <list>
#include <memory>

namespace http {

class TlsServer;

// Answers one request. It runs under a Stop that is requested when the client vanishes; what must
// be finished all the same is wrapped in shield(). An Error becomes a reply through `error_reply`.
using Handler = std::function<Task<Result<Reply>>(Request&)>;

struct ServerOptions {
    // How a failed request is answered. Request is null when not even a head could be read.
    std::function<Reply(const Error&, const Request*)> error_reply;  // default: {"message":...}
    std::size_t connections_max = limits::connections_max;
    loop::Milliseconds head_timeout = std::chrono::minutes(5);  // also between two requests
    loop::Milliseconds tls_timeout = std::chrono::seconds(30);
    // A TCP client that has closed its sending side may still read; this long it is believed to.
    loop::Milliseconds half_close_grace = std::chrono::seconds(1);
    std::size_t drain_bytes_max = 256 * 1024;  // of a body the handler did not read
};

class Server {
public:
    Server(Loop& loop, Handler handler, ServerOptions options = {});
    // close() was awaited.
    ~Server();

    // Serves what this listener accepts, with TLS if given (it outlives the server).
    void listen(std::unique_ptr<loop::Listener> listener, Peer::Kind kind,
                const TlsServer* tls = nullptr);
    // Serves one connection that is there already (tests, socket activation per connection).
    void serve(std::unique_ptr<Stream> stream, Peer::Kind kind, const TlsServer* tls = nullptr);
    // No new connections; the ones there go on.
    void stop_listening();
    // Stops everything and waits for it.
    Task<void> close();

    std::size_t connections() const { return connections_; }

private:
    Task<void> accept_all(loop::Listener& listener, Peer::Kind kind, const TlsServer* tls);
    Task<void> run(std::unique_ptr<Stream> stream, Peer peer, const TlsServer* tls);
    Task<void> answer_all(Stream& stream, const Peer& peer);
    Task<void> refuse(Stream& stream, int status, Error error);
    bool make_room();

    Loop& loop_;
    Handler handler_;
    ServerOptions options_;
    Scope scope_;
    std::vector<std::unique_ptr<loop::Listener>> listeners_;
    std::list<loop::Stop*> waiting_;  // connections between requests, longest waiting first
    std::size_t connections_ = 0;
};

}  // namespace http
