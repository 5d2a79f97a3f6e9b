// The strict HTTP/1 parser: every message is fed whole and byte by byte, and must give the same.
#include "base/limits.h"
#include "codec/http1.h"

#include <boost/test/unit_test.hpp>
#include <fmt/core.h>

using namespace codec::http1;

namespace {

struct Seen {
    std::vector<Head> heads;
    std::vector<std::string> bodies;
    std::string error;  // of the first failure, which ends everything
    std::string leftover;
    int status = 0;
};

// Feeds `text` in pieces of `piece` bytes, stopping after `messages` messages.
Seen run(Side side, std::string_view text, std::size_t piece, std::size_t messages = 100,
         bool no_body = false) {
    Seen seen;
    Parser parser(side);
    if (no_body) parser.expect_no_body();
    std::string body;
    std::size_t at = 0;
    std::size_t given = 0;
    while (true) {
        std::string_view bytes = text.substr(at, given - at);
        auto step = parser.feed(bytes);
        if (!step) {
            seen.error = step.error().message();
            seen.status = parser.failure_status();
            return seen;
        }
        at += step->used;
        if (step->event == Parser::Event::head) {
            seen.heads.push_back(parser.head());
        } else if (step->event == Parser::Event::body) {
            BOOST_REQUIRE(step->body.data() >= bytes.data() &&
                          step->body.data() + step->body.size() <= bytes.data() + bytes.size());
            body += step->body;
        } else if (step->event == Parser::Event::end) {
            seen.bodies.push_back(std::exchange(body, {}));
            if (seen.bodies.size() == messages) {
                seen.leftover = text.substr(at);
                return seen;
            }
            parser.next();
        } else {
            BOOST_REQUIRE(at == given);
            if (given == text.size()) break;
            given = std::min(text.size(), given + piece);
        }
    }
    bool idle = parser.idle();
    auto end = parser.finish();
    if (!end)
        seen.error = end.error().message();
    else if (!idle)
        seen.bodies.push_back(std::exchange(body, {}));
    return seen;
}

Seen run_both(Side side, std::string_view text, std::size_t messages = 100, bool no_body = false) {
    Seen whole = run(side, text, text.size(), messages, no_body);
    for (std::size_t piece : {1, 2, 3, 7}) {
        Seen pieces = run(side, text, piece, messages, no_body);
        BOOST_TEST(pieces.error == whole.error);
        BOOST_TEST(pieces.bodies == whole.bodies);
        BOOST_TEST(pieces.leftover == whole.leftover);
        BOOST_TEST(pieces.heads.size() == whole.heads.size());
    }
    return whole;
}

std::string request(std::string_view headers, std::string_view rest = "") {
    return fmt::format("POST /x HTTP/1.1\r\nHost: d\r\n{}\r\n{}", headers, rest);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http1)

BOOST_AUTO_TEST_CASE(a_request_is_taken_apart) {
    auto seen =
        run_both(Side::request, "GET /v1.44/containers/json?all=1 HTTP/1.1\r\nHost: docker\r\n"
                                "User-Agent:  curl/1 \r\nEmpty:\r\nX: 1\r\nx: 2\r\n\r\n");
    BOOST_REQUIRE(seen.error == "");
    BOOST_REQUIRE(seen.heads.size() == 1U);
    const Head& head = seen.heads[0];
    BOOST_TEST(head.method == "GET");
    BOOST_TEST(head.target == "/v1.44/containers/json?all=1");
    BOOST_TEST(head.minor == 1);
    BOOST_TEST(head.keep_alive);
    BOOST_TEST(!head.upgrade);
    BOOST_TEST((head.framing == Framing::none));
    BOOST_TEST(head.headers.size() == 5U);
    BOOST_TEST(head.headers.get("user-agent") == "curl/1");
    BOOST_TEST(head.headers.has("EMPTY"));
    BOOST_TEST(head.headers.get("Empty") == "");
    BOOST_TEST(head.headers.count("X") == 2U);
}

BOOST_AUTO_TEST_CASE(bodies_are_counted_or_chunked) {
    auto seen = run_both(Side::request,
                         request("Content-Length: 5\r\n", "hello") +
                             request("Transfer-Encoding: chunked\r\n",
                                     "3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n") +
                             request("Content-Length: 0\r\n"));
    BOOST_REQUIRE(seen.error == "");
    BOOST_REQUIRE(seen.bodies.size() == 3U);
    BOOST_TEST(seen.bodies[0] == "hello");
    BOOST_TEST(seen.bodies[1] == "abc0123456789");
    BOOST_TEST(seen.bodies[2] == "");
    BOOST_TEST((seen.heads[1].framing == Framing::chunked));
    BOOST_TEST(!seen.heads[1].headers.has("T"));
}

BOOST_AUTO_TEST_CASE(pipelined_requests_come_in_order) {
    std::string text;
    for (int i = 0; i < 20; ++i)
        text += fmt::format("GET /{} HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n{}", i, i,
                            std::string(static_cast<std::size_t>(i), 'x'));
    auto seen = run_both(Side::request, text);
    BOOST_REQUIRE(seen.error == "");
    BOOST_REQUIRE(seen.heads.size() == 20U);
    for (std::size_t i = 0; i < 20; ++i) {
        BOOST_TEST(seen.heads[i].target == fmt::format("/{}", i));
        BOOST_TEST(seen.bodies[i].size() == i);
    }
}

BOOST_AUTO_TEST_CASE(an_upgrade_leaves_the_other_protocol_alone) {
    auto seen = run_both(
        Side::request,
        request("Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n", "{}raw\0bytes"), 1);
    BOOST_REQUIRE(seen.error == "");
    BOOST_TEST(seen.heads[0].upgrade);
    BOOST_TEST(seen.bodies[0] == "{}");
    BOOST_TEST(seen.leftover == "raw");
    seen = run_both(Side::request,
                    request("Connection: keep-alive, upgrade\r\nUpgrade: tcp\r\n", "GET"), 1);
    BOOST_TEST(seen.heads[0].upgrade);
    BOOST_TEST(seen.leftover == "GET");
    seen = run_both(Side::response,
                    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhi", 1);
    BOOST_TEST(seen.heads[0].status == 101);
    BOOST_TEST(seen.leftover == "hi");
}

BOOST_AUTO_TEST_CASE(keep_alive_follows_version_and_connection) {
    auto alive = [](std::string_view text) {
        auto seen = run_both(Side::request, text, 1);
        BOOST_TEST(seen.error == "");
        return seen.heads.at(0).keep_alive;
    };
    BOOST_TEST(alive("GET / HTTP/1.1\r\nHost: d\r\n\r\n"));
    BOOST_TEST(!alive("GET / HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"));
    BOOST_TEST(!alive("GET / HTTP/1.0\r\n\r\n"));
    BOOST_TEST(alive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

// security-cases H1: each of these is refused, and nothing behind it is parsed.
BOOST_AUTO_TEST_CASE(what_could_smuggle_is_refused) {
    const std::string_view next = "GET /smuggled HTTP/1.1\r\nHost: d\r\n\r\n";
    std::vector<std::string> cases = {
        request("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
        request("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
        request("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"),
        request("Content-Length: 3, 3\r\n", "abc"),
        request("Content-Length: +3\r\n", "abc"),
        request("Content-Length: -3\r\n", "abc"),
        request("Content-Length: 0x3\r\n", "abc"),
        request("Content-Length: 3 3\r\n", "abc"),
        request("Content-Length:\r\n", ""),
        request("Content-Length: 18446744073709551617\r\n", "a"),
        request("Content-Length : 3\r\n", "abc"),
        request("Transfer-Encoding: gzip\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: identity\r\n", ""),
        request("Transfer-Encoding:\r\n", ""),
        request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        request("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
        request("X: a\r\n folded\r\n"),
        request("X: a\r\n\tfolded\r\n"),
        request("X:\r\n folded\r\n"),
        request("X: a\n"),
        request("X: a\rb\r\n"),
        request("X: a\r\r\n"),
        request("X:\rY: 1\r\n"),
        request(std::string_view("X: a\0b\r\n", 8)),
        request(std::string_view("X\0: a\r\n", 7)),
        request("X: a\x01\r\n"),
        request("X: a\x7f\r\n"),
        request("X y: a\r\n"),
        request(" X: a\r\n"),
        request(": a\r\n"),
        request("no colon\r\n"),
        request("X\xc3\xa4: a\r\n"),
        request("Host: second\r\n"),
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: d\n\n",
        "GET / HTTP/1.1\r\nHost: d\r\n\n",
        "GET  / HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: d\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: d\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: d\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: d\r\n\r\n",
        "GET / HTTP/0.9\r\nHost: d\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTPS/1.1\r\nHost: d\r\n\r\n",
        "get / HTTP/1.1\r\nHost: d\r\n\r\n",
        "FROB / HTTP/1.1\r\nHost: d\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: d\r\n\r\n",
        "SOURCE / ICE/1.0\r\nHost: d\r\n\r\n",
        "DESCRIBE / RTSP/1.0\r\nHost: d\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
    };
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    for (std::string_view bad : {"x\r\nabc\r\n0\r\n\r\n",
                                 "0x3\r\nabc\r\n0\r\n\r\n",
                                 "+3\r\nabc\r\n0\r\n\r\n",
                                 "-3\r\nabc\r\n0\r\n\r\n",
                                 " 3\r\nabc\r\n0\r\n\r\n",
                                 "3 \r\nabc\r\n0\r\n\r\n",
                                 "3\t\r\nabc\r\n0\r\n\r\n",
                                 "\r\n3\r\nabc\r\n0\r\n\r\n",
                                 ";a\r\nabc\r\n0\r\n\r\n",
                                 "3\nabc\r\n0\r\n\r\n",
                                 "3\r\nabc\n0\r\n\r\n",
                                 "3\r\nabcd\r\n0\r\n\r\n",
                                 "3\r\nab\r\n0\r\n\r\n",
                                 "3\rabc\r\n0\r\n\r\n",
                                 "3\r\nabc0\r\n\r\n",
                                 "3;a\nabc\r\n0\r\n\r\n",
                                 "3;a=\rb\r\nabc\r\n0\r\n\r\n",
                                 "10000000000000000\r\nabc\r\n0\r\n\r\n",
                                 "FFFFFFFFFFFFFFFFF\r\nabc",
                                 "0\r\n T: 1\r\n\r\n",
                                 "0\r\nT: 1\n\r\n",
                                 "0\r\nT\r\n\r\n",
                                 "0\n\r\n",
                                 "0\r\n\n",
                                 "0\r\nT: a\rb\r\n\r\n",
                                 "3;a=\x01\r\nabc\r\n0\r\n\r\n",
                                 "3;\n\r\nabc\r\n0\r\n\r\n"})
        cases.push_back(request(chunked, bad));
    for (const std::string& text : cases) {
        BOOST_TEST_CONTEXT(text) {
            auto seen = run_both(Side::request, text + std::string(next));
            BOOST_TEST(seen.error != "");
            BOOST_TEST(seen.error != "unexpected EOF");
            for (const Head& head : seen.heads)
                BOOST_TEST(head.target != "/smuggled");
        }
    }
}

BOOST_AUTO_TEST_CASE(limits_have_their_own_statuses) {
    std::string many;
    for (std::size_t i = 0; i < limits::header_count_max; ++i)
        many += fmt::format("X{}: 1\r\n", i);
    auto seen = run(Side::request, request(many), 4096);
    BOOST_TEST(seen.status == 431);
    seen = run(Side::request, request("X: " + std::string(limits::header_bytes_max, 'a') + "\r\n"),
               4096);
    BOOST_TEST(seen.status == 431);
    seen = run(Side::request, "GET /" + std::string(limits::url_bytes_max, 'a') + " HTTP/1.1\r\n",
               4096);
    BOOST_TEST(seen.status == 414);
    seen = run(Side::request, "GET / HTTP/3.0\r\nHost: d\r\n\r\n", 4096);
    BOOST_TEST(seen.status == 505);
    // An endless head is refused while it comes, not when it ends.
    seen = run(Side::request, "GET / HTTP/1.1\r\n" + std::string(1 << 20, 'a'), 1000);
    BOOST_TEST(seen.error != "unexpected EOF");
}

BOOST_AUTO_TEST_CASE(wordy_chunking_is_refused) {
    std::string text = request("Transfer-Encoding: chunked\r\n");
    for (int i = 0; i < 100; ++i)
        text += "1;" + std::string(1000, 'e') + "\r\na\r\n";
    auto seen = run(Side::request, text, 777);
    BOOST_TEST(seen.error == "chunked encoding is too wordy");
    seen = run(Side::request,
               request("Transfer-Encoding: chunked\r\n", "1;") + std::string(1 << 20, 'e'), 777);
    BOOST_TEST(seen.error == "chunked encoding is too wordy");
    // One-byte chunks are silly but allowed, any number of them.
    text = request("Transfer-Encoding: chunked\r\n");
    for (int i = 0; i < 20000; ++i)
        text += "1\r\na\r\n";
    text += "0\r\n\r\n";
    seen = run(Side::request, text, 777);
    BOOST_TEST(seen.error == "");
    BOOST_TEST(seen.bodies.at(0).size() == 20000U);
    text = request("Transfer-Encoding: chunked\r\n", "0\r\n");
    for (int i = 0; i < 100; ++i)
        text += fmt::format("T{}: 1\r\n", i);
    seen = run(Side::request, text + "\r\n", 777);
    BOOST_TEST(seen.error == "too many trailer lines");
}

BOOST_AUTO_TEST_CASE(half_a_request_is_no_request) {
    std::string text = request("Content-Length: 3\r\nX: y\r\n", "abc");
    for (std::size_t size = 1; size < text.size(); ++size)
        BOOST_TEST(run(Side::request, text.substr(0, size), size).error == "unexpected EOF");
    text = request("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nT: 1\r\n\r\n");
    for (std::size_t size = 1; size < text.size(); ++size)
        BOOST_TEST(run(Side::request, text.substr(0, size), size).error == "unexpected EOF");
    BOOST_TEST(run(Side::request, "", 1).error == "");
    BOOST_TEST(run(Side::request, "\r\n\r\n", 1).error == "");
    auto seen = run_both(Side::request, "\r\n\r\n" + text);
    BOOST_TEST(seen.error == "");
    BOOST_TEST(seen.heads.size() == 1U);
}

BOOST_AUTO_TEST_CASE(responses_end_where_the_rules_say) {
    auto seen = run_both(Side::response,
                         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
                         "HTTP/1.1 204 No Content\r\n\r\n"
                         "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
                         "HTTP/1.1 100 Continue\r\n\r\n"
                         "HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                         "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    BOOST_TEST(seen.error == "");
    BOOST_REQUIRE(seen.bodies.size() == 6U);
    BOOST_TEST(seen.bodies[0] == "hi");
    BOOST_TEST(seen.bodies[4] == "x");
    BOOST_TEST(seen.bodies[5] == "until the end");
    BOOST_TEST(!seen.heads[5].keep_alive);
    BOOST_TEST(seen.heads[0].reason == "OK");
    BOOST_TEST(seen.heads[3].status == 100);
    seen = run_both(Side::response, "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", 1, true);
    BOOST_TEST(seen.error == "");
    BOOST_TEST(seen.bodies.size() == 1U);
    BOOST_TEST(run_both(Side::response, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi").error ==
               "unexpected EOF");
    for (std::string_view bad :
         {"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 xx OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n"})
        BOOST_TEST(run_both(Side::response, bad).error != "");
}

BOOST_AUTO_TEST_CASE(a_header_value_cannot_add_a_line) {
    Headers headers{{"A", "1\r\nB: 2"}};
    BOOST_TEST(write_response_head(200, headers) == "HTTP/1.1 200 OK\r\nA: 1  B: 2\r\n\r\n");
    BOOST_TEST(write_request_head("GET", "/", Headers()) == "GET / HTTP/1.1\r\n\r\n");
    BOOST_TEST(chunk_head(500) == "1f4\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
