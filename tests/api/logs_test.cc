// The logs call: what it sends of a log that is there and of one that grows.
#include "api/logs.h"
#include "codec/stdcopy.h"
#include "http/server.h"
#include "loop/scope.h"
#include "support/loop_fixture.h"
#include "support/scratch_folder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <unistd.h>

BOOST_FIXTURE_TEST_SUITE(logs_call, support::LoopFixture)

namespace {

using namespace std::chrono_literals;
using codec::LogStream;

constexpr std::int64_t second = 1'000'000'000;
const std::string name = "c-json.log";

struct Place {
    explicit Place(Loop& l) : loop(l), workers(l, 1), console(l, workers, std::string()) {}
    store::LogWriter writer(std::string attrs = "") {
        store::LogOptions options;
        options.attrs_json = std::move(attrs);
        return *store::LogWriter::open(*sys::open_folder(scratch.path()), name, options);
    }
    // One run whose stdout we hold.
    Fd run() {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        run::Console console_ends;
        console_ends.stdout_ = Fd(ends[0]);
        console.open(std::move(console_ends), false,
                     engine::Console::Log{writer(), std::nullopt});
        return Fd(ends[1]);
    }
    Task<Result<http::Reply>> answer(http::Request& request) {
        http::Version version{1, request.path() == "/old" ? 41 : 55};
        request.enter(version, request.path());
        CO_TRY(api::LogOrder order, api::read_log_order(request.query()));
        CO_TRY(Fd folder, sys::open_folder(scratch.path()));
        CO_TRY(store::LogReader log, store::LogReader::open(std::move(folder), name, order.query));
        co_return co_await api::send_log(workers, std::move(log), console, order, terminal,
                                         request);
    }

