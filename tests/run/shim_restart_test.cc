// The daemon goes and comes back, the shim goes, others talk nonsense: containers run on and their
// ends and output are told.
#include "container_fixture.h"
#include "run/pidfd.h"
#include "run/protocol.h"
#include "run/shim_socket.h"
#include "run/spool.h"

#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

using support::ContainerFixture;
using support::Outcome;
using namespace run::protocol;

namespace {

struct Piece {
    int stream;
    std::string text;
};

// What lies in a spool, neighbours of one stream joined.
// `keep`: as a lighterd that cannot write its log, so that nothing counts as taken.
std::vector<Piece> read_spool(Fd& spool, bool keep = false) {
    std::vector<Piece> pieces;
    Status read = run::replay_spool(std::move(spool),
                                    [&](int stream, std::string_view text, Time time) -> Status {
                                        if (stream == 0) return {};
                                        std::int64_t age = base::now().ns - time.ns;
                                        BOOST_TEST(age >= 0);
                                        BOOST_TEST(age < 60'000'000'000);
                                        if (!pieces.empty() && pieces.back().stream == stream)
                                            pieces.back().text += text;
                                        else
                                            pieces.push_back({stream, std::string(text)});
                                        if (keep)
                                            return Error(Kind::internal, "no space left on device");
                                        return {};
                                    });
    BOOST_TEST(bool(read) == !keep);
    return pieces;
}

std::string rest_of(Fd fd) {
    std::string text;
    char buffer[4096];
    for (;;) {
        pollfd one{fd.get(), POLLIN, 0};
        ::poll(&one, 1, 5000);
        ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
        if (got <= 0) return text;
        text.append(buffer, std::size_t(got));
    }
}

// The process at the other end of the socket.
pid_t shim_pid(const run::ShimPaths& paths) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        std::ifstream file(entry.path() / "cmdline");
        std::string line{std::istreambuf_iterator<char>(file), {}};
        if (line == std::string("lighter-shim") + '\0' + paths.exec_root + '\0')
            return pid_t(std::stoi(entry.path().filename()));
    }
    return 0;
}

Task<Result<run::Started>> start(ContainerFixture& self, run::ContainerSpec wanted) {
    CO_TRY(run::Prepared prepared, self.prepare(std::move(wanted)));
    co_return co_await self.client().start(std::move(prepared));
}

Task<void> pause(ContainerFixture& self, int milliseconds) {
    (void)co_await loop::sleep(self.loop(), loop::Milliseconds(milliseconds));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shim_restart, ContainerFixture)

BOOST_AUTO_TEST_CASE(a_daemon_that_comes_back_finds_output_ends_and_running_containers) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        pid_t shim = shim_pid(self.paths());
        run::ContainerSpec talker = self.shell("sleep 0.1; echo one; sleep 0.05; echo two >&2; "
                                               "sleep 0.05; echo three; exit 11");
        run::ContainerSpec reader = self.shell("sleep 0.1; echo waiting; cat; exit 12");
        reader.process.open_stdin = true;
        std::string talker_id = talker.id;
        std::string reader_id = reader.id;
        BOOST_REQUIRE(co_await start(self, std::move(talker)));
        BOOST_REQUIRE(co_await start(self, std::move(reader)));
        // As kill -9 leaves it: the socket and all descriptors are just closed.
        self.drop_client();
        co_await pause(self, 600);
        BOOST_REQUIRE(co_await self.connect());
        BOOST_TEST(shim_pid(self.paths()) == shim);
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 2U);
        run::Adopted& ended = adopted[0].id == talker_id ? adopted[0] : adopted[1];
        run::Adopted& running = adopted[0].id == talker_id ? adopted[1] : adopted[0];

        BOOST_TEST(ended.ended);
        BOOST_TEST(ended.exit.code == 11);
        BOOST_REQUIRE(bool(ended.spool));
        std::vector<Piece> pieces = read_spool(ended.spool);
        BOOST_REQUIRE(pieces.size() == 3U);
        BOOST_TEST(pieces[0].text == "one\n");
        BOOST_TEST(pieces[1].text == "two\n");
        BOOST_TEST(pieces[1].stream == 2);
        BOOST_TEST(pieces[2].text == "three\n");
        self.client().acknowledge(talker_id);

        BOOST_TEST(running.id == reader_id);
        BOOST_TEST(!running.ended);
        BOOST_TEST(running.pid > 1);
        BOOST_REQUIRE(bool(running.spool));
        BOOST_TEST(read_spool(running.spool).at(0).text == "waiting\n");
        BOOST_TEST(::write(running.console.stdin_.get(), "now\n", 4) == 4);
        running.console.stdin_.reset();
        self.client().close_stdin(reader_id);
        auto end = co_await self.client().next_ended();
        BOOST_REQUIRE(end);
        BOOST_TEST(end->id == reader_id);
        BOOST_TEST(end->exit.code == 12);
        BOOST_TEST(rest_of(std::move(running.console.stdout_)) == "now\n");
        self.client().acknowledge(reader_id);
        // All is known and forgotten: a third daemon finds nothing.
        self.drop_client();
        co_await pause(self, 50);
        BOOST_REQUIRE(co_await self.connect());
        BOOST_TEST(self.client().take_adopted().empty());
    }(*this));
}

