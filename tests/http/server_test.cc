// The server over in-memory and real sockets: what comes back for what was sent.
#include "http/client.h"
#include "http/server.h"
#include "support/hostile_stream.h"
#include "support/loop_fixture.h"

#include <fmt/core.h>
#include <sys/socket.h>

using namespace http;
using support::HostileStream;
using support::Hostility;
using support::LoopFixture;

namespace {

struct Counts {
    int handled = 0;
    int cancelled = 0;
};

// The paths are the handlers' names.
Task<Result<Reply>> handle(Loop& loop, Counts& counts, Request& request) {
    ++counts.handled;
    if (request.path() == "/hello") co_return Reply(200, "text/plain", request.query().text("say"));
    if (request.path() == "/echo") {
        CO_TRY(Slice body, co_await request.body().read_all(1 << 20));
        co_return Reply(200, "text/plain", std::move(body));
    }
    if (request.path() == "/stream") {
        ReplyStream& out = request.stream(200, "text/plain");
        CO_TRY_DO(co_await out.flush());
        for (int i = 0; i < 3; ++i)
            CO_TRY_DO(co_await out.write(fmt::format("line {}\n", i)));
        if (request.query().flag("break")) co_return Error(Kind::internal, "broke");
        co_return Reply::sent();
    }
    if (request.path() == "/raw") {
        CO_TRY(Stream * raw, co_await request.hijack("application/vnd.docker.raw-stream"));
        for (;;) {
            CO_TRY(Slice piece, co_await raw->read());
            if (piece.empty()) break;
            CO_TRY_DO(co_await raw->write(std::move(piece)));
        }
        CO_TRY_DO(co_await raw->write(Slice::literal("bye")));
        co_return Reply::sent();
    }
    if (request.path() == "/wait") {
        Status slept = co_await loop::sleep(loop, std::chrono::minutes(10));
        if (!slept) {
            ++counts.cancelled;
            co_return slept.error();
        }
    }
    if (request.path() == "/ignore") co_return Reply(200, "text/plain", std::string("ignored"));
    if (request.path() == "/broken") co_return Error(Kind::internal, "planned failure");
    co_return Error(Kind::missing, "page not found");
}

Handler handler(Loop& loop, Counts& counts) {
    return [&](Request& request) { return handle(loop, counts, request); };
}

Task<std::string> read_to_end(Stream& stream) {
    std::string text;
    for (;;) {
        Result<Slice> part = co_await stream.read();
        if (!part || part->empty()) co_return text;
        text += part->view();
    }
}

// Sends `text`, half-closes, and gives all that came back.
Task<std::string> talk(Loop& loop, Counts& counts, std::string text,
                       Hostility how = Hostility::none) {
    auto [ours, theirs] = loop::stream_pair(loop);
    Server server(loop, handler(loop, counts));
    // An in-memory end counts as gone once it half-closes, so that comes after the answer.
    server.serve(std::make_unique<HostileStream>(loop, std::move(theirs), how),
                 Peer::Kind::unix_socket);
    Status sent = co_await ours->write(Slice::copy_of(text));
    BOOST_TEST(static_cast<bool>(sent));
    std::string answer = co_await read_to_end(*ours);
    ours->close();
    co_await server.close();
    BOOST_TEST(server.connections() == 0U);
    co_return answer;
}

std::string get(std::string_view target, std::string_view headers = "Connection: close\r\n") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: d\r\n{}\r\n", target, headers);
}

