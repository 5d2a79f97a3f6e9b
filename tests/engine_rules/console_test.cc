// A container's streams: log first, then every viewer; input; the end of a run.
#include "engine/console.h"
#include "loop/timer.h"
#include "support/loop_fixture.h"
#include "support/scratch_folder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <unistd.h>

using engine::Console;
using engine::Viewer;

namespace {

struct Pipe {
    Fd read, write;
    Pipe() {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
    void put(std::string_view text) {
        BOOST_REQUIRE(sys::write_all(write, text, "pipe").operator bool());
    }
};

Task<std::string> all_of(std::shared_ptr<Viewer> viewer) {
    std::string text;
    for (;;) {
        auto output = co_await viewer->next();
        if (!output) co_return text;
        text += output->bytes.view();
    }
}

struct Fixture : support::LoopFixture {
    Fixture() : workers(std::make_unique<Workers>(loop(), 1)) {}
    Console::Log log() {
        auto folder = sys::open_folder(scratch.path());
        auto intake = store::LogIntake::open(*folder, "intake");
        return {store::LogWriter::open(std::move(*folder), "log", {}).value(), std::move(*intake)};
    }
    std::string log_text() { return sys::read_file(scratch.path() + "/log", 1 << 20).value_or(""); }
    support::ScratchFolder scratch;
    std::unique_ptr<Workers> workers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(console, Fixture)

BOOST_AUTO_TEST_CASE(output_reaches_the_log_and_every_viewer) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path());
        Pipe out, err;
        auto both = console.view(true, true);
        auto errors = console.view(false, true);
        run::Console ends;
        ends.stdout_ = std::move(out.read);
        ends.stderr_ = std::move(err.read);
        console.open(std::move(ends), false, log());
        out.put("hello\n");
        err.put("oops\n");
        out.write.reset();
        err.write.reset();
        co_await console.drain();
        std::string seen = co_await all_of(both);
        BOOST_TEST(seen.size() == std::string("hello\noops\n").size());
        BOOST_TEST(co_await all_of(errors) == "oops\n");
        BOOST_TEST(log_text().find(R"("log":"hello\n","stream":"stdout")") != std::string::npos);
        BOOST_TEST(log_text().find(R"("log":"oops\n","stream":"stderr")") != std::string::npos);
    }());
}

BOOST_AUTO_TEST_CASE(a_viewer_that_stands_still_holds_up_nothing_and_loses_nothing) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path());
        Pipe out;
        auto stuck = console.view(true, true);
        run::Console ends;
        ends.stdout_ = std::move(out.read);
        console.open(std::move(ends), false, log());
        std::thread writer([&] {
            std::string line(999, 'x');
            line += '\n';
            for (int i = 0; i < 3000; ++i)
                out.put(line);
            out.write.reset();
        });
        co_await console.drain();
        writer.join();
        std::size_t lines = 0;
        for (const char* file : {"/log", "/log.1", "/log.2"})
            if (auto text = sys::read_file(scratch.path() + file, 64 << 20); text)
                lines += static_cast<std::size_t>(std::ranges::count(*text, '\n'));
        BOOST_TEST(lines == 3000U);
        std::string seen = co_await all_of(stuck);
        BOOST_TEST(seen.size() == 3'000'000U);
        BOOST_TEST(std::ranges::count(seen, '\n') == 3000);
    }());
}