BOOST_AUTO_TEST_CASE(an_end_that_was_not_acknowledged_is_told_again_and_a_spool_kept) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("sleep 0.1; echo said; exit 4");
        std::string id = wanted.id;
        BOOST_REQUIRE(co_await start(self, std::move(wanted)));
        self.drop_client();
        co_await pause(self, 400);
        for (int round = 0; round < 3; ++round) {
            BOOST_REQUIRE(co_await self.connect());
            std::vector<run::Adopted> adopted = self.client().take_adopted();
            BOOST_REQUIRE(adopted.size() == 1U);
            BOOST_TEST(adopted[0].exit.code == 4);
            BOOST_REQUIRE(bool(adopted[0].spool));
            BOOST_TEST(read_spool(adopted[0].spool, true).at(0).text == "said\n");
            if (round == 2) self.client().acknowledge(id);
            self.drop_client();
            co_await pause(self, 20);
        }
        BOOST_REQUIRE(co_await self.connect());
        BOOST_TEST(self.client().take_adopted().empty());
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_spool_that_was_taken_is_not_given_again) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("sleep 0.1; echo first; sleep 0.4; echo second");
        std::string id = wanted.id;
        BOOST_REQUIRE(co_await start(self, std::move(wanted)));
        self.drop_client();
        co_await pause(self, 250);
        for (const char* expected : {"first\n", "second\n"}) {
            BOOST_REQUIRE(co_await self.connect());
            std::vector<run::Adopted> adopted = self.client().take_adopted();
            BOOST_REQUIRE(adopted.size() == 1U);
            BOOST_REQUIRE(bool(adopted[0].spool));
            BOOST_TEST(read_spool(adopted[0].spool).at(0).text == expected);
            self.drop_client();
            co_await pause(self, 500);
        }
        BOOST_REQUIRE(co_await self.connect());
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 1U);
        BOOST_TEST(adopted[0].ended);
        BOOST_TEST(!adopted[0].spool);
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(output_without_a_daemon_is_bounded_and_then_waits) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        constexpr std::size_t blocks = 12 * 16;  // 12 MB
        run::ContainerSpec wanted = self.shell(fmt::format(
            "sleep 0.1; dd if=/dev/zero bs=65536 count={} 2>/dev/null; exit 6", blocks));
        std::string id = wanted.id;
        BOOST_REQUIRE(co_await start(self, std::move(wanted)));
        self.drop_client();
        co_await pause(self, 800);
        BOOST_REQUIRE(co_await self.connect());
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 1U);
        BOOST_TEST(!adopted[0].ended);
        std::size_t spooled = 0;
        for (const Piece& piece : read_spool(adopted[0].spool))
            spooled += piece.text.size();
        BOOST_TEST(spooled > spool_bytes_max / 10 * 9);
        BOOST_TEST(spooled <= spool_bytes_max);
        std::string rest;
        co_await self.collect(self.loop(), std::move(adopted[0].console.stdout_), rest);
        BOOST_TEST(spooled + rest.size() == blocks * 65536);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 6);
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_terminal_survives_the_daemon) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("sleep 0.1; echo before; read x; echo \"x=$x\"");
        wanted.process.terminal = true;
        std::string id = wanted.id;
        BOOST_REQUIRE(co_await start(self, std::move(wanted)));
        self.drop_client();
        co_await pause(self, 300);
        BOOST_REQUIRE(co_await self.connect());
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 1U);
        BOOST_TEST(!adopted[0].ended);
        BOOST_TEST(read_spool(adopted[0].spool).at(0).text == "before\r\n");
        BOOST_TEST(::write(adopted[0].console.pty.get(), "5\n", 2) == 2);
        std::string rest;
        co_await self.collect(self.loop(), std::move(adopted[0].console.pty), rest);
        BOOST_TEST(rest == "5\r\nx=5\r\n");
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(containers_outlive_the_shim_and_their_ends_are_told) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("sleep 0.3; echo alive; exit 13");
        std::string id = wanted.id;
        auto started = co_await start(self, std::move(wanted));
        BOOST_REQUIRE(started);
        pid_t shim = shim_pid(self.paths());
        BOOST_REQUIRE(shim > 1);
        ::kill(shim, SIGKILL);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->id == id);
        // Linux 6.15 and newer know the code of a process that was not ours.
        BOOST_TEST((ended->exit.code == 13 || ended->exit.code == 255));
        BOOST_TEST(rest_of(std::move(started->console.stdout_)) == "alive\n");
        // Another shim takes over for what comes.
        Scope scope(self.loop());
        auto again = co_await self.outcome(self.shell("echo again; exit 2"));
        BOOST_REQUIRE(again);
        BOOST_TEST(again->out == "again\n");
        BOOST_TEST(again->exit.code == 2);
        BOOST_TEST(shim_pid(self.paths()) != shim);
        co_await scope.join();
    }(*this));
}

