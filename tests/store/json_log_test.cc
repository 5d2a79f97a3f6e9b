// Container logs on disk: splitting, rotation, tails, following, and files that were cut or spoilt.
#include "base/limits.h"
#include "store/json_log.h"
#include "support/scratch_folder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>

using codec::LogRecord;
using codec::LogStream;
using store::LogOptions;
using store::LogQuery;
using store::LogReader;
using store::LogWriter;
using support::ScratchFolder;

namespace {

constexpr std::int64_t second = 1'000'000'000;
const std::string name = "x-json.log";

Time at(std::int64_t seconds) {
    return Time{(1'700'000'000 + seconds) * second};
}

LogWriter writer(const ScratchFolder& scratch, LogOptions options = {}) {
    auto made = LogWriter::open(*sys::open_folder(scratch.path()), name, std::move(options));
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    return std::move(*made);
}

LogReader reader(const ScratchFolder& scratch, LogQuery query = {}) {
    auto made = LogReader::open(*sys::open_folder(scratch.path()), name, query);
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    return std::move(*made);
}

// All there is for now.
std::vector<LogRecord> drain(LogReader& from) {
    std::vector<LogRecord> all, some;
    do {
        auto status = from.read(some);
        BOOST_REQUIRE_MESSAGE(status, (status ? "" : status.error().message()));
        all.insert(all.end(), some.begin(), some.end());
    } while (!some.empty() || !(from.caught_up() || from.done()));
    return all;
}

std::string text(const std::vector<LogRecord>& records) {
    std::string joined;
    for (const LogRecord& record : records)
        joined += record.text;
    return joined;
}

std::string text(const ScratchFolder& scratch, LogQuery query = {}) {
    LogReader from = reader(scratch, query);
    return text(drain(from));
}

void put(LogWriter& to, std::string_view bytes, std::int64_t seconds = 0,
         LogStream stream = LogStream::out) {
    auto status = to.append(stream, bytes, at(seconds));
    BOOST_REQUIRE_MESSAGE(status, (status ? "" : status.error().message()));
}

std::string lines(int from, int to) {
    std::string made;
    for (int i = from; i < to; ++i)
        made += std::to_string(i) + "\n";
    return made;
}

void spoil(const ScratchFolder& scratch, std::string_view bytes) {
    std::ofstream(scratch.at(name), std::ios::binary | std::ios::app) << bytes;
}

// A file of ~20 records each: numbers from 0 on, one a line.
LogOptions small(std::uint32_t files) {
    return {.bytes_max = 20 * 70, .files_max = files, .attrs_json = {}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_become_records_and_unfinished_ones_wait) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch);
    put(log, "one\ntwo\nthr", 1);
    put(log, "err\n", 2, LogStream::err);
    BOOST_TEST(text(scratch) == "one\ntwo\nerr\n");
    put(log, "ee\nfour", 3);
    BOOST_TEST(text(scratch) == "one\ntwo\nerr\nthree\n");
    BOOST_REQUIRE(log.end(LogStream::out, at(4)));
    BOOST_REQUIRE(log.end(LogStream::err, at(4)));
    LogReader from = reader(scratch);
    auto records = drain(from);
    BOOST_TEST_REQUIRE(records.size() == 5u);
    BOOST_TEST((records[2].stream == LogStream::err));
    BOOST_TEST((records[3].time == at(3)));
    BOOST_TEST(records[4].text == "four");
    BOOST_TEST((records[4].time == at(4)));
    struct stat info {};
    BOOST_TEST(::stat(scratch.at(name).c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 07777) == 0640u);
}

BOOST_AUTO_TEST_CASE(long_lines_go_in_parts_of_16_kib_however_they_come) {
    constexpr std::size_t part = limits::log_record_bytes_max;
    std::string line(2 * part + 100, 'x');
    for (std::size_t step : {std::size_t(1), std::size_t(1000), part, line.size() + 1}) {
        ScratchFolder scratch;
        LogWriter log = writer(scratch, {.bytes_max = 0});
        std::string all = line + "\n" + std::string(part, 'y') + "\nz\n";
        for (std::size_t i = 0; i < all.size(); i += step)
            put(log, std::string_view(all).substr(i, step), static_cast<std::int64_t>(i));
        LogReader from = reader(scratch);
        auto records = drain(from);
        BOOST_TEST_REQUIRE(records.size() == 6u);
        BOOST_TEST(records[0].text.size() == part);
        BOOST_TEST(records[1].text.size() == part);
        BOOST_TEST(records[2].text == std::string(100, 'x') + "\n");
        BOOST_TEST(records[3].text.size() == part);
        BOOST_TEST(records[4].text == "\n");
        BOOST_TEST(records[5].text == "z\n");
        BOOST_TEST((records[2].time == records[0].time));
        BOOST_TEST(text(records) == all);
    }
}

BOOST_AUTO_TEST_CASE(rotation_holds_to_a_record_and_keeps_the_newest_files) {
    for (std::uint32_t files : {1U, 2U, 3U}) {
        ScratchFolder scratch;
        LogWriter log = writer(scratch, small(files));
        put(log, lines(0, 40));
        for (int i = 40; i < 200; ++i)
            put(log, lines(i, i + 1), i);
        std::string kept = text(scratch);
        int first = std::stoi(kept);
        BOOST_TEST(kept == lines(first, 200));
        BOOST_TEST(first >= 200 - static_cast<int>(files) * 20);
        BOOST_TEST(first <= 200 - static_cast<int>(files - 1) * 19);
        for (std::uint32_t i = 0; i < 4; ++i) {
            std::string file = scratch.at(i == 0 ? name : name + "." + std::to_string(i));
            BOOST_TEST(std::filesystem::exists(file) == (i < files));
            if (i < files) BOOST_TEST(std::filesystem::file_size(file) <= 20u * 70u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_record_larger_than_a_file_is_still_written) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, {.bytes_max = 100, .files_max = 2, .attrs_json = {}});
    put(log, std::string(200, 'a') + "\n" + std::string(200, 'b') + "\n");
    BOOST_TEST(text(scratch) == std::string(200, 'a') + "\n" + std::string(200, 'b') + "\n");
}

BOOST_AUTO_TEST_CASE(tails_are_counted_across_files) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, small(3));
    put(log, lines(0, 50));
    for (int tail : {0, 1, 9, 10, 11, 29, 30, 31, 49, 50}) {
        BOOST_TEST(text(scratch, {.tail = tail}) == lines(50 - tail, 50), tail);
    }
    BOOST_TEST(text(scratch, {.tail = 1000}) == lines(0, 50));
    BOOST_TEST(text(scratch, {.tail = UINT64_MAX}) == lines(0, 50));
    // What is being written does not count.
    spoil(scratch, "{\"log\":\"torn");
    BOOST_TEST(text(scratch, {.tail = 2}) == lines(48, 50));
}

BOOST_AUTO_TEST_CASE(a_tail_counts_both_streams_whichever_is_read) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, small(3));
    for (int i = 0; i < 40; ++i)
        put(log, lines(i, i + 1), i, i % 4 == 0 ? LogStream::err : LogStream::out);
    BOOST_TEST(text(scratch, {.tail = 3, .out = false}) == "");
    BOOST_TEST(text(scratch, {.tail = 8, .out = false}) == "32\n36\n");
    BOOST_TEST(text(scratch, {.tail = 5, .err = false}) == "35\n37\n38\n39\n");
    LogReader from = reader(scratch, {.tail = 1, .out = false});
    BOOST_TEST(text(drain(from)) == "");
    put(log, "more\n", 41, LogStream::err);
    put(log, "other\n", 42);
    BOOST_TEST(text(drain(from)) == "more\n");
}