// 600 pieces of 10,000 bytes each, as a process writes them.
std::thread write_pieces(Pipe& out) {
    return std::thread([&out] {
        for (int i = 0; i < 600; ++i)
            out.put(std::string(10'000, static_cast<char>('a' + i % 26)));
        out.write.reset();
    });
}

std::string pieces() {
    std::string all;
    for (int i = 0; i < 600; ++i)
        all.append(10'000, static_cast<char>('a' + i % 26));
    return all;
}

BOOST_AUTO_TEST_CASE(slow_viewers_get_everything_in_order_from_memory_and_file) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path());
        Pipe out;
        auto slow = console.view(true, true);
        auto stuck = console.view(true, true);
        auto of_errors = console.view(false, true);
        run::Console ends;
        ends.stdout_ = std::move(out.read);
        console.open(std::move(ends), false, {});
        std::thread writer = write_pieces(out);
        Scope scope(loop());
        scope.spawn(console.drain());
        std::string seen;
        for (int taken = 0;; ++taken) {
            // Behind for a while, level for a while.
            if (taken % 20 == 0) (void)co_await loop::sleep(loop(), loop::Milliseconds(20));
            auto output = co_await slow->next();
            if (!output) break;
            seen += output->bytes.view();
        }
        co_await scope.join();
        writer.join();
        BOOST_TEST((seen == pieces()));
        BOOST_TEST((co_await all_of(stuck) == pieces()));
        BOOST_TEST(co_await all_of(of_errors) == "");
    }());
}

// The ring is far smaller than what is written: it goes round many times.
BOOST_AUTO_TEST_CASE(a_full_backlog_makes_the_process_wait_for_its_reader) {
    run([&]() -> Task<void> {
        for (const char* folder : {"", "/nowhere"}) {
            Console console(loop(), *workers, *folder ? folder : scratch.path(), 300'000);
            Pipe out;
            auto slow = console.view(true, true);
            run::Console ends;
            ends.stdout_ = std::move(out.read);
            console.open(std::move(ends), false, {});
            std::atomic<bool> written = false;
            std::thread writer([&] {
                write_pieces(out).join();
                written = true;
            });
            Scope scope(loop());
            scope.spawn(console.drain());
            (void)co_await loop::sleep(loop(), loop::Milliseconds(200));
            BOOST_TEST(!written);
            BOOST_TEST((co_await all_of(slow) == pieces()));
            co_await scope.join();
            writer.join();
        }
    }());
}

BOOST_AUTO_TEST_CASE(who_has_left_holds_up_nobody) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path(), 300'000);
        Pipe out;
        auto gone = console.view(true, true);
        run::Console ends;
        ends.stdout_ = std::move(out.read);
        console.open(std::move(ends), false, {});
        std::thread writer = write_pieces(out);
        Scope scope(loop());
        scope.spawn(console.drain());
        (void)co_await loop::sleep(loop(), loop::Milliseconds(50));
        gone->leave();
        co_await gone->let_go();
        co_await scope.join();
        writer.join();
    }());
}

BOOST_AUTO_TEST_CASE(input_waits_for_the_run_and_ends_on_request) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path());
        Pipe in, out;
        Scope scope(loop());
        scope.spawn([](Console& c) -> Task<void> {
            BOOST_TEST((co_await c.write(Slice::literal("early"))).operator bool());
            BOOST_TEST(c.close_stdin());
        }(console));
        co_await loop().yield();
        run::Console ends;
        ends.stdin_ = std::move(in.write);
        ends.stdout_ = std::move(out.read);
        console.open(std::move(ends), false, std::nullopt);
        co_await scope.join();
        char text[16] = {};
        BOOST_TEST(::read(in.read.get(), text, sizeof text) == 5);
        BOOST_TEST(std::string(text) == "early");
        BOOST_TEST(::read(in.read.get(), text, sizeof text) == 0);
        out.write.reset();
        co_await console.drain();
    }());
}

BOOST_AUTO_TEST_CASE(a_descriptor_kept_open_elsewhere_does_not_hold_up_the_end) {
    run([&]() -> Task<void> {
        Console console(loop(), *workers, scratch.path());
        Pipe out;
        run::Console ends;
        ends.stdout_ = std::move(out.read);
        console.open(std::move(ends), false, log());
        out.put("last words");
        co_await console.drain();  // out.write is still open
        BOOST_TEST(log_text().find("last words") != std::string::npos);
    }());
}

BOOST_AUTO_TEST_SUITE_END()
