// A daemon is killed between any two steps of logging what it read: the next one logs it once.
#include "store/log_intake.h"
#include "support/scratch_folder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using codec::LogStream;
using store::LogIntake;
using store::LogOptions;
using store::LogQuery;
using store::LogReader;
using store::LogWriter;

namespace {

const std::string name = "x-json.log";

Time at(std::int64_t seconds) {
    return Time{(1'700'000'000 + seconds) * 1'000'000'000};
}

// What one daemon has open; another one comes after it.
struct Daemon {
    explicit Daemon(const support::ScratchFolder& scratch, LogOptions options = {})
        : log(LogWriter::open(*sys::open_folder(scratch.path()), name, std::move(options)).value()),
          intake(LogIntake::open(*sys::open_folder(scratch.path()), "intake").value()) {
        Status done = store::finish_log(log, intake);
        BOOST_TEST(bool(done));
    }
    void read(std::string_view bytes, LogStream stream = LogStream::out) {
        BOOST_REQUIRE(intake.reserve(stream, bytes.size()) == bytes.size());
        intake.expect(stream, bytes.size());
        std::memcpy(intake.room(stream), bytes.data(), bytes.size());
    }
    void take(std::string_view bytes, std::int64_t seconds, LogStream stream = LogStream::out) {
        read(bytes, stream);
        intake.take(stream, bytes.size(), at(seconds));
    }
    void log_whole(std::string_view bytes, std::int64_t seconds, LogStream stream = LogStream::out) {
        take(bytes, seconds, stream);
        BOOST_TEST(bool(store::log_taken(log, intake, stream)));
    }
    LogWriter log;
    LogIntake intake;
};

std::string text(const support::ScratchFolder& scratch, LogQuery query = {}) {
    auto reader = LogReader::open(*sys::open_folder(scratch.path()), name, query);
    BOOST_REQUIRE(reader);
    std::string all;
    std::vector<codec::LogRecord> some;
    do {
        BOOST_REQUIRE(reader->read(some));
        for (const codec::LogRecord& record : some)
            all += record.text;
    } while (!some.empty() || !reader->caught_up());
    return all;
}

std::string numbers(int from, int to) {
    std::string made;
    for (int i = from; i < to; ++i)
        made += std::to_string(i) + "\n";
    return made;
}

// A record of the shim's spool, unless it is in the log.
void spooled(Daemon& daemon, std::uint32_t number, std::string_view bytes,
             std::int64_t seconds = -1) {
    Time time = at(seconds < 0 ? number : seconds);
    if (store::is_spooled(daemon.intake, LogStream::out, number, time)) return;
    BOOST_TEST(bool(store::log_spooled(daemon.log, daemon.intake, LogStream::out,
                                       {number + 1, time}, bytes, time)));
}

std::uint64_t size_of(const support::ScratchFolder& scratch) {
    struct stat info {};
    return ::stat(scratch.at(name).c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size)
                                                        : 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_intake)

BOOST_AUTO_TEST_CASE(a_kill_between_any_two_steps_loses_and_doubles_nothing) {
    const std::string bytes = "two\nthree\nfour\nunfin";
    for (int step = 0; step <= 6; ++step) {
        BOOST_TEST_CONTEXT("step " << step) {
            support::ScratchFolder scratch;
            {
                Daemon one(scratch);
                one.log_whole("one\n", 1);
                if (step == 0) BOOST_TEST(one.intake.reserve(LogStream::out, 100) == 100u);
                if (step == 0) one.intake.expect(LogStream::out, bytes.size());
                if (step == 1) one.read(bytes);
                if (step >= 2) one.take(bytes, 2);
                if (step >= 3) one.intake.enter(LogStream::out, one.log.position(), false);
                if (step >= 4) BOOST_TEST(bool(one.log.append(LogStream::out, bytes, at(2))));
                if (step >= 5) one.intake.commit(LogStream::out, one.log.unfinished(LogStream::out));
                if (step >= 6) one.intake.expect(LogStream::out, 10);
            }
            Daemon two(scratch);
            bool read = step > 0;
            BOOST_TEST(text(scratch) == (read ? "one\ntwo\nthree\nfour\n" : "one\n"));
            two.log_whole("ished\n", 3);
            BOOST_TEST(text(scratch) == (read ? "one\ntwo\nthree\nfour\nunfinished\n"
                                              : "one\nished\n"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_log_that_was_cut_anywhere_is_completed) {
    const std::string bytes = numbers(10, 20);
    support::ScratchFolder measure;
    {
        Daemon one(measure);
        one.log_whole("first\n", 1);
    }
    std::uint64_t before = size_of(measure);
    for (std::uint64_t cut = 0; cut < 10 * 60; cut += 7) {
        support::ScratchFolder scratch;
        {
            Daemon one(scratch);
            one.log_whole("first\n", 1);
            one.take(bytes, 2);
            one.intake.enter(LogStream::out, one.log.position(), false);
            BOOST_TEST(bool(one.log.append(LogStream::out, bytes, at(2))));
        }
        if (before + cut < size_of(scratch))
            BOOST_REQUIRE(::truncate(scratch.at(name).c_str(),
                                     static_cast<off_t>(before + cut)) == 0);
        Daemon two(scratch);
        BOOST_TEST(text(scratch) == "first\n" + bytes);
    }
}

BOOST_AUTO_TEST_CASE(a_rotation_in_the_middle_is_seen) {
    LogOptions small{.bytes_max = 1000, .files_max = 50, .attrs_json = {}};
    const std::string bytes = numbers(0, 100);
    for (int kept = 0; kept < 2; ++kept) {
        support::ScratchFolder scratch;
        {
            Daemon one(scratch, small);
            one.log_whole(numbers(-10, 0), 1);
            one.take(bytes, 2);
            one.intake.enter(LogStream::out, one.log.position(), false);
            BOOST_TEST(bool(one.log.append(LogStream::out, bytes, at(2))));
        }
        // The kill came in the middle: the newest file is not there yet.
        if (kept == 0) BOOST_REQUIRE(::truncate(scratch.at(name).c_str(), 0) == 0);
        Daemon two(scratch, small);
        BOOST_TEST(text(scratch) == numbers(-10, 100));
    }
}

BOOST_AUTO_TEST_CASE(both_streams_are_finished_the_one_that_was_entering_first) {
    support::ScratchFolder scratch;
    {
        Daemon one(scratch);
        one.take("out\n", 1, LogStream::out);
        one.take("err\n", 2, LogStream::err);
        one.intake.enter(LogStream::err, one.log.position(), false);
    }
    Daemon two(scratch);
    BOOST_TEST(text(scratch) == "err\nout\n");
}

BOOST_AUTO_TEST_CASE(the_end_of_a_stream_is_written_once) {
    for (int step = 0; step < 4; ++step) {
        support::ScratchFolder scratch;
        {
            Daemon one(scratch);
            one.log_whole("no newline", 1);
            if (step >= 1) one.intake.take(LogStream::out, 0, at(2));
            if (step >= 1) one.intake.enter(LogStream::out, one.log.position(), true);
            if (step >= 2) BOOST_TEST(bool(one.log.end(LogStream::out, at(2))));
            if (step >= 3) one.intake.commit(LogStream::out, one.log.unfinished(LogStream::out));
        }
        Daemon two(scratch);
        BOOST_TEST(bool(store::log_end(two.log, two.intake, LogStream::out, at(3))));
        BOOST_TEST(text(scratch) == "no newline");
    }
}

BOOST_AUTO_TEST_CASE(long_lines_go_on_across_daemons) {
    support::ScratchFolder scratch;
    std::string part(10'000, 'x');
    for (int i = 0; i < 5; ++i) {
        Daemon next(scratch);
        next.log_whole(part, i);
    }
    Daemon last(scratch);
    last.log_whole("\n", 9);
    BOOST_TEST(text(scratch) == std::string(50'000, 'x') + "\n");
}

BOOST_AUTO_TEST_CASE(the_spool_is_passed_over_as_far_as_it_is_logged) {
    support::ScratchFolder scratch;
    {
        Daemon one(scratch);
        spooled(one, 0, "a\n");
        spooled(one, 1, "b\n");
    }
    {
        // Killed before the spool was emptied: it comes again from its beginning.
        Daemon two(scratch);
        spooled(two, 0, "a\n");
        spooled(two, 1, "b\n");
        spooled(two, 2, "c\n");
        two.log_whole("d\n", 10);
    }
    Daemon three(scratch);
    spooled(three, 0, "e\n");
    BOOST_TEST(text(scratch) == "a\nb\nc\nd\ne\n");
}

BOOST_AUTO_TEST_CASE(a_kill_in_the_middle_of_the_spool_loses_and_doubles_nothing) {
    for (int step = 0; step < 4; ++step) {
        support::ScratchFolder scratch;
        {
            Daemon one(scratch);
            spooled(one, 0, "a\n");
            BOOST_TEST(one.intake.reserve(LogStream::out, 2) == 2u);
            std::memcpy(one.intake.room(LogStream::out), "b\n", 2);
            if (step >= 1) one.intake.take(LogStream::out, 2, at(1), {2, at(1)});
            if (step >= 2) one.intake.enter(LogStream::out, one.log.position(), false);
            if (step >= 3) BOOST_TEST(bool(one.log.append(LogStream::out, "b\n", at(1))));
        }
        Daemon two(scratch);
        spooled(two, 0, "a\n");
        spooled(two, 1, "b\n");
        spooled(two, 2, "c\n");
        BOOST_TEST(text(scratch) == "a\nb\nc\n");
    }
}

BOOST_AUTO_TEST_CASE(a_spool_that_was_emptied_and_filled_again_is_another) {
    support::ScratchFolder scratch;
    {
        Daemon one(scratch);
        spooled(one, 0, "a\n", 1);
    }
    Daemon two(scratch);  // killed right after the spool was emptied
    spooled(two, 0, "b\n", 5);
    BOOST_TEST(text(scratch) == "a\nb\n");
}

BOOST_AUTO_TEST_CASE(output_that_looks_like_the_mark_is_output) {
    support::ScratchFolder scratch;
    {
        Daemon one(scratch);
        BOOST_TEST(one.intake.reserve(LogStream::out, 64) == 64u);
        one.intake.expect(LogStream::out, 64);
        std::string mark(one.intake.room(LogStream::out), 64);
        // A read that took place and whose end is the mark's.
        std::memcpy(one.intake.room(LogStream::out), "text ", 5);
    }
    Daemon two(scratch);
    store::UnfinishedLine line = two.log.unfinished(LogStream::out);
    BOOST_TEST(line.text.starts_with("text "));
}

BOOST_AUTO_TEST_CASE(a_spoilt_file_begins_anew) {
    support::ScratchFolder scratch;
    {
        Daemon one(scratch);
        one.log_whole("a\nrest", 1);
    }
    Fd file = sys::open_at(*sys::open_folder(scratch.path()), "intake", O_RDWR).value();
    std::string nonsense(600, '\xee');
    BOOST_REQUIRE(::pwrite(file.get(), nonsense.data(), nonsense.size(), 0) == 600);
    {
        Daemon two(scratch);
        two.log_whole("b\n", 2);
    }
    BOOST_TEST(text(scratch) == "a\nb\n");
    BOOST_REQUIRE(::ftruncate(file.get(), 10) == 0);
    Daemon three(scratch);
    three.log_whole("c\n", 3);
    BOOST_TEST(text(scratch) == "a\nb\nc\n");
}

BOOST_AUTO_TEST_SUITE_END()