BOOST_AUTO_TEST_CASE(what_is_not_wanted_is_passed_over_in_short_steps) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, {.bytes_max = 0});
    for (int i = 0; i < 200; ++i)
        put(log, std::string(16'000, 'x') + "\n", i);
    LogReader from = reader(scratch, {.since = at(199)});
    std::vector<LogRecord> records;
    int steps = 0;
    for (; records.empty() && steps < 100; ++steps) {
        BOOST_REQUIRE(from.read(records));
        BOOST_TEST(!from.caught_up());
    }
    BOOST_TEST(records.size() == 1u);
    BOOST_TEST(steps >= 3);
    BOOST_TEST(steps <= 5);
}

BOOST_AUTO_TEST_CASE(since_and_until_bound_what_is_read) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, small(4));
    for (int i = 0; i < 60; ++i)
        put(log, lines(i, i + 1), i);
    BOOST_TEST(text(scratch, {.since = at(55)}) == lines(55, 60));
    BOOST_TEST(text(scratch, {.since = at(10), .until = at(30)}) == lines(10, 31));
    BOOST_TEST(text(scratch, {.since = at(100)}) == "");
    LogReader from = reader(scratch, {.until = at(5)});
    BOOST_TEST(text(drain(from)) == lines(0, 6));
    BOOST_TEST(from.done());
}

BOOST_AUTO_TEST_CASE(a_follower_sees_every_record_once_across_rotations) {
    for (std::uint32_t files : {1U, 3U}) {
        ScratchFolder scratch;
        LogReader early = reader(scratch);  // before there is a file
        BOOST_TEST(drain(early).empty());
        LogWriter log = writer(scratch, small(files));
        LogReader from = reader(scratch, {.tail = 0});
        std::string seen;
        for (int i = 0; i < 300; ++i) {
            put(log, lines(i, i + 1), i);
            // Sometimes it is one file behind, sometimes it has read all.
            if (i % 7 == 0 || i % 19 == 3) seen += text(drain(from));
        }
        seen += text(drain(from));
        BOOST_TEST(seen == lines(0, 300));
        BOOST_TEST(text(drain(early)).ends_with("299\n"));
        BOOST_TEST(!from.done());
    }
}