BOOST_AUTO_TEST_CASE(another_shim_holds_what_a_dead_one_held) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("echo one; read x; echo two; sleep 0.3; exit 7");
        wanted.process.open_stdin = true;
        std::string id = wanted.id;
        auto started = co_await start(self, std::move(wanted));
        BOOST_REQUIRE(started);
        run::Console& console = started->console;
        self.client().lend_with([&](const std::string&) -> std::optional<run::Console> {
            run::Console copy;
            copy.stdin_ = std::move(*console.stdin_.duplicate());
            copy.stdout_ = std::move(*console.stdout_.duplicate());
            copy.stderr_ = std::move(*console.stderr_.duplicate());
            return copy;
        });
        pid_t shim = shim_pid(self.paths());
        ::kill(shim, SIGKILL);
        // Whoever follows the ends starts the next one.
        auto none =
            co_await loop::within(self.loop(), loop::Milliseconds(500), self.client().next_ended());
        BOOST_TEST(!none);
        BOOST_TEST(shim_pid(self.paths()) > 1);
        BOOST_TEST(shim_pid(self.paths()) != shim);
        // And now the daemon dies, too.
        BOOST_TEST(::write(console.stdin_.get(), "go\n", 3) == 3);
        console = run::Console();
        self.drop_client();
        co_await pause(self, 100);
        BOOST_REQUIRE(co_await self.connect());
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 1U);
        BOOST_TEST(adopted[0].id == id);
        BOOST_TEST(!adopted[0].ended);
        BOOST_TEST(adopted[0].pid == started->pid);
        std::string text;
        for (const Piece& piece : read_spool(adopted[0].spool))
            text += piece.text;
        text += rest_of(std::move(adopted[0].console.stdout_));
        BOOST_TEST(text == "one\ntwo\n");
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST((ended->exit.code == 7 || ended->exit.code == 255));
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(what_no_shim_knows_is_watched_by_the_next) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.spec({"sleep", "100"});
        std::string id = wanted.id;
        auto started = co_await start(self, std::move(wanted));
        BOOST_REQUIRE(started);
        std::string mark = run::process_mark(started->pid);
        BOOST_TEST(!mark.empty());
        BOOST_TEST(!run::reopen_process(started->pid, mark + "1"));
        BOOST_TEST(!run::reopen_process(started->pid, ""));
        ::kill(shim_pid(self.paths()), SIGKILL);
        self.drop_client();
        co_await pause(self, 50);
        BOOST_REQUIRE(co_await self.connect());
        BOOST_TEST(self.client().take_adopted().empty());
        Fd pidfd = run::reopen_process(started->pid, mark);
        BOOST_REQUIRE(bool(pidfd));
        self.client().lend_with([](const std::string&) { return run::Console(); });
        BOOST_TEST(bool(co_await self.client().foster(id, started->pid, std::move(pidfd))));
        // A daemon after that finds it with the shim.
        self.drop_client();
        co_await pause(self, 50);
        BOOST_REQUIRE(co_await self.connect());
        std::vector<run::Adopted> adopted = self.client().take_adopted();
        BOOST_REQUIRE(adopted.size() == 1U);
        BOOST_TEST(adopted[0].id == id);
        BOOST_TEST(bool(run::send_signal(adopted[0].pidfd, SIGKILL)));
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST((ended->exit.code == 137 || ended->exit.code == 255));
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_waiting_daemon_hears_of_ends_after_the_shim_died) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        for (int i = 0; i < 3; ++i)
            BOOST_REQUIRE(co_await start(self, self.spec({"sleep", "0.4"})));
        ::kill(shim_pid(self.paths()), SIGKILL);
        co_await pause(self, 50);
        // A start goes to another shim while the old containers are still watched.
        BOOST_REQUIRE(co_await start(self, self.spec({"sleep", "0.1"})));
        for (int i = 0; i < 4; ++i) {
            auto ended = co_await self.client().next_ended();
            BOOST_REQUIRE(ended);
            BOOST_TEST((ended->exit.code == 0 || ended->exit.code == 255));
            self.client().acknowledge(ended->id);
        }
    }(*this));
}

