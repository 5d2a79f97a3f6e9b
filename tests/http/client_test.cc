// The client against scripted and hostile servers, proxies and certificates.
#include "http/client.h"
#include "http/server.h"
#include "support/loop_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace http;
using support::LoopFixture;

namespace {

// Answers each connection with the next of `scripts` (the last one for ever); remembers requests.
class Scripted {
public:
    Scripted(Loop& loop, std::vector<std::string> scripts)
        : scope_(loop), listener_(*loop::Listener::on_tcp(loop, "127.0.0.1", 0)),
          scripts_(std::move(scripts)) {
        scope_.spawn(accept_all());
    }
    std::string url(std::string_view path = "/") const {
        return fmt::format("http://127.0.0.1:{}{}", listener_->port(), path);
    }
    std::uint16_t port() const { return listener_->port(); }
    Task<void> close() {
        listener_->close();
        co_await scope_.close();
    }
    std::vector<std::string> requests;
    std::size_t connections = 0;
    bool hold_open = false;  // after the script: stall instead of closing

private:
    Task<void> accept_all() {
        for (;;) {
            auto stream = co_await listener_->accept();
            if (!stream) co_return;
            std::size_t number = std::min(connections++, scripts_.size() - 1);
            scope_.spawn(answer(std::move(*stream), scripts_[number]));
        }
    }
    Task<void> answer(std::unique_ptr<Stream> stream, std::string script) {
        auto request = co_await stream->read();
        if (!request) co_return;
        requests.push_back(request->text());
        *request = Slice();
        (void)co_await stream->write(Slice::copy_of(script));
        if (hold_open) (void)co_await stream->hung_up();
    }

    Scope scope_;
    std::unique_ptr<loop::Listener> listener_;
    std::vector<std::string> scripts_;
};

ClientOptions quick() {
    ClientOptions options;
    options.head_timeout = std::chrono::milliseconds(300);
    options.stall_timeout = std::chrono::milliseconds(300);
    options.connect_timeout = std::chrono::milliseconds(2000);
    return options;
}

struct Got {
    int status = 0;
    std::string body;
    std::string error;
    Kind kind = Kind::internal;
};

Task<Got> fetch(Client& client, std::string url, Headers headers = {}, TlsRules rules = {}) {
    Got got;
    auto parsed = codec::parse_url(url);
    BOOST_REQUIRE(parsed);
    ClientRequest request;
    request.url = std::move(*parsed);
    request.headers = std::move(headers);
    request.tls_for = std::move(rules);
    auto response = co_await client.send(std::move(request));
    if (!response) {
        got.error = response.error().message();
        got.kind = response.error().kind();
        co_return got;
    }
    got.status = response->status();
    auto body = co_await response->read_all(1 << 24);
    if (body)
        got.body = body->text();
    else {
        got.error = body.error().message();
        got.kind = body.error().kind();
    }
    co_return got;
}

bool has(const std::string& text, std::string_view part) {
    bool found = text.find(part) != text.npos;
    if (!found) BOOST_TEST_MESSAGE("not in: " << text);
    return found;
}

std::string redirect_to(const std::string& url, int status = 307) {
    return fmt::format("HTTP/1.1 {} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n"
                       "Connection: close\r\n\r\n",
                       status, url);
}

const std::string fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

// Certificates of every kind, made once by the openssl program.
struct Certificates {
    std::string dir;
    Certificates() {
        char path[] = "/tmp/http-test-XXXXXX";
        dir = ::mkdtemp(path);
        std::ofstream(dir + "/make.sh") << R"(set -e; cd "$1"
exec >/dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=TestCA -days 30
make() { # name, SAN, days
  openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj /CN=$1
  printf "subjectAltName=$2" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile $1.ext -out $1.cert $3
}
make good DNS:localhost,IP:127.0.0.1 "-days 30"
make other DNS:elsewhere.example "-days 30"
make late DNS:localhost,IP:127.0.0.1 "-days -1"
make client DNS:client "-days 30"
mkdir -p certs.d/host:5000 certs.d/bad:1; cp ca.crt client.cert client.key certs.d/host:5000; cp client.cert certs.d/bad:1
)";
        BOOST_REQUIRE(std::system(("sh " + dir + "/make.sh " + dir).c_str()) == 0);
    }
    ~Certificates() { std::filesystem::remove_all(dir); }
    CertificatePair pair(const std::string& name) const {
        return {dir + "/" + name + ".cert", dir + "/" + name + ".key"};
    }
};

