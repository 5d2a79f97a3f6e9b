// The small formats: frames, detach keys, filters, names, human times, patterns.
#include "codec/detach_keys.h"
#include "codec/filters.h"
#include "codec/human.h"
#include "codec/names.h"
#include "codec/pattern.h"
#include "codec/stdcopy.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::string decode(std::string_view bytes, std::size_t step) {
    codec::FrameDecoder decoder;
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        std::string_view part = bytes.substr(at, step);
        codec::FrameDecoder::Piece piece;
        while (true) {
            auto more = decoder.next(part, piece);
            if (!more) return out + "!" + more.error().message();
            if (!*more) break;
            out += static_cast<char>('0' + static_cast<int>(piece.stream));
            out += piece.bytes;
            if (piece.frame_ends) out += "|";
        }
        BOOST_TEST(part.empty());
    }
    return out + (decoder.at_boundary() ? "" : "...");
}

std::string duration(std::string_view text) {
    auto got = codec::parse_duration(text);
    return got ? std::to_string(*got) : got.error().message();
}

std::string keys(std::string_view text) {
    auto got = codec::parse_detach_keys(text);
    return got ? *got : "error: " + got.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(frames_come_out_whole_however_they_are_cut) {
    std::string bytes;
    codec::append_frame(bytes, codec::Stdio::out, "hello");
    codec::append_frame(bytes, codec::Stdio::err, "");
    codec::append_frame(bytes, codec::Stdio::err, "x");
    BOOST_TEST(bytes.substr(0, 8) == std::string("\1\0\0\0\0\0\0\5", 8));
    BOOST_TEST(decode(bytes, bytes.size()) == "1hello|2|2x|");
    BOOST_TEST(decode(bytes, 1) == "1h1e1l1l1o|2|2x|");
    BOOST_TEST(decode(bytes.substr(0, 10), 10) == "1he...");
    BOOST_TEST(decode(bytes.substr(0, 3), 3) == "...");
    BOOST_TEST(decode("\7", 1) == "!Unrecognized input header: 7");
}

BOOST_AUTO_TEST_CASE(detach_keys_are_read_as_docker_does) {
    BOOST_TEST(keys("") == "\x10\x11");
    BOOST_TEST(keys("ctrl-p,ctrl-q") == "\x10\x11");
    BOOST_TEST(keys("a") == "a");
    BOOST_TEST(keys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_") ==
               std::string("\0\x1b\x1c\x1d\x1e\x1f", 6));
    for (const char* bad : {",", "a,", "ab", "ctrl-", "ctrl-1", "ctrl-A", "CTRL-a", "\xc3\xa9"})
        BOOST_TEST(keys(bad).starts_with("error: Invalid detach keys"), bad);
    BOOST_TEST(keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a").starts_with("error: "));
}

BOOST_AUTO_TEST_CASE(held_back_keys_are_released_when_the_sequence_breaks) {
    codec::DetachScanner scanner("\x10\x11");
    BOOST_TEST(scanner.scan("ab\x10").pass == "ab");
    BOOST_TEST(scanner.scan("c").pass == "\x10"
                                         "c");
    BOOST_TEST(scanner.scan("\x10\x10").pass == "\x10");
    auto last = scanner.scan("\x11rest");
    BOOST_TEST(last.pass == "");
    BOOST_TEST(last.detached);
    codec::DetachScanner held("ab");
    BOOST_TEST(held.scan("a").pass == "");
    BOOST_TEST(held.release() == "a");
    codec::DetachScanner repeated("aab");
    auto found = repeated.scan("aaaab");
    BOOST_TEST(found.pass == "aa");
    BOOST_TEST(found.detached);
}

BOOST_AUTO_TEST_CASE(filters_have_two_forms) {
    auto got = codec::Filters::parse(R"({"status":{"exited":true,"dead":true},"name":["x"]})");
    BOOST_REQUIRE(got);
    BOOST_TEST(got->values("status").size() == 2);
    BOOST_TEST(got->exact("status", "dead"));
    BOOST_TEST(!got->exact("status", "running"));
    BOOST_TEST(got->exact("absent", "anything"));
    BOOST_TEST(got->allow_only({"status"}).error().message() == "invalid filter 'name'");
    BOOST_TEST(bool(got->allow_only({"status", "name"})));
    BOOST_TEST(codec::Filters::parse("")->empty());
    for (const char* bad :
         {"[]", "x", "{\"a\":1}", "{\"a\":[1]}", "{\"a\":{\"b\":\"c\"}}", "{\"a\":[[]]}"})
        BOOST_TEST(!codec::Filters::parse(bad), bad);
    auto labels =
        codec::Filters::parse(R"({"label":["a","b=1"],"label!":["c"],"dangling":["true"]})");
    BOOST_TEST(labels->labels({{"a", ""}, {"b", "1"}}));
    BOOST_TEST(!labels->labels({{"a", ""}, {"b", "2"}}));
    BOOST_TEST(!labels->labels({{"a", ""}, {"b", "1"}, {"c", ""}}));
    BOOST_TEST(*labels->boolean("dangling", false));
    BOOST_TEST(!labels->boolean("label", false));
    BOOST_TEST(codec::Filters::parse(labels->encode())->labels({{"a", ""}, {"b", "1"}}));
}

BOOST_AUTO_TEST_CASE(container_names_keep_their_grammar) {
    BOOST_TEST(*codec::container_name("/web-1.a_B") == "web-1.a_B");
    for (const char* bad :
         {"", "/", "a", "-ab", ".ab", "_ab", "a b", "a/b", "//ab", "a\n", "../x", "é1"})
        BOOST_TEST(!codec::container_name(bad), bad);
    BOOST_TEST(!codec::container_name(std::string(256, 'a')));
    BOOST_TEST(codec::container_name("a b").error().message() ==
               "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    for (std::uint64_t random : {0ULL, 12345ULL, ~0ULL}) {
        BOOST_TEST(bool(codec::container_name(codec::made_up_name(random))));
        BOOST_TEST(codec::made_up_name(random, 1).size() == codec::made_up_name(random).size() + 1);
    }
}

BOOST_AUTO_TEST_CASE(durations_are_told_as_docker_tells_them) {
    auto told = [](double seconds) {
        return codec::human_duration(static_cast<std::int64_t>(seconds * 1e9));
    };
    BOOST_TEST(told(0.4) == "Less than a second");
    BOOST_TEST(told(1.9) == "1 second");
    BOOST_TEST(told(59) == "59 seconds");
    BOOST_TEST(told(60) == "About a minute");
    BOOST_TEST(told(120) == "2 minutes");
    BOOST_TEST(told(3600) == "About an hour");
    BOOST_TEST(told(3600 * 1.6) == "2 hours");
    BOOST_TEST(told(3600 * 47) == "47 hours");
    BOOST_TEST(told(3600 * 48) == "2 days");
    BOOST_TEST(told(3600 * 24 * 14) == "2 weeks");
    BOOST_TEST(told(3600 * 24 * 60) == "2 months");
    BOOST_TEST(told(3600. * 24 * 730) == "2 years");
    BOOST_TEST(codec::human_size(0) == "0B");
    BOOST_TEST(codec::human_size(1982557) == "1.983MB");
    BOOST_TEST(codec::human_size(1000) == "1kB");
}

BOOST_AUTO_TEST_CASE(durations_and_timestamps_are_read_strictly) {
    BOOST_TEST(duration("1h30m") == std::to_string(5400 * second));
    BOOST_TEST(duration("1.5s") == "1500000000");
    BOOST_TEST(duration("100ms") == "100000000");
    BOOST_TEST(duration("-2us") == "-2000");
    BOOST_TEST(duration("0") == "0");
    for (const char* bad : {"", "-", "1", "1x", "s", ".s", "1h 2m", "9999999999h"})
        BOOST_TEST(duration(bad).starts_with("time: invalid duration"), bad);
    BOOST_TEST(codec::parse_timestamp("1700000000.5")->ns == 1700000000500000000);
    BOOST_TEST(codec::parse_timestamp("")->is_never());
    for (const char* bad : {"x", "1.", "1.0000000001", "99999999999", "1e3", "1.-5", " 1"})
        BOOST_TEST((!codec::parse_timestamp(bad) || std::string_view(bad) == "1."), bad);
}

BOOST_AUTO_TEST_CASE(the_status_column_reads_as_dockers) {
    Time now{1000 * second};
    codec::StatusParts up{.state = "running", .started = Time{700 * second}};
    BOOST_TEST(codec::status_text(up, now) == "Up 5 minutes");
    up.health = "healthy";
    BOOST_TEST(codec::status_text(up, now) == "Up 5 minutes (healthy)");
    up.health = "starting";
    BOOST_TEST(codec::status_text(up, now) == "Up 5 minutes (health: starting)");
    up.state = "paused";
    BOOST_TEST(codec::status_text(up, now) == "Up 5 minutes (Paused)");
    codec::StatusParts gone{.state = "exited", .finished = Time{996 * second}, .exit_code = 137};
    BOOST_TEST(codec::status_text(gone, now) == "Exited (137) 4 seconds ago");
    gone.state = "restarting";
    BOOST_TEST(codec::status_text(gone, now) == "Restarting (137) 4 seconds ago");
    BOOST_TEST(codec::status_text({.state = "created"}, now) == "Created");
}

BOOST_AUTO_TEST_CASE(patterns_match_anywhere_and_never_run_away) {
    BOOST_TEST(codec::Pattern::compile("eb")->found_in("web-1"));
    BOOST_TEST(!codec::Pattern::compile("^eb")->found_in("web-1"));
    BOOST_TEST(codec::Pattern::compile("^/?web-\\d+$")->found_in("/web-12"));
    BOOST_TEST(!codec::Pattern::compile("(a+)+$")->found_in(std::string(100000, 'a') + "b"));
    for (const char* bad : {"(", "a{1000000}", "\\1", "["})
        BOOST_TEST(!codec::Pattern::compile(bad), bad);
}

BOOST_AUTO_TEST_CASE(durations_are_written_as_go_writes_them_and_read_back) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::pair<std::int64_t, const char*> rows[] = {
        {0, "0s"},
        {1, "1ns"},
        {1'500, "1.5µs"},
        {20'000'000, "20ms"},
        {second + second / 2, "1.5s"},
        {90 * second, "1m30s"},
        {7200 * second, "2h0m0s"},
        {-second, "-1s"},
        {INT64_MAX, "2562047h47m16.854775807s"},
        {INT64_MIN, "-2562047h47m16.854775808s"}};
    for (const auto& [ns, text] : rows) {
        BOOST_TEST(codec::duration_text(ns) == text);
        if (ns != INT64_MIN) BOOST_TEST(codec::parse_duration(text).value() == ns, text);
    }
}