BOOST_AUTO_TEST_CASE(the_shim_ends_when_nobody_needs_it_and_leaves_no_file) {
    run([](ContainerFixture& self) -> Task<void> {
        auto outcome = co_await self.outcome(self.shell("true"));
        BOOST_REQUIRE(outcome);
        pid_t shim = shim_pid(self.paths());
        BOOST_REQUIRE(shim > 1);
        self.drop_client();
        ::kill(shim, SIGTERM);
        for (int i = 0; i < 100 && shim_pid(self.paths()) != 0; ++i)
            co_await pause(self, 20);
        BOOST_TEST(shim_pid(self.paths()) == 0);
        BOOST_TEST(std::filesystem::is_empty(self.exec_root()));
        auto again = co_await self.outcome(self.shell("exit 3"));
        BOOST_REQUIRE(again);
        BOOST_TEST(again->exit.code == 3);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_signal_to_the_shim_does_not_end_containers) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("sleep 0.3; exit 8");
        BOOST_REQUIRE(co_await start(self, std::move(wanted)));
        pid_t shim = shim_pid(self.paths());
        for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
            ::kill(shim, number);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 8);
        self.client().acknowledge(ended->id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(two_exec_roots_know_nothing_of_each_other) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ShimPaths other{LIGHTER_SHIM, self.make_exec_root("other")};
        auto second = co_await run::ShimClient::connect_or_start(self.loop(), other);
        BOOST_REQUIRE(second);
        BOOST_TEST(shim_pid(self.paths()) != shim_pid(other));
        run::ContainerSpec wanted = self.shell("exit 21");
        auto here = self.prepare(wanted);
        auto there = self.prepare(wanted);
        BOOST_REQUIRE(here);
        BOOST_REQUIRE(there);
        // The same id in both.
        BOOST_REQUIRE(co_await self.client().start(std::move(*here)));
        BOOST_REQUIRE(co_await (*second)->start(std::move(*there)));
        auto first_end = co_await self.client().next_ended();
        auto second_end = co_await (*second)->next_ended();
        BOOST_REQUIRE(first_end);
        BOOST_REQUIRE(second_end);
        BOOST_TEST(first_end->exit.code == 21);
        BOOST_TEST(second_end->exit.code == 21);
        self.client().acknowledge(wanted.id);
        (*second)->acknowledge(wanted.id);
        // A second engine on the same exec root is turned away, the first goes on.
        auto third = co_await run::ShimClient::connect_or_start(self.loop(), other);
        BOOST_REQUIRE(!third);
        BOOST_TEST(third.error().message().find("another engine") != std::string::npos);
        BOOST_TEST(bool(co_await self.outcome(self.shell("true"))));
    }(*this));
}