const Certificates& certificates() {
    static Certificates made;
    return made;
}

// What a client with `options` gets from a server showing `certificate`.
Task<Got> fetch_tls(Loop& loop, std::string certificate, TlsOptions options,
                    bool client_certificates = false, std::string host = "127.0.0.1") {
    TlsServerOptions server_options{.certificate = certificates().pair(certificate)};
    if (client_certificates) server_options.client_ca_file = certificates().dir + "/ca.crt";
    auto tls = TlsServer::create(server_options);
    BOOST_REQUIRE(tls);
    Server server(loop, [](Request& request) -> Task<Result<Reply>> {
        co_return Reply(200, "text/plain",
                        request.peer().certificate_name + std::string(200000, 'x'));
    });
    auto listener = *loop::Listener::on_tcp(loop, "127.0.0.1", 0);
    std::string url = fmt::format("https://{}:{}/secret?token=hush", host, listener->port());
    server.listen(std::move(listener), Peer::Kind::tcp, tls->get());
    Got got;
    {
        Client client(loop, quick());
        TlsRules rules = [&](const Url&) { return options; };
        got = co_await fetch(client, url, {}, rules);
        if (got.status == 200) {  // and once more over the kept connection
            BOOST_TEST(client.idle_connections() == 1U);
            Got again = co_await fetch(client, url, {}, rules);
            BOOST_TEST(again.body == got.body);
            BOOST_TEST(client.idle_connections() == 1U);
            // Under other rules it is not used: whoever wants it verified has it verified.
            Got strict = co_await fetch(client, url);
            BOOST_TEST(has(strict.error, "certificate signed by unknown authority"));
        }
    }
    co_await server.close();
    BOOST_TEST(got.error.find("hush") == std::string::npos);
    co_return got;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(an_answer_is_read_and_its_connection_kept, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int handled = 0;
        Server server(loop, [&](Request& request) -> Task<Result<Reply>> {
            ++handled;
            if (request.path() == "/chunked") {
                ReplyStream& out = request.stream(200, "text/plain");
                for (int i = 0; i < 1000; ++i)
                    CO_TRY_DO(co_await out.write(fmt::format("line {}\r\n", i)));
                co_return Reply::sent();
            }
            CO_TRY(Slice body, co_await request.body().read_all(1000));
            co_return Reply(200, "text/plain", std::move(body));
        });
        auto listener = *loop::Listener::on_tcp(loop, "127.0.0.1", 0);
        std::string base = fmt::format("http://127.0.0.1:{}", listener->port());
        server.listen(std::move(listener), Peer::Kind::tcp);
        {
            Client client(loop, quick());
            ClientRequest request;
            request.method = "POST";
            request.url = *codec::parse_url(base + "/echo");
            request.body = Slice::literal("hello");
            auto echoed = co_await client.send(std::move(request));
            BOOST_REQUIRE(echoed);
            BOOST_TEST((co_await echoed->read_all(10))->view() == "hello");
            echoed = Error(Kind::internal, "dropped");
            BOOST_TEST(client.idle_connections() == 1U);

            // A streamed body, with and without a known length.
            for (bool known : {true, false}) {
                int pieces = 0;
                ClientRequest upload;
                upload.method = "PUT";
                upload.url = *codec::parse_url(base + "/echo");
                upload.source = [&]() -> Task<Result<Slice>> {
                    co_return ++pieces > 3 ? Slice() : Slice::literal("abc");
                };
                if (known) upload.source_length = 9;
                auto uploaded = co_await client.send(std::move(upload));
                BOOST_REQUIRE(uploaded);
                BOOST_TEST((co_await uploaded->read_all(10))->view() == "abcabcabc");
            }
            // One that cannot be had ends the request: the server waits for the rest of it.
            ClientRequest broken;
            broken.method = "PUT";
            broken.url = *codec::parse_url(base + "/echo");
            int given = 0;
            broken.source = [&]() -> Task<Result<Slice>> {
                if (given++ == 0) co_return Slice::literal("abc");
                co_return Error(Kind::internal, "the file is damaged");
            };
            auto failed = co_await loop::within(loop, std::chrono::seconds(20),
                                                client.send(std::move(broken)));
            BOOST_REQUIRE(!failed);
            BOOST_TEST(failed.error().message() == "the file is damaged");
            auto lines = co_await client.get(*codec::parse_url(base + "/chunked"));
            BOOST_REQUIRE(lines);
            int count = 0;
            for (;;) {
                auto line = co_await lines->read_line(100);
                BOOST_REQUIRE(line);
                if (!*line) break;
                BOOST_TEST(**line == fmt::format("line {}", count));
                ++count;
            }
            BOOST_TEST(count == 1000);
            BOOST_TEST(server.connections() <= 2U);  // the broken one may not have ended yet
        }
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_kept_connection_found_dead_is_replaced, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scripted server(loop, {fine});
        {
            Client client(loop, quick());
            for (int i = 0; i < 3; ++i)
                BOOST_TEST((co_await fetch(client, server.url())).body == "fine");
        }
        BOOST_TEST(server.connections == 3U);
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(broken_answers_are_errors_in_plain_words, LoopFixture) {
    struct Case {
        std::string answer;
        Kind kind;
        std::string text;
        bool stall;
    };
    static const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Kind::unavailable, "unexpected EOF",
         false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", Kind::unavailable,
         "unexpected EOF", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstall", Kind::timeout, "no data for", true},
        {"HTTP/1.1 200 OK\r\nCont", Kind::timeout, "timeout awaiting response headers", true},
        {"HTTP/1.1 200 OK\r\nCont", Kind::unavailable, "unexpected EOF", false},
        {"", Kind::unavailable, "EOF", false},
        {"SSH-2.0-OpenSSH\r\n\r\n", Kind::unavailable, "malformed HTTP response", false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Kind::invalid, "", false},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'a') + "\r\n\r\n", Kind::unavailable,
         "too large", false},
    };
    run([](Loop& loop) -> Task<void> {
        for (const Case& one : cases) {
            Scripted server(loop, {one.answer});
            server.hold_open = one.stall;
            {
                Client client(loop, quick());
                Got got = co_await fetch(client, server.url("/x?token=hush"));
                BOOST_TEST(has(got.error, one.text));
                BOOST_TEST(got.error != "");
                BOOST_TEST(base::kind_name(got.kind) == base::kind_name(one.kind), one.answer);
                BOOST_TEST(got.error.find("hush") == std::string::npos);
            }
            co_await server.close();
        }
        Client client(loop, quick());
        Got got = co_await fetch(client, "http://127.0.0.1:1/");
        BOOST_TEST(has(got.error, "dial tcp 127.0.0.1:1: connect: connection refused"));
        got = co_await fetch(client, "http://nobody.invalid/");
        BOOST_TEST(has(got.error, "no such host"));
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(redirects_are_followed_without_the_credentials, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scripted second(loop, {fine});
        Scripted first(loop, {redirect_to("/again"), redirect_to(second.url("/blob?sig=hush"))});
        Scripted circle(loop, {redirect_to("/")});
        {
            Client client(loop, quick());
            Headers headers{{"Authorization", "Bearer planted"}, {"Range", "bytes=5-"}};
            Got got = co_await fetch(client, first.url("/start"), headers);
            BOOST_TEST(got.body == "fine");
            BOOST_TEST(has(first.requests.at(1), "GET /again HTTP/1.1\r\n"));
            BOOST_TEST(has(first.requests.at(1), "Bearer planted"));
            BOOST_TEST(has(second.requests.at(0), "GET /blob?sig=hush HTTP/1.1\r\n"));
            BOOST_TEST(second.requests.at(0).find("planted") == std::string::npos);
            BOOST_TEST(has(second.requests.at(0), "Range: bytes=5-\r\n"));
            got = co_await fetch(client, circle.url());
            BOOST_TEST(got.error == "stopped after 10 redirects");
            BOOST_TEST(circle.connections == 11U);
        }
        co_await first.close();
        co_await second.close();
        co_await circle.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(informational_answers_are_skipped_but_not_for_ever, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        std::string note = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        std::string many;
        for (int i = 0; i < 100; ++i)
            many += note;
        Scripted server(loop, {note + note + fine, many + fine});
        {
            Client client(loop, quick());
            BOOST_TEST((co_await fetch(client, server.url())).body == "fine");
            Got got = co_await fetch(client, server.url());
            BOOST_TEST(has(got.error, "too many 1xx"));
        }
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(certificates_are_verified_as_go_says_it, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        TlsOptions trusting{.ca_files = {certificates().dir + "/ca.crt"}};
        Got got = co_await fetch_tls(loop, "good", trusting);
        BOOST_TEST(got.error == "");
        BOOST_TEST(got.body.size() == 200000U);
        got = co_await fetch_tls(loop, "good", trusting, false, "localhost");
        BOOST_TEST(got.error == "");
        got = co_await fetch_tls(loop, "good", {});
        BOOST_TEST(has(got.error, "tls: failed to verify certificate: x509: certificate signed by "
                                  "unknown authority"));
        got = co_await fetch_tls(loop, "other", trusting);
        BOOST_TEST(
            has(got.error, "x509: certificate is valid for elsewhere.example, not 127.0.0.1"));
        got = co_await fetch_tls(loop, "other", trusting, false, "localhost");
        BOOST_TEST(
            has(got.error, "x509: certificate is valid for elsewhere.example, not localhost"));
        got = co_await fetch_tls(loop, "late", trusting);
        BOOST_TEST(
            has(got.error, "x509: certificate has expired or is not yet valid: current time"));
        got = co_await fetch_tls(loop, "late", {.insecure = true});
        BOOST_TEST(got.error == "");
        // Client certificates: without one the server hangs up, with one it knows the name.
        got = co_await fetch_tls(loop, "good", trusting, true);
        BOOST_TEST(got.error != "");
        trusting.client_certificates = {certificates().pair("client")};
        got = co_await fetch_tls(loop, "good", trusting, true);
        BOOST_TEST(got.body.starts_with("clientx"));
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(plain_http_behind_https_is_told, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scripted server(loop, {"HTTP/1.1 400 Bad Request\r\n\r\n"});
        {
            Client client(loop, quick());
            Got got = co_await fetch(client, fmt::format("https://127.0.0.1:{}/", server.port()));
            BOOST_TEST(has(got.error, "http: server gave HTTP response to HTTPS client"));
        }
        co_await server.close();
    }(loop()));
}

BOOST_AUTO_TEST_CASE(certs_d_is_read_as_docker_reads_it) {
    std::vector<std::string> folders{"/nonexistent", certificates().dir + "/certs.d"};
    auto options = read_certs_d(folders, "host:5000");
    BOOST_REQUIRE(options);
    BOOST_TEST(options->ca_files.size() == 1U);
    BOOST_TEST(options->client_certificates.size() == 1U);
    auto none = read_certs_d(folders, "unknown");
    BOOST_REQUIRE(none);
    BOOST_TEST(none->ca_files.empty());
    auto bad = read_certs_d(folders, "bad:1");
    BOOST_REQUIRE(!bad);
    BOOST_TEST(
        has(bad.error().message(), "missing key client.key for client certificate client.cert"));
    auto outside = read_certs_d(folders, "../certs.d/host:5000");
    BOOST_TEST(outside->ca_files.empty());
}

BOOST_FIXTURE_TEST_CASE(proxies_are_used_as_configured, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scripted proxy(loop, {fine, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"});
        {
            ClientOptions options = quick();
            options.proxy.http_proxy = fmt::format("http://user:pass@127.0.0.1:{}", proxy.port());
            options.proxy.https_proxy = options.proxy.http_proxy;
            Client client(loop, std::move(options));
            Got got = co_await fetch(client, "http://registry.example/v2/?a=1");
            BOOST_TEST(got.body == "fine");
            BOOST_TEST(
                has(proxy.requests.at(0), "GET http://registry.example/v2/?a=1 HTTP/1.1\r\n"));
            BOOST_TEST(has(proxy.requests.at(0), "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
            got = co_await fetch(client, "https://registry.example/v2/");
            BOOST_TEST(has(got.error, "407 Proxy Authentication Required"));
            BOOST_TEST(has(proxy.requests.at(1), "CONNECT registry.example:443 HTTP/1.1\r\n"));
            BOOST_TEST(got.error.find("pass") == std::string::npos);
        }
        co_await proxy.close();
    }(loop()));
}

BOOST_AUTO_TEST_CASE(no_proxy_rules_are_gos) {
    BOOST_TEST(bypasses_proxy("", "localhost", 80));
    BOOST_TEST(bypasses_proxy("", "127.3.4.5", 80));
    BOOST_TEST(bypasses_proxy("", "::1", 80));
    BOOST_TEST(!bypasses_proxy("", "example.com", 80));
    BOOST_TEST(bypasses_proxy("*", "example.com", 80));
    BOOST_TEST(bypasses_proxy("a.b, example.com", "example.com", 80));
    BOOST_TEST(bypasses_proxy("example.com", "sub.example.com", 80));
    BOOST_TEST(!bypasses_proxy("example.com", "notexample.com", 80));
    BOOST_TEST(bypasses_proxy(".example.com", "sub.example.com", 80));
    BOOST_TEST(!bypasses_proxy(".example.com", "example.com", 80));
    BOOST_TEST(bypasses_proxy("*.Example.com", "sub.example.com", 80));
    BOOST_TEST(bypasses_proxy("example.com:5000", "example.com", 5000));
    BOOST_TEST(!bypasses_proxy("example.com:5000", "example.com", 80));
    BOOST_TEST(bypasses_proxy("10.0.0.0/8", "10.1.2.3", 80));
    BOOST_TEST(!bypasses_proxy("10.0.0.0/8", "11.1.2.3", 80));
    BOOST_TEST(!bypasses_proxy("10.0.0.0/8", "10.example", 80));
    BOOST_TEST(bypasses_proxy("192.168.1.128/25", "192.168.1.200", 80));
    BOOST_TEST(!bypasses_proxy("192.168.1.128/25", "192.168.1.100", 80));
    BOOST_TEST(bypasses_proxy("fd00::/8", "fd12::1", 80));
    BOOST_TEST(bypasses_proxy("192.168.1.1", "192.168.1.1", 80));
    BOOST_TEST(!bypasses_proxy("10.0.0.0/99,/8,10/x", "10.1.2.3", 80));
}

// A listener whose queue is full: the kernel drops what else would connect, as a dead address does.
struct Deaf {
    Fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::vector<Fd> queued;
    sockaddr_in address{};

    Deaf() {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* name = reinterpret_cast<sockaddr*>(&address);
        BOOST_REQUIRE(::bind(listener.get(), name, size) == 0);
        BOOST_REQUIRE(::listen(listener.get(), 0) == 0);
        BOOST_REQUIRE(::getsockname(listener.get(), name, &size) == 0);
        for (int i = 0; i < 4; ++i) {
            queued.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            (void)::connect(queued.back().get(), name, size);
        }
    }
};

// Alone it would be waited for until the kernel gives up, two minutes: longer than this test may
// run.
BOOST_FIXTURE_TEST_CASE(a_dead_address_is_not_waited_for_when_another_one_answers, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scripted server(loop, {fine});
        Deaf deaf;
        auto alive = *co_await loop::resolve(loop, "127.0.0.1", server.port());
        auto dead = *co_await loop::resolve(loop, "127.0.0.1", ntohs(deaf.address.sin_port));
        std::vector<loop::SocketAddress> addresses{dead.at(0), alive.at(0)};
        auto stream = co_await connect_any(loop, std::move(addresses));
        BOOST_TEST(static_cast<bool>(stream));
        if (stream) (*stream)->close();
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_hijack_over_a_unix_socket_works_both_ways, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        std::string path = certificates().dir + "/hijack.sock";
        Server server(loop, [](Request& request) -> Task<Result<Reply>> {
            if (request.path() == "/no") co_return Error(Kind::conflict, "not running");
            CO_TRY(Stream * raw, co_await request.hijack("application/vnd.docker.raw-stream"));
            CO_TRY_DO(co_await raw->write(Slice::literal("hello ")));
            for (;;) {
                CO_TRY(Slice piece, co_await raw->read());
                if (piece.empty()) break;
                CO_TRY_DO(co_await raw->write(std::move(piece)));
            }
            co_return Reply::sent();
        });
        auto listener = loop::Listener::on_unix(loop, path, 0660, -1);
        BOOST_REQUIRE(listener);
        server.listen(std::move(*listener), Peer::Kind::unix_socket);
        {
            ClientOptions options = quick();
            options.unix_path = path;
            Client client(loop, std::move(options));
            ClientRequest request;
            request.method = "POST";
            request.url = *codec::parse_url("http://docker/attach");
            request.upgrade = true;
            ClientRequest refused = request;
            auto response = co_await client.send(std::move(request));
            BOOST_REQUIRE(response);
            BOOST_TEST(response->status() == 101);
            auto stream = response->take_stream();
            (void)co_await stream->write(Slice::literal("there"));
            (void)co_await stream->shutdown();
            std::string text;
            for (;;) {
                auto piece = co_await stream->read();
                if (!piece || piece->empty()) break;
                text += piece->view();
            }
            BOOST_TEST(text == "hello there");
            stream->close();
            refused.url = *codec::parse_url("http://docker/no");
            auto answer = co_await client.send(std::move(refused));
            BOOST_REQUIRE(answer);
            BOOST_TEST(answer->status() == 409);
            BOOST_TEST((co_await answer->read_all(100))->view() ==
                       "{\"message\":\"not running\"}\n");
        }
        co_await server.close();
    }(loop()));
}
