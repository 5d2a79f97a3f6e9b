// Log records: byte for byte Docker's, and whatever was written reads back.
#include "codec/jsonlog.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

using codec::LogStream;

namespace {

constexpr Time when{1'704'164'645'600'000'000};  // 2024-01-02T03:04:05.6Z

std::string line(std::string_view text, bool newline = true, std::string_view attrs = {}) {
    std::string out;
    codec::append_log_record(out, LogStream::out, text, newline, when, attrs);
    return out;
}

std::string escaped(std::string_view text) {
    std::string whole = line(text, false);
    std::string_view tail = "\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05.6Z\"}\n";
    BOOST_TEST_REQUIRE(whole.starts_with("{\"log\":\""));
    BOOST_TEST_REQUIRE(whole.ends_with(tail));
    return whole.substr(8, whole.size() - 8 - tail.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_record_is_dockers_line) {
    BOOST_TEST(line("hi") ==
               "{\"log\":\"hi\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-02T03:04:05.6Z\"}\n");
    BOOST_TEST(line("hi", false, R"({"k":"v"})") ==
               "{\"log\":\"hi\",\"stream\":\"stdout\",\"attrs\":{\"k\":\"v\"},"
               "\"time\":\"2024-01-02T03:04:05.6Z\"}\n");
    std::string whole_second;
    codec::append_log_record(whole_second, LogStream::err, "", true,
                             Time{1'704'164'645'000'000'000}, {});
    BOOST_TEST(whole_second ==
               "{\"log\":\"\\n\",\"stream\":\"stderr\",\"time\":\"2024-01-02T03:04:05Z\"}\n");
}

BOOST_AUTO_TEST_CASE(characters_are_escaped_as_dockers_encoder_does) {
    BOOST_TEST(escaped("<a>&\"\\") == R"(\u003ca\u003e\u0026\"\\)");
    BOOST_TEST(escaped("\t\r\b\f\x1b[0m\x7f") == "\\u0009\\r\\u0008\\u000c\\u001b[0m\x7f");
    BOOST_TEST(escaped(std::string_view("a\0b", 3)) == "a\\u0000b");
    BOOST_TEST(escaped("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa") == "\\u2028\\u2029\xe2\x80\xaa");
    BOOST_TEST(escaped("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3") ==
               "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3");
    // Each byte that is no UTF-8 for itself: a lone one, an overlong form, a cut character.
    BOOST_TEST(escaped("\xff") == "\\ufffd");
    BOOST_TEST(escaped("\xc0\xaf") == "\\ufffd\\ufffd");
    BOOST_TEST(escaped("x\xe2\x82") == "x\\ufffd\\ufffd");
    BOOST_TEST(escaped("\xed\xa0\x80") == "\\ufffd\\ufffd\\ufffd");
}

BOOST_AUTO_TEST_CASE(a_forged_record_in_the_text_stays_text) {
    std::string forged = line("evil");
    std::string outer = line(forged.substr(0, forged.size() - 1));
    BOOST_TEST(std::count(outer.begin(), outer.end(), '\n') == 1);
    auto read = codec::parse_log_record(outer.substr(0, outer.size() - 1));
    BOOST_TEST_REQUIRE(bool(read));
    BOOST_TEST(read->text == forged);
}

BOOST_AUTO_TEST_CASE(records_read_back) {
    std::string all;
    for (int i = 0; i < 128; ++i)
        all += static_cast<char>(i);
    auto read = codec::parse_log_record(line(all, true, R"({"b":"2","a":"1"})"));
    BOOST_TEST_REQUIRE(bool(read));
    BOOST_TEST(read->text == all + "\n");
    BOOST_TEST((read->stream == LogStream::out));
    BOOST_TEST((read->time == when));
    BOOST_TEST(read->attrs == R"({"b":"2","a":"1"})");
    // As dockerd has written it, with its attrs of nothing, and with keys of later versions.
    read = codec::parse_log_record(
        R"({"stream":"stderr","log":"x","new":[1],"attrs":{},"time":"2024-01-02T03:04:05.6+00:00"})");
    BOOST_TEST_REQUIRE(bool(read));
    BOOST_TEST((read->stream == LogStream::err));
    BOOST_TEST(read->attrs == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_record_is_refused) {
    std::string good = line("hello");
    good.pop_back();
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        BOOST_TEST(!codec::parse_log_record(good.substr(0, cut)), cut);
        if (cut > 0) BOOST_TEST(!codec::parse_log_record(good.substr(cut)), cut);
    }
    for (const char* bad : {"null", "[]", "{}", R"({"log":"x","stream":"stdout"})",
                            R"({"log":"x","time":"2024-01-02T03:04:05Z"})",
                            R"({"log":"x","stream":"stdin","time":"2024-01-02T03:04:05Z"})",
                            R"({"log":"x","stream":"stdout","time":"yesterday"})",
                            R"({"log":1,"stream":"stdout","time":"2024-01-02T03:04:05Z"})",
                            R"({"log":"x","stream":"stdout","time":"2024-01-02T03:04:05Z"} {})"})
        BOOST_TEST(!codec::parse_log_record(bad), bad);
}
