#include "http/client.h"

#include "base/time.h"
#include "codec/base64.h"
#include "http/client_connection.h"

#include <cerrno>
#include <fmt/core.h>
#include <sys/socket.h>

namespace http {

namespace {

constexpr int informational_max = 16;  // 1xx answers before the final one
constexpr std::size_t kept_per_host_max = 8;
constexpr std::size_t tls_contexts_max = 16;
constexpr std::size_t redirect_body_bytes_max = 64 * 1024;

std::string basic_authorization(const Url& url) {
    if (url.user.empty() && url.password.empty()) return "";
    return "Basic " + codec::base64(url.user + ":" + url.password);
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A kept connection that the server has closed meanwhile shows its end of file. Data nobody asked
// for (a 408, say) must not be taken for the next answer; on TLS it may be session tickets, though.
bool is_alive(const ClientConnection& connection) {
    int fd = connection.stream->fd();
    if (fd < 0) return false;
    char byte;
    ssize_t got = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0) return connection.key.starts_with("https:");
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

TlsOptions options_for(const Url& url, const TlsRules& rules) {
    return rules ? rules(url) : TlsOptions();
}

std::string pool_key(const Url& url, const std::optional<Url>& proxy, const TlsRules& rules) {
    return fmt::format("{}://{} {} {}", url.scheme, url.authority(),
                       proxy ? proxy->authority() : "",
                       url.https() ? options_for(url, rules).key() : "");
}

// What the redirect's answer turns the request into.
Status redirect(ClientRequest& request, int status, std::string_view location) {
    auto next = codec::resolve_url(request.url, location);
    if (!next)
        return Error(Kind::unavailable,
                     "redirect with an invalid Location: " + next.error().message());
    if (request.url.https() && !next->https())
        return Error(Kind::unavailable, fmt::format("{} redirects from https to http, refused",
                                                    request.url.printable()));
    if (!next->same_origin(request.url)) {
        for (const char* secret :
             {"Authorization", "Cookie", "X-Registry-Auth", "X-Registry-Config"})
            request.headers.remove(secret);
    }
    bool to_get = status == 303 || ((status == 301 || status == 302) && request.method == "POST");
    if (to_get && request.method != "HEAD") {
        request.method = "GET";
        request.body = Slice();
        request.source = nullptr;
        request.headers.remove("Content-Type");
    } else if (request.source) {
        return Error(Kind::unavailable, "redirect of a streamed request body");
    }
    request.url = std::move(*next);
    return {};
}

}  // namespace

Client::Client(Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {}
Client::~Client() = default;

Task<Result<Response>> Client::get(Url url, Headers headers) {
    ClientRequest request;
    request.url = std::move(url);
    request.headers = std::move(headers);
    co_return co_await send(std::move(request));
}

Task<Result<Response>> Client::send(ClientRequest request) {
    for (int hops = 0;; ++hops) {
        auto sent = co_await send_once(request);
        // Whoever asked knows where; not where it was sent on to.
        if (!sent && hops > 0)
            co_return std::move(sent.error())
                .context(fmt::format("{} {}", request.method, request.url.printable()));
        if (!sent) co_return std::move(sent.error());
        Response response = std::move(*sent);
        std::string location(response.headers().get("Location"));
        bool follow =
            request.follow_redirects && is_redirect(response.status()) && !location.empty();
        if (!follow) co_return std::move(response);
        if (hops == options_.redirects_max)
            co_return Error(Kind::unavailable,
                            fmt::format("stopped after {} redirects", options_.redirects_max));
        // A short body read to its end keeps the connection.
        (void)co_await response.read_all(redirect_body_bytes_max);
        CO_TRY_DO(redirect(request, response.status(), location));
    }
}

// One request, one answer. A kept connection may be found dead only by using it; then a request
// that can be repeated gets a fresh one.
Task<Result<Response>> Client::send_once(ClientRequest& request) {
    std::optional<Url> proxy;
    if (options_.unix_path.empty()) {
        CO_TRY(proxy, options_.proxy.for_url(request.url));
    }
    for (;;) {
        auto connection = take_kept(pool_key(request.url, proxy, request.tls_for));
        if (!connection) {
            CO_TRY(connection, co_await connect(request.url, proxy, request.tls_for));
        }
        Status exchanged = co_await exchange_heads(*connection, request);
        if (exchanged) {
            Response response(*this, std::move(connection), request.url);
            co_return std::move(response);
        }
        bool again = connection->reused && !connection->heard && !request.source &&
                     exchanged.error().kind() != Kind::cancelled &&
                     exchanged.error().kind() != Kind::timeout;
        if (!again) co_return std::move(exchanged.error());
    }
}

Task<Status> Client::exchange_heads(ClientConnection& connection, ClientRequest& request) {
    if (request.method == "HEAD") connection.reader.parser().expect_no_body();
    // A server may refuse and close before it has read all of a body: its answer counts more than
    // our failed write.
    Status written = co_await write_request(connection, request);
    if (!written && (written.error().kind() == Kind::cancelled || connection.source_failed))
        co_return written;
    Task<Status> reading = read_final_head(connection, request);
    Status read;
    if (options_.head_timeout.count() == 0) {
        read = co_await std::move(reading);
    } else {
        read = co_await loop::within(loop_, options_.head_timeout, std::move(reading));
        if (!read && read.error().kind() == Kind::timeout)
            co_return Error(Kind::timeout, "timeout awaiting response headers");
    }
    if (!read && !written) co_return written;
    // The rest of a request that was cut short would be taken for the next one.
    if (!written) connection.keep_alive = false;
    co_return read;
}

Task<Status> Client::write_request(ClientConnection& connection, ClientRequest& request) {
    Headers headers = request.headers;
    for (const char* ours : {"Host", "Content-Length", "Transfer-Encoding"})
        headers.remove(ours);
    Headers all;
    all.add("Host", request.url.host_header());
    if (!headers.has("User-Agent")) all.add("User-Agent", options_.user_agent);
    std::string own = basic_authorization(request.url);
    if (!own.empty() && !headers.has("Authorization")) all.add("Authorization", own);
    if (!connection.proxy_authorization.empty())
        all.add("Proxy-Authorization", connection.proxy_authorization);
    if (request.upgrade) {
        all.add("Connection", "Upgrade");
        all.add("Upgrade", "tcp");
    }
    bool chunked = request.source && !request.source_length;
    bool may_have_body = request.method != "GET" && request.method != "HEAD";
    if (chunked)
        all.add("Transfer-Encoding", "chunked");
    else if (request.source)
        all.add("Content-Length", std::to_string(*request.source_length));
    else if (!request.body.empty() || may_have_body)
        all.add("Content-Length", std::to_string(request.body.size()));
    for (const auto& [name, value] : headers)
        all.add(name, value);

    std::string target = request.url.target;
    if (connection.absolute_form)
        target = fmt::format("{}://{}{}", request.url.scheme, request.url.host_header(), target);
    std::vector<Slice> parts;
    parts.push_back(Slice::copy_of(codec::http1::write_request_head(request.method, target, all)));
    if (!request.source) parts.push_back(request.body);
    CO_TRY_DO(co_await connection.stream->write_all(std::move(parts)));
    if (!request.source) co_return Status();

    std::uint64_t left = request.source_length.value_or(0);
    for (;;) {
        auto given = co_await request.source();
        // The server waits for the rest as we would for its answer.
        connection.source_failed = !given;
        if (!given) co_return std::move(given).error();
        Slice piece = std::move(*given);
        if (piece.empty()) break;
        std::vector<Slice> framed;
        if (chunked)
            framed.push_back(Slice::copy_of(codec::http1::chunk_head(piece.size())));
        else if (piece.size() > left)
            co_return Error(Kind::internal, "request body is too long");
        else
            left -= piece.size();
        framed.push_back(std::move(piece));
        if (chunked) framed.push_back(Slice::literal(codec::http1::chunk_tail));
        CO_TRY_DO(co_await connection.stream->write_all(std::move(framed)));
    }
    if (left > 0) co_return Error(Kind::internal, "request body is too short");
    if (chunked)
        CO_TRY_DO(co_await connection.stream->write(Slice::literal(codec::http1::last_chunk)));
    co_return Status();
}

Task<Status> Client::read_final_head(ClientConnection& connection, ClientRequest& request) {
    for (int skipped = 0; skipped < informational_max; ++skipped) {
        auto head = co_await connection.reader.read_head();
        if (!head && connection.reader.malformed())
            co_return std::move(head.error())
                .context("net/http: HTTP/1.x transport connection broken: malformed HTTP response")
                .as(Kind::unavailable);
        if (!head) {
            // In the middle of a head the server's end is as good as a reset.
            if (head.error().kind() == Kind::invalid)
                co_return Error(Kind::unavailable, head.error().message());
            co_return head.error();
        }
        if (!*head) co_return Error(Kind::unavailable, "EOF");
        connection.heard = true;
        const codec::http1::Head& got = connection.reader.parser().head();
        if (got.status / 100 != 1 || got.status == 101) {
            connection.keep_alive =
                connection.keep_alive && got.keep_alive && !got.upgrade && !request.upgrade;
            if (got.framing == codec::http1::Framing::none)
                (void)co_await connection.reader.read_body();  // reaches the end without waiting
            co_return Status();
        }
        (void)co_await connection.reader.read_body();
        connection.reader.next();
        if (request.method == "HEAD") connection.reader.parser().expect_no_body();
    }
    co_return Error(Kind::unavailable, "too many 1xx informational responses");
}

Task<Client::ConnectionResult> Client::connect(Url url, std::optional<Url> proxy, TlsRules rules) {
    std::string key = pool_key(url, proxy, rules);
    std::unique_ptr<Stream> stream;
    if (!options_.unix_path.empty()) {
        CO_TRY(stream, co_await loop::connect_unix(loop_, options_.unix_path));
        co_return std::make_unique<ClientConnection>(std::move(stream), std::move(key));
    }
    const Url& place = proxy ? *proxy : url;
    auto dialled = co_await loop::within(loop_, options_.connect_timeout, dial(place));
    if (!dialled && dialled.error().kind() == Kind::timeout)
        co_return Error(Kind::timeout, fmt::format("dial tcp {}: i/o timeout", place.authority()));
    if (!dialled) co_return dialled.error();
    stream = std::move(*dialled);
    if (proxy && proxy->https()) {  // a proxy that is itself spoken to by TLS
        TlsOptions options = options_for(*proxy, rules);
        CO_TRY(stream, co_await secure(std::move(stream), *proxy, std::move(options)));
    }
    if (proxy && url.https()) {
        CO_TRY(stream, co_await loop::within(loop_, options_.connect_timeout,
                                             tunnel(std::move(stream), url, *proxy)));
    }
    if (url.https()) {
        TlsOptions options = options_for(url, rules);
        CO_TRY(stream, co_await secure(std::move(stream), url, std::move(options)));
    }
    auto connection = std::make_unique<ClientConnection>(std::move(stream), std::move(key));
    if (proxy && !url.https()) {
        connection->absolute_form = true;
        connection->proxy_authorization = basic_authorization(*proxy);
    }
    co_return connection;
}

Task<Result<std::unique_ptr<Stream>>> Client::secure(std::unique_ptr<Stream> stream, Url url,
                                                     TlsOptions options) {
    CO_TRY(std::shared_ptr<const TlsClient> tls, tls_client(options));
    auto secured = co_await loop::within(loop_, options_.tls_timeout,
                                         tls->connect(loop_, std::move(stream), url.host));
    if (!secured && secured.error().kind() == Kind::timeout)
        co_return Error(Kind::timeout, "net/http: TLS handshake timeout");
    co_return std::move(secured);
}

Task<Result<std::unique_ptr<Stream>>> Client::dial(Url place) {
    auto addresses = co_await loop::resolve(loop_, place.host, place.port);
    if (!addresses) co_return std::move(addresses.error()).context("dial tcp");
    auto stream = co_await connect_any(loop_, std::move(*addresses));
    // Nobody there: for our user that is the same, whichever errno said it.
    if (!stream && stream.error().kind() == Kind::internal)
        co_return std::move(stream.error()).as(Kind::unavailable);
    co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> Client::tunnel(std::unique_ptr<Stream> stream, Url url,
                                                     Url proxy) {
    Headers headers{{"Host", url.authority()}, {"User-Agent", options_.user_agent}};
    std::string authorization = basic_authorization(proxy);
    if (!authorization.empty()) headers.add("Proxy-Authorization", authorization);
    std::string head = codec::http1::write_request_head("CONNECT", url.authority(), headers);
    CO_TRY_DO(co_await stream->write(Slice::copy_of(head)));
    MessageReader reader(*stream, codec::http1::Side::response);
    reader.parser().expect_tunnel();
    CO_TRY(bool answered, co_await reader.read_head());
    if (!answered) co_return Error(Kind::unavailable, "proxyconnect tcp: EOF");
    const codec::http1::Head& answer = reader.parser().head();
    if (answer.status / 100 != 2)
        co_return Error(Kind::unavailable,
                        fmt::format("proxyconnect tcp: {} {}", answer.status, answer.reason));
    co_return with_leftover(std::move(stream), reader.take_leftover());
}

Result<std::shared_ptr<const TlsClient>> Client::tls_client(const TlsOptions& options) {
    std::string key = options.key();
    auto found = tls_.find(key);
    if (found != tls_.end()) return found->second;
    TRY(std::shared_ptr<const TlsClient> made, TlsClient::create(options));
    // Those in use live on with their connections.
    if (tls_.size() >= tls_contexts_max) tls_.clear();
    tls_.emplace(std::move(key), made);
    return made;
}

std::unique_ptr<ClientConnection> Client::take_kept(const std::string& key) {
    std::int64_t oldest = base::monotonic_ns() - options_.idle_timeout.count() * 1000000;
    std::erase_if(kept_, [&](auto& entry) {
        return entry.second->kept_since_ns < oldest || !is_alive(*entry.second);
    });
    auto found = kept_.find(key);
    if (found == kept_.end()) return nullptr;
    std::unique_ptr<ClientConnection> connection = std::move(found->second);
    kept_.erase(found);
    connection->reused = true;
    connection->heard = false;
    connection->reader.next();
    return connection;
}

void Client::keep(std::unique_ptr<ClientConnection> connection) {
    // Bytes nobody asked for are not the next answer.
    if (!connection->keep_alive || connection->reader.has_input()) return;
    if (kept_.count(connection->key) >= kept_per_host_max) return;
    connection->kept_since_ns = base::monotonic_ns();
    std::string key = connection->key;
    kept_.emplace(std::move(key), std::move(connection));
}

void Client::close_idle() {
    kept_.clear();
}

std::size_t Client::idle_connections() const {
    return kept_.size();
}

}  // namespace http