BOOST_AUTO_TEST_CASE(nonsense_ends_the_connection_and_nothing_else) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.spec({"sleep", "100"});
        std::string id = wanted.id;
        auto started = co_await start(self, std::move(wanted));
        BOOST_REQUIRE(started);
        pid_t shim = shim_pid(self.paths());
        self.drop_client();
        auto send = [&](const void* bytes, std::size_t size) {
            auto socket = run::connect_to_shim(self.paths());
            BOOST_REQUIRE(socket);
            (void)::send(socket->get(), bytes, size, MSG_NOSIGNAL);
            pollfd one{socket->get(), POLLIN, 0};
            BOOST_TEST(::poll(&one, 1, 5000) == 1);
            char answer[sizeof(Reply)];
            BOOST_TEST(::recv(socket->get(), answer, sizeof answer, 0) <= 0);
        };
        Request other;
        other.version = 99;
        send(&other, sizeof other);
        Request endless;
        std::memset(endless.id, 'x', sizeof endless.id);
        send(&endless, sizeof endless);
        send("x", 1);
        std::string big(4096, 'x');
        send(big.data(), big.size());
        // Requests about what is not there, and a start without a specification.
        auto socket = run::connect_to_shim(self.paths());
        BOOST_REQUIRE(socket);
        for (Type type : {Type::close_stdin, Type::acknowledge, Type::listed, Type(77)}) {
            BOOST_TEST(bool(run::send_request(*socket, type, "nobody", {})));
            BOOST_TEST(bool(run::send_request(*socket, type, "", {})));
        }
        int pair[2];
        BOOST_REQUIRE(::pipe2(pair, O_CLOEXEC) == 0);
        Fd read_end(pair[0]);
        Fd write_end(pair[1]);
        for (const std::vector<int>& fds :
             {std::vector<int>{}, std::vector<int>{pair[0]}, std::vector<int>(250, pair[0])}) {
            BOOST_TEST(bool(run::send_request(*socket, Type::start, "bad", fds)));
            Result<run::ShimReply> answer = run::receive_reply(*socket);
            for (int i = 0; i < 100 && !answer; ++i) {
                co_await pause(self, 5);
                answer = run::receive_reply(*socket);
            }
            BOOST_REQUIRE(answer);
            BOOST_TEST(int(answer->reply.type) == int(Type::failed));
            BOOST_TEST(int(answer->reply.step) == int(Step::receive));
        }
        socket->reset();
        // An end that is not there cannot be acknowledged away.
        BOOST_REQUIRE(co_await self.connect());
        self.client().acknowledge(id);
        BOOST_TEST(shim_pid(self.paths()) == shim);
        BOOST_REQUIRE(self.client().take_adopted().size() == 1U);
        ::kill(started->pid, SIGKILL);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 137);
        self.client().acknowledge(id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(no_start_and_no_end_is_lost_whenever_the_daemon_dies) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        self.drop_client();
        std::set<std::string> wanted;
        unsigned seed = 12345;
        for (int round = 0; round < 40; ++round) {
            auto socket = run::connect_to_shim(self.paths());
            if (!socket) {
                // Turned away once: the daemon before has not been missed yet.
                co_await pause(self, 2);
                continue;
            }
            (void)run::send_request(*socket, Type::hello, "", {});
            for (int i = 0; i < 3; ++i) {
                auto prepared = self.prepare(self.shell("echo output; exit 33"));
                BOOST_REQUIRE(prepared);
                std::vector<int> fds{prepared->spec.get()};
                for (const Fd& fd : prepared->fds)
                    fds.push_back(fd.get());
                if (run::send_request(*socket, Type::start, prepared->id, fds))
                    wanted.insert(prepared->id);
            }
            // The daemon dies at any moment from before the first clone to after the last end.
            seed = seed * 1103515245 + 12345;
            ::usleep(seed / 65536 % 16 * 1000);
        }
        BOOST_TEST(wanted.size() > 20U);  // not a matter of speed
        co_await pause(self, 300);
        BOOST_REQUIRE(co_await self.connect());
        std::set<std::string> found;
        int running = 0;
        for (run::Adopted& adopted : self.client().take_adopted()) {
            BOOST_TEST(found.insert(adopted.id).second);
            if (adopted.ended) {
                BOOST_TEST(adopted.exit.code == 33);
            } else {
                ++running;  // the machine is busy
            }
            std::string output;
            if (adopted.spool) output = read_spool(adopted.spool).at(0).text;
            if (adopted.console.stdout_) output += rest_of(std::move(adopted.console.stdout_));
            BOOST_TEST(output == "output\n");
            if (adopted.ended) self.client().acknowledge(adopted.id);
        }
        for (; running > 0; --running) {
            auto ended = co_await self.client().next_ended();
            BOOST_REQUIRE(ended);
            BOOST_TEST(ended->exit.code == 33);
            BOOST_TEST(found.contains(ended->id));
            self.client().acknowledge(ended->id);
        }
        for (const std::string& id : found)
            BOOST_TEST(wanted.contains(id));
        // Each one that was sent, also by a daemon that died with replies unread.
        for (const std::string& id : wanted)
            BOOST_TEST(found.contains(id), "lost " << id);
        BOOST_TEST(found.size() > 20U);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_program_that_is_no_shim_is_told) {
    run([](ContainerFixture& self) -> Task<void> {
        for (const char* program : {"/bin/false", "/no/such/shim"}) {
            run::ShimPaths paths{program, self.exec_root()};
            auto client = co_await run::ShimClient::connect_or_start(self.loop(), paths);
            BOOST_REQUIRE(!client);
            BOOST_TEST(client.error().message().find(program) != std::string::npos);
        }
        BOOST_TEST(bool(co_await self.outcome(self.shell("true"))));
    }(*this));
}

BOOST_AUTO_TEST_SUITE_END()
