// The HTTP client: registries (TLS, proxies, redirects, a pool of kept connections) and the
// engine's own socket (streams, hijack).
#pragma once

#include "http/body.h"
#include "http/proxy.h"
#include "http/tls.h"
#include "loop/net.h"
#include "loop/timer.h"

#include <functional>
#include <map>
#include <memory>

namespace http {

class Client;
struct ClientConnection;

// How the host of a URL is verified, and what it is shown.
using TlsRules = std::function<TlsOptions(const Url&)>;

struct ClientOptions {
    std::string unix_path;  // not empty: every request goes to this socket, whatever its URL says
    ProxyConfig proxy;
    std::string user_agent = "lighter/" LIGHTER_VERSION;
    loop::Milliseconds connect_timeout = std::chrono::seconds(30);
    loop::Milliseconds tls_timeout = std::chrono::seconds(10);
    // 0: wait for ever (the engine's own API answers when it can).
    loop::Milliseconds head_timeout = std::chrono::seconds(60);
    loop::Milliseconds stall_timeout = std::chrono::seconds(60);  // per read of a body; 0: none
    loop::Milliseconds idle_timeout = std::chrono::seconds(60);
    int redirects_max = 10;
};

struct ClientRequest {
    std::string method = "GET";
    Url url;
    Headers headers;  // Host, User-Agent, Content-Length and Transfer-Encoding are ours
    Slice body;
    // For bodies that do not fit in memory: called until it gives an empty slice. Sent chunked, or
    // with `source_length`. Not repeated: a redirect or a dead kept connection is an error then.
    std::function<Task<Result<Slice>>()> source;
    std::optional<std::uint64_t> source_length;
    // For the request, the hosts it is redirected to, and a proxy spoken to by TLS. Null: by the
    // system's authorities. A kept connection is only used again under the same rules.
    TlsRules tls_for;
    bool follow_redirects = true;
    bool upgrade = false;  // Connection: Upgrade, Upgrade: tcp; then see Response::take_stream
};

// An answer whose body is still to be pulled. Dropping it before its end drops the connection;
// after its end the connection is kept for the next request. The client outlives it.
class Response {
public:
    Response(Response&&) noexcept;
    Response& operator=(Response&&) noexcept;
    ~Response();

    int status() const { return head_.status; }
    const Headers& headers() const { return head_.headers; }
    // Where the answer came from, after redirects.
    const Url& url() const { return url_; }
    // From Content-Length; nullopt when unknown.
    std::optional<std::uint64_t> length() const;

    // The next piece of the body, a cut of what the socket delivered; empty at the end. A body
    // shorter than announced is an error (unavailable, "unexpected EOF"); a stall is Kind::timeout.
    Task<Result<Slice>> read();
    Task<Result<Slice>> read_all(std::size_t bytes_max);
    // The next line without its "\n" (or "\r\n"); nullopt at the end. For streamed JSON.
    Task<Result<std::optional<std::string>>> read_line(std::size_t bytes_max);

    // After 101, or 200 of a hijacked request: the bare connection, early bytes first.
    std::unique_ptr<Stream> take_stream();

private:
    friend class Client;
    Response(Client& client, std::unique_ptr<ClientConnection> connection, Url url);
    void let_go();

    Client* client_;
    std::unique_ptr<ClientConnection> connection_;
    codec::http1::Head head_;
    Url url_;
    Slice line_rest_;
};

class Client {
public:
    Client(Loop& loop, ClientOptions options);
    // Every Response has been dropped, every send() has ended.
    ~Client();

    // Sends and waits for the head of the final answer (100s are skipped, redirects followed as
    // asked). Errors are about the way there (unavailable, timeout, TLS); any status is a Response.
    Task<Result<Response>> send(ClientRequest request);
    // Convenience.
    Task<Result<Response>> get(Url url, Headers headers = {});

    // Drops connections that nobody uses.
    void close_idle();
    std::size_t idle_connections() const;

private:
    friend class Response;
    using ConnectionResult = Result<std::unique_ptr<ClientConnection>>;
    Task<Result<Response>> send_once(ClientRequest& request);
    Task<Status> exchange_heads(ClientConnection& connection, ClientRequest& request);
    Task<Status> write_request(ClientConnection& connection, ClientRequest& request);
    Task<Status> read_final_head(ClientConnection& connection, ClientRequest& request);
    Task<ConnectionResult> connect(Url url, std::optional<Url> proxy, TlsRules rules);
    Task<Result<std::unique_ptr<Stream>>> secure(std::unique_ptr<Stream> stream, Url url,
                                                 TlsOptions options);
    Task<Result<std::unique_ptr<Stream>>> dial(Url place);
    Task<Result<std::unique_ptr<Stream>>> tunnel(std::unique_ptr<Stream> stream, Url url,
                                                 Url proxy);
    Result<std::shared_ptr<const TlsClient>> tls_client(const TlsOptions& options);
    std::unique_ptr<ClientConnection> take_kept(const std::string& key);
    void keep(std::unique_ptr<ClientConnection> connection);

    Loop& loop_;
    ClientOptions options_;
    // By TlsOptions::key(); shared with the handshakes under way.
    std::map<std::string, std::shared_ptr<const TlsClient>> tls_;
    std::multimap<std::string, std::unique_ptr<ClientConnection>> kept_;
};

// Connects to the first address that answers: families alternate, the next one is tried when 250 ms
// have passed without an answer, so that a dead IPv6 costs a quarter of a second.
Task<Result<std::unique_ptr<Stream>>> connect_any(Loop& loop,
                                                  std::vector<loop::SocketAddress> addresses);

}  // namespace http
