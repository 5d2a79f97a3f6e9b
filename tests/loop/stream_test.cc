// Streams over sockets, pipes, terminals and memory.
#include "loop/net.h"
#include "loop/scope.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "support/hostile_stream.h"
#include "support/loop_fixture.h"

#include <fcntl.h>
#include <pty.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using support::LoopFixture;

namespace {

Task<std::string> read_to_end(Stream& stream) {
    std::string text;
    for (;;) {
        Result<Slice> part = co_await stream.read();
        if (!part || part->empty()) co_return text;
        text += part->view();
    }
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + i % 23);
    return text;
}

Task<void> send_all(Stream& stream, std::string text) {
    std::size_t half = text.size() / 2;
    Slice whole = Slice::copy_of(text);
    Status first = co_await stream.write(whole.cut(0, half));
    std::vector<Slice> parts{whole.cut(half, 1), whole.cut(half + 1)};
    Status second = co_await stream.write_all(std::move(parts));
    BOOST_TEST(static_cast<bool>(first));
    BOOST_TEST(static_cast<bool>(second));
    (void)co_await stream.shutdown();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_megabyte_crosses_a_socket_pair_with_back_pressure, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        auto left = loop::stream_of(loop, Fd(ends[0]));
        auto right = loop::stream_of(loop, Fd(ends[1]));
        std::string text = pattern(1024 * 1024 + 7);
        Scope scope(loop);
        scope.spawn(send_all(*left, text));
        BOOST_TEST((co_await read_to_end(*right) == text));
        co_await scope.join();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(hostile_wrappers_change_timing_not_bytes, LoopFixture) {
    for (support::Hostility how : support::harmless_hostilities)
        run([](Loop& loop, support::Hostility how) -> Task<void> {
            auto [left, right] = loop::stream_pair(loop, 1000);
            support::HostileStream reader(loop, std::move(right), how);
            std::string text = pattern(5000);
            Scope scope(loop);
            scope.spawn(send_all(*left, text));
            BOOST_TEST((co_await read_to_end(reader) == text));
            co_await scope.join();
        }(loop(), how));
}

BOOST_FIXTURE_TEST_CASE(closing_a_stream_ends_a_pending_read, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        Fd writer(ends[1]);
        auto reader = loop::stream_of(loop, Fd(ends[0]));
        Scope scope(loop);
        bool cancelled = false;
        scope.spawn([](Stream& reader, bool& cancelled) -> Task<void> {
            Result<Slice> got = co_await reader.read();
            cancelled = !got && got.error().kind() == Kind::cancelled;
        }(*reader, cancelled));
        co_await loop.yield();
        reader->close();
        co_await scope.join();
        BOOST_TEST(cancelled);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_hang_up_is_seen_without_reading, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        auto left = loop::stream_of(loop, Fd(ends[0]));
        auto right = loop::stream_of(loop, Fd(ends[1]));
        (void)co_await left->write(Slice::literal("unread"));
        Scope scope(loop);
        bool seen = false;
        scope.spawn([](Stream& right, bool& seen) -> Task<void> {
            Status done = co_await right.hung_up();
            seen = static_cast<bool>(done);
        }(*right, seen));
        (void)co_await loop::sleep(loop, loop::Milliseconds(5));
        BOOST_TEST(!seen);
        left->close();
        co_await scope.join();
        BOOST_TEST(seen);
        BOOST_TEST((*co_await right->read()).view() == "unread");
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_terminal_whose_slave_is_closed_reads_as_ended, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int master = -1;
        int slave = -1;
        BOOST_REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
        auto stream = loop::stream_of(loop, Fd(master));
        BOOST_REQUIRE(::write(slave, "x\n", 2) == 2);
        ::close(slave);
        BOOST_TEST(co_await read_to_end(*stream) == "x\r\n");
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_unix_listener_replaces_a_stale_socket_and_keeps_its_mode, LoopFixture) {
    std::string path = "/tmp/lighter-loop-test-" + std::to_string(::getpid()) + ".sock";
    run([](Loop& loop, std::string path) -> Task<void> {
        {
            // A socket file as a killed process leaves it.
            auto stale = loop::Listener::on_unix(loop, path, 0600, -1);
            BOOST_REQUIRE(static_cast<bool>(stale));
            ::link(path.c_str(), (path + ".kept").c_str());
        }
        ::rename((path + ".kept").c_str(), path.c_str());
        auto listener = loop::Listener::on_unix(loop, path, 0660, -1);
        BOOST_REQUIRE(static_cast<bool>(listener));
        struct stat info {};
        ::stat(path.c_str(), &info);
        BOOST_TEST((info.st_mode & 0777) == 0660u);
        auto second = loop::Listener::on_unix(loop, path, 0660, -1);
        BOOST_TEST((second.error().kind() == Kind::conflict));
        // The probe of the second listener is waiting in the backlog.
        auto probe = co_await (*listener)->accept();
        auto client = co_await loop::connect_unix(loop, path);
        auto server = co_await (*listener)->accept();
        BOOST_REQUIRE(client && server);
        Scope scope(loop);
        scope.spawn(send_all(**client, "hello"));
        BOOST_TEST(co_await read_to_end(**server) == "hello");
        co_await scope.join();
    }(loop(), path));
    BOOST_TEST(::access(path.c_str(), F_OK) != 0);
}

BOOST_FIXTURE_TEST_CASE(tcp_connects_by_resolved_name_and_reports_refusal, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        auto listener = loop::Listener::on_tcp(loop, "127.0.0.1", 0);
        BOOST_REQUIRE(static_cast<bool>(listener));
        std::uint16_t port = (*listener)->port();
        auto addresses = co_await loop::resolve(loop, "127.0.0.1", port);
        BOOST_REQUIRE(static_cast<bool>(addresses));
        auto client = co_await loop::connect_tcp(loop, addresses->front());
        BOOST_TEST(static_cast<bool>(client));
        (*listener)->close();
        auto refused = co_await loop::connect_tcp(loop, addresses->front());
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().message() ==
                   "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused");
    }(loop()));
}