    Loop& loop;
    support::ScratchFolder scratch;
    Workers workers;
    engine::Console console;
    bool terminal = false;
};

struct Asked {
    Asked(Place& place, std::string target)
        : server(place.loop, [&place](http::Request& request) { return place.answer(request); }) {
        auto [a, b] = loop::stream_pair(place.loop);
        client = std::move(a);
        server.serve(std::move(b), http::Peer::Kind::unix_socket);
        request = "GET " + target + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    }
    // All that comes until the server closes or nothing came for `quiet`.
    Task<std::string> read(std::chrono::milliseconds quiet) {
        if (!request.empty()) (void)co_await client->write(Slice::copy_of(std::move(request)));
        request.clear();
        std::string all;
        while (true) {
            auto piece = co_await loop::within(server_loop(), quiet, client->read());
            if (!piece) co_return all;
            if (piece->empty()) {
                ended = true;
                co_return all;
            }
            all += piece->view();
        }
    }
    Loop& server_loop() { return *loop_; }
    http::Server server;
    std::unique_ptr<Stream> client;
    std::string request;
    bool ended = false;
    Loop* loop_ = nullptr;
};

// The payloads of the frames in a chunked answer, "1:" or "2:" before each.
std::string demux(const std::string& reply) {
    std::string_view rest = std::string_view(reply).substr(reply.find("\r\n\r\n") + 4);
    std::string body;
    while (!rest.empty()) {
        std::size_t size = std::stoul(std::string(rest.substr(0, rest.find("\r\n"))), nullptr, 16);
        rest.remove_prefix(rest.find("\r\n") + 2);
        body += rest.substr(0, size);
        rest.remove_prefix(std::min(rest.size(), size + 2));
        if (size == 0) break;
    }
    codec::FrameDecoder decoder;
    codec::FrameDecoder::Piece piece;
    std::string out;
    std::string_view input = body;
    while (true) {
        auto more = decoder.next(input, piece);
        BOOST_REQUIRE(more);
        if (!*more) return out;
        out += std::to_string(static_cast<int>(piece.stream)) + ":";
        out += piece.bytes;
    }
}

Task<std::string> ask(Place& place, std::string target) {
    Asked asked(place, std::move(target));
    asked.loop_ = &place.loop;
    std::string reply = co_await asked.read(2s);
    BOOST_TEST(asked.ended);
    co_await asked.server.close();
    co_return reply;
}

void put(store::LogWriter& log, LogStream stream, std::string_view text, std::int64_t at) {
    BOOST_REQUIRE(log.append(stream, text, Time{(1'700'000'000 + at) * second}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(streams_tails_times_and_details) {
    run([](Loop& l) -> Task<void> {
        Place place(l);
        store::LogWriter log = place.writer(R"({"b":"x y","a":"1=2"})");
        put(log, LogStream::out, "one\n", 1);
        put(log, LogStream::err, "two\n", 2);
        put(log, LogStream::out, "three\n", 3);
        std::string both = "?stdout=1&stderr=1";
        BOOST_TEST(demux(co_await ask(place, "/" + both)) == "1:one\n2:two\n1:three\n");
        BOOST_TEST(demux(co_await ask(place, "/?stderr=1")) == "2:two\n");
        BOOST_TEST(demux(co_await ask(place, "/" + both + "&tail=2")) == "2:two\n1:three\n");
        BOOST_TEST(demux(co_await ask(place, "/?stdout=1&tail=1")) == "1:three\n");
        BOOST_TEST(demux(co_await ask(place, "/" + both + "&tail=x&since=1700000002")) ==
                   "2:two\n1:three\n");
        BOOST_TEST(demux(co_await ask(place, "/" + both + "&until=1700000002.5&since=0")) ==
                   "1:one\n2:two\n");
        BOOST_TEST(demux(co_await ask(place, "/?stderr=1&timestamps=1&details=1")) ==
                   "2:2023-11-14T22:13:22.000000000Z a=1%3D2,b=x+y two\n");
        // Nobody runs: following ends at once.
        BOOST_TEST(demux(co_await ask(place, "/" + both + "&follow=1")) ==
                   "1:one\n2:two\n1:three\n");
    }(loop()));
}

BOOST_AUTO_TEST_CASE(the_media_type_goes_with_version_and_terminal) {
    run([](Loop& l) -> Task<void> {
        Place place(l);
        store::LogWriter log = place.writer();
        put(log, LogStream::out, "hi\r\n", 1);
        std::string reply = co_await ask(place, "/?stdout=1");
        BOOST_TEST(reply.find("Content-Type: application/vnd.docker.multiplexed-stream\r\n") !=
                   reply.npos);
        reply = co_await ask(place, "/old?stdout=1");
        BOOST_TEST(reply.find("Content-Type: application/vnd.docker.raw-stream\r\n") != reply.npos);
        place.terminal = true;
        reply = co_await ask(place, "/?stdout=1");
        BOOST_TEST(reply.find("Content-Type: application/vnd.docker.raw-stream\r\n") != reply.npos);
        BOOST_TEST(reply.find("\r\n\r\n4\r\nhi\r\n\r\n0\r\n") != reply.npos);
        reply = co_await ask(place, "/?tail=1");
        BOOST_TEST(reply.starts_with("HTTP/1.1 400 "));
        BOOST_TEST(reply.find("you must choose at least one stream") != reply.npos);
        reply = co_await ask(place, "/?stdout=1&since=soon");
        BOOST_TEST(reply.starts_with("HTTP/1.1 400 "));
    }(loop()));
}

BOOST_AUTO_TEST_CASE(following_sees_all_until_the_run_has_ended) {
    run([](Loop& l) -> Task<void> {
        Place place(l);
        Fd out = place.run();
        {
            Asked asked(place, "/?stdout=1&stderr=1&follow=1");
            asked.loop_ = &l;
            std::string reply = co_await asked.read(50ms);
            // The head does not wait for a line.
            BOOST_TEST(reply.starts_with("HTTP/1.1 200 OK\r\n"));
            BOOST_TEST(::write(out.get(), "one\ntwo", 7) == 7);
            reply += co_await asked.read(100ms);
            BOOST_TEST(demux(reply + "0\r\n") == "1:one\n");
            BOOST_TEST(::write(out.get(), "\nend", 4) == 4);
            out.reset();
            co_await place.console.drain();
            reply += co_await asked.read(2s);
            BOOST_TEST(asked.ended);
            BOOST_TEST(demux(reply) == "1:one\n1:two\n1:end");
            co_await asked.server.close();
        }
    }(loop()));
}

BOOST_AUTO_TEST_CASE(following_ends_at_until_and_with_the_client) {
    run([](Loop& l) -> Task<void> {
        Place place(l);
        Fd out = place.run();
        BOOST_TEST(::write(out.get(), "one\n", 4) == 4);
        Time soon{base::now().ns + second / 5};
        std::string until = std::to_string(soon.ns / second) + "." +
                            std::to_string(second + soon.ns % second).substr(1);
        std::string reply = co_await ask(place, "/?stdout=1&follow=1&until=" + until);
        BOOST_TEST(demux(reply) == "1:one\n");
        BOOST_TEST((base::now() >= soon));
        {
            Asked asked(place, "/?stdout=1&follow=1");
            asked.loop_ = &l;
            (void)co_await asked.read(50ms);
            BOOST_TEST(asked.server.connections() == 1u);
            asked.client.reset();
            for (int i = 0; i < 100 && asked.server.connections() > 0; ++i)
                (void)co_await loop::sleep(l, 5ms);
            BOOST_TEST(asked.server.connections() == 0u);
            co_await asked.server.close();
        }
        out.reset();
        co_await place.console.drain();
    }(loop()));
}

BOOST_AUTO_TEST_SUITE_END()