BOOST_AUTO_TEST_CASE(a_follower_that_is_left_behind_goes_on_with_what_is_kept) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, small(2));
    put(log, lines(0, 5));
    LogReader from = reader(scratch);
    BOOST_TEST(text(drain(from)) == lines(0, 5));
    put(log, lines(5, 300));
    std::string seen = text(drain(from));
    // The file it had open, then the two that are left.
    BOOST_TEST(seen.starts_with(lines(5, 15)));
    BOOST_TEST(seen.ends_with(lines(280, 300)));
    BOOST_TEST(drain(from).empty());
}

BOOST_AUTO_TEST_CASE(the_torn_end_of_a_cut_file_goes_wherever_it_was_cut) {
    ScratchFolder original;
    {
        LogWriter log = writer(original);
        put(log, "one\ntwo\n");
    }
    std::string whole = original.read(name);
    std::size_t first = whole.find('\n') + 1;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut)
        for (std::size_t nuls : {std::size_t(0), std::size_t(100), std::size_t(70'000)}) {
            if (nuls == 70'000 && cut % 10 != 0) continue;
            ScratchFolder scratch;
            spoil(scratch, whole.substr(0, cut) + std::string(nuls, '\0'));
            std::string left = cut < first ? "" : cut < whole.size() ? "one\n" : "one\ntwo\n";
            BOOST_TEST(text(scratch) == left);
            LogWriter log = writer(scratch);
            put(log, "after\n");
            BOOST_TEST(text(scratch) == left + "after\n");
        }
}

BOOST_AUTO_TEST_CASE(spoilt_lines_are_passed_over) {
    ScratchFolder scratch;
    put(*std::make_unique<LogWriter>(writer(scratch)), "one\n");
    spoil(scratch, std::string(5000, '\0') + "tail of a record\"}\n");
    spoil(scratch,
          "\n\nnonsense\n{}\n" + std::string(600'000, 'x') + "\n" + std::string(3000, '\0'));
    std::string record;
    codec::append_log_record(record, LogStream::out, "two", true, at(0), {});
    spoil(scratch, record);
    BOOST_TEST(text(scratch) == "one\ntwo\n");
    BOOST_TEST(text(scratch, {.tail = 1}) == "two\n");
}

BOOST_AUTO_TEST_CASE(a_full_disk_never_leaves_part_of_a_record) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch);
    put(log, lines(0, 10));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, SIG_IGN);
    std::uintmax_t size = std::filesystem::file_size(scratch.at(name));
    for (std::uintmax_t room : {0u, 1u, 50u, 100u, 400u}) {
        rlimit tight = before;
        tight.rlim_cur = std::filesystem::file_size(scratch.at(name)) + room;
        ::setrlimit(RLIMIT_FSIZE, &tight);
        Status written = log.append(LogStream::out, lines(10, 20), at(0));
        ::setrlimit(RLIMIT_FSIZE, &before);
        BOOST_TEST(!written);
        BOOST_TEST(scratch.read(name).ends_with("\"}\n"));
    }
    BOOST_TEST(std::filesystem::file_size(scratch.at(name)) > size);
    put(log, "after\n");
    std::string all = text(scratch);
    BOOST_TEST(all.starts_with(lines(0, 10) + "10\n"));
    BOOST_TEST(all.ends_with("\nafter\n"));
}

BOOST_AUTO_TEST_CASE(an_emptied_file_is_followed_from_its_beginning) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch);
    put(log, lines(0, 100));
    LogReader from = reader(scratch);
    BOOST_TEST(text(drain(from)) == lines(0, 100));
    std::filesystem::resize_file(scratch.at(name), 0);
    put(log, "new\n");
    BOOST_TEST(text(drain(from)) == "new\n");
}

BOOST_AUTO_TEST_CASE(a_link_or_a_fifo_at_the_logs_place_is_refused) {
    ScratchFolder scratch, elsewhere;
    std::ofstream(elsewhere.at("victim")) << "victim\n";
    std::filesystem::create_symlink(elsewhere.at("victim"), scratch.at(name));
    BOOST_TEST(!LogWriter::open(*sys::open_folder(scratch.path()), name, {}));
    BOOST_TEST(!LogReader::open(*sys::open_folder(scratch.path()), name, {}));
    BOOST_TEST(elsewhere.read("victim") == "victim\n");
    std::filesystem::remove(scratch.at(name));
    BOOST_TEST(::mkfifo(scratch.at(name).c_str(), 0600) == 0);
    BOOST_TEST(!LogWriter::open(*sys::open_folder(scratch.path()), name, {}));
    BOOST_TEST(!LogReader::open(*sys::open_folder(scratch.path()), name, {}));
}

BOOST_AUTO_TEST_CASE(attributes_are_in_every_record_and_bounded) {
    ScratchFolder scratch;
    LogWriter log = writer(scratch, {.attrs_json = R"({"env":"prod"})"});
    put(log, "a\nb\n");
    LogReader from = reader(scratch);
    for (const LogRecord& record : drain(from))
        BOOST_TEST(record.attrs == R"({"env":"prod"})");
    std::string large = "{\"k\":\"" + std::string(limits::log_line_bytes_max, 'v') + "\"}";
    BOOST_TEST(!LogWriter::open(*sys::open_folder(scratch.path()), name, {.attrs_json = large}));
}