bool has(const std::string& text, std::string_view part) {
    bool found = text.find(part) != text.npos;
    if (!found) BOOST_TEST_MESSAGE("not in: " << text);
    return found;
}

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> socket_pair(Loop& loop) {
    int ends[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    auto left = loop::stream_of(loop, Fd(ends[0]));
    return {std::move(left), loop::stream_of(loop, Fd(ends[1]))};
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_whole_answer_has_its_length, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        for (Hostility how : support::harmless_hostilities) {
            Counts counts;
            std::string answer = co_await talk(loop, counts, get("/hello?say=a+b"), how);
            BOOST_TEST(answer.starts_with("HTTP/1.1 200 OK\r\n"));
            BOOST_TEST(has(answer, "Content-Length: 3\r\n"));
            BOOST_TEST(answer.ends_with("\r\n\r\na b"));
        }
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(pipelined_requests_are_answered_in_order, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        for (Hostility how : support::harmless_hostilities) {
            Counts counts;
            std::string text =
                get("/hello?say=1", "") +
                "POST /ignore HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello" +
                "POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
                get("/stream", "") + get("/hello?say=4");
            std::string answer = co_await talk(loop, counts, text, how);
            BOOST_TEST(counts.handled == 5);
            auto one = answer.find("\r\n\r\n1");
            auto two = answer.find("\r\n\r\nignored");
            auto three = answer.find("\r\n\r\nabcde");
            auto four = answer.find("7\r\nline 2\n\r\n0\r\n\r\n");
            BOOST_TEST(four != answer.npos);
            BOOST_TEST((one < two && two < three && three < four));
            BOOST_TEST(answer.ends_with("\r\n\r\n4"));
        }
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(garbage_gets_one_400_and_nothing_after_it_runs, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        for (std::string_view bad : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00",
                                     "FROB / HTTP/1.1\r\nHost: d\r\n\r\n",
                                     "GET /hello HTTP/1.1\r\nHost: d\r\nContent-Length: "
                                     "1\r\nContent-Length: 1\r\n\r\nx"}) {
            Counts counts;
            std::string answer =
                co_await talk(loop, counts, std::string(bad) + get("/hello?say=no"));
            BOOST_TEST(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
            BOOST_TEST(has(answer, "Connection: close"));
            BOOST_TEST(has(answer, "{\"message\":\""));
            BOOST_TEST(counts.handled == 0);
        }
        // A body that breaks half way: the handler fails, the rest is not a request.
        Counts counts;
        std::string answer = co_await talk(
            loop, counts,
            "POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX" +
                get("/hello"));
        BOOST_TEST(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        BOOST_TEST(counts.handled == 1);
        answer =
            co_await talk(loop, counts, get("/hello", "X: " + std::string(70000, 'a') + "\r\n"));
        BOOST_TEST(answer.starts_with("HTTP/1.1 431 "));
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(errors_become_replies_and_the_connection_goes_on, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Counts counts;
        std::string answer = co_await talk(
            loop, counts, get("/none", "") + get("/broken", "") + get("/hello?say=x"));
        BOOST_TEST(answer.starts_with("HTTP/1.1 404 Not Found\r\n"));
        BOOST_TEST(has(answer, "HTTP/1.1 500 Internal Server Error\r\n"));
        BOOST_TEST(answer.ends_with("\r\n\r\nx"));
        // A stream that fails has no last chunk.
        answer = co_await talk(loop, counts, get("/stream?break=1", ""));
        BOOST_TEST(answer.ends_with("line 2\n\r\n"));
        // HEAD has the headers only.
        answer = co_await talk(
            loop, counts, "HEAD /hello?say=abc HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        BOOST_TEST(has(answer, "Content-Length: 3\r\n"));
        BOOST_TEST(answer.ends_with("\r\n\r\n"));
        // HTTP/1.0: no chunks, the end is the end.
        answer = co_await talk(loop, counts, "GET /stream HTTP/1.0\r\n\r\n");
        BOOST_TEST(answer.ends_with("\r\n\r\nline 0\nline 1\nline 2\n"));
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_body_is_asked_for_with_100_continue, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Counts counts;
        auto [ours, theirs] = loop::stream_pair(loop);
        Server server(loop, handler(loop, counts));
        server.serve(std::move(theirs), Peer::Kind::unix_socket);
        std::string_view head = "POST /echo HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n"
                                "Expect: 100-continue\r\nConnection: close\r\n\r\n";
        (void)co_await ours->write(Slice::literal(head));
        auto first = co_await ours->read();
        BOOST_REQUIRE(first);
        BOOST_TEST(first->view() == "HTTP/1.1 100 Continue\r\n\r\n");
        (void)co_await ours->write(Slice::literal("hi"));
        BOOST_TEST((co_await read_to_end(*ours)).ends_with("\r\n\r\nhi"));
        ours->close();
        co_await server.close();
        // A handler that does not want the body never asks, and the connection ends.
        std::string answer = co_await talk(loop, counts,
                                           "POST /ignore HTTP/1.1\r\nHost: d\r\nContent-Length: "
                                           "2\r\nExpect: 100-continue\r\n\r\n");
        BOOST_TEST(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        BOOST_TEST(has(answer, "Connection: close\r\n"));
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_hijacked_connection_carries_raw_bytes_both_ways, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        for (bool upgrade : {true, false}) {
            Counts counts;
            auto [ours, theirs] = socket_pair(loop);
            Server server(loop, handler(loop, counts));
            server.serve(std::move(theirs), Peer::Kind::unix_socket);
            std::string text = upgrade ? "POST /raw HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n"
                                         "Upgrade: tcp\r\n\r\nearly "
                                       : "POST /raw HTTP/1.1\r\nHost: d\r\n\r\nearly ";
            (void)co_await ours->write(Slice::copy_of(text));
            (void)co_await ours->write(Slice::literal("late "));
            (void)co_await ours->shutdown();
            std::string answer = co_await read_to_end(*ours);
            BOOST_TEST(answer.ends_with("\r\n\r\nearly late bye"));
            BOOST_TEST(
                answer.starts_with(upgrade ? "HTTP/1.1 101 UPGRADED\r\n" : "HTTP/1.1 200 OK\r\n"));
            BOOST_TEST(has(answer, "Upgrade: tcp\r\n") == upgrade);
            ours->close();
            co_await server.close();
        }
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_client_that_vanishes_cancels_what_waits_for_it, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Counts counts;
        auto [ours, theirs] = socket_pair(loop);
        Server server(loop, handler(loop, counts));
        server.serve(std::move(theirs), Peer::Kind::unix_socket);
        (void)co_await ours->write(Slice::copy_of(get("/wait")));
        while (counts.handled == 0)
            co_await loop.yield();
        ours->close();
        for (int i = 0; i < 300 && server.connections() > 0; ++i)
            (void)co_await loop::sleep(loop, std::chrono::milliseconds(10));
        BOOST_TEST(counts.cancelled == 1);
        BOOST_TEST(server.connections() == 0U);
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_thousand_slow_clients_do_not_keep_others_out, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Counts counts;
        ServerOptions options;
        options.connections_max = 100;
        options.head_timeout = std::chrono::milliseconds(300);
        Server server(loop, handler(loop, counts), std::move(options));
        std::vector<std::unique_ptr<Stream>> slow;
        for (int i = 0; i < 1000; ++i) {
            auto [ours, theirs] = loop::stream_pair(loop);
            server.serve(std::move(theirs), Peer::Kind::unix_socket);
            (void)co_await ours->write(Slice::literal("GET /hello HTTP/1.1\r\nHo"));
            slow.push_back(std::move(ours));
        }
        auto [ours, theirs] = loop::stream_pair(loop);
        server.serve(std::move(theirs), Peer::Kind::unix_socket);
        (void)co_await ours->write(Slice::copy_of(get("/hello?say=quick")));
        BOOST_TEST((co_await read_to_end(*ours)).ends_with("quick"));
        ours->close();
        // And in time all of them are gone.
        for (auto& stream : slow)
            BOOST_TEST((co_await read_to_end(*stream)) == "");
        (void)co_await loop::sleep(loop, std::chrono::milliseconds(50));
        BOOST_TEST(server.connections() == 0U);
        co_await server.close();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(broken_connections_leave_nothing_behind, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        for (Hostility how : support::fatal_hostilities) {
            Counts counts;
            (void)co_await talk(loop, counts, get("/hello"), how);
        }
    }(loop()));
}
