// Lists of processors as Docker reads them.
#include "codec/number_list.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace {

std::string read(std::string_view text) {
    auto list = codec::parse_number_list(text, 8192);
    if (!list) return list.error().message();
    std::string out;
    for (const codec::NumberRange& range : *list)
        out += "[" + std::to_string(range.first) + "," + std::to_string(range.last) + "]";
    return out;
}

bool covers(std::string_view have, std::string_view wanted) {
    return codec::covers(*codec::parse_number_list(have, 8192),
                         *codec::parse_number_list(wanted, 8192));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(number_list)

BOOST_AUTO_TEST_CASE(ranges_are_sorted_and_joined) {
    BOOST_TEST(read("").empty());
    BOOST_TEST(read("3") == "[3,3]");
    BOOST_TEST(read("7,0-3,2-5,6") == "[0,7]");
    BOOST_TEST(read("9,1-2,00") == "[0,2][9,9]");
    BOOST_TEST(read("0-8192") == "[0,8192]");
}

BOOST_AUTO_TEST_CASE(what_is_no_list_is_refused_in_dockers_words) {
    for (const char* wrong : {",", "0,", ",0", "-", "0-", "-1", "1-0", " 0", "0 ", "0\n", "a", "+1",
                              "0--1", "0-1-2", "0:1", "1.0"})
        BOOST_TEST(read(wrong) == std::string("invalid format: ") + wrong);
    for (const char* big :
         {"8193", "0-8193", "1-9223372036854775807", "0-99999999999999999999999999999999"})
        BOOST_TEST(read(big) == "value of out range, maximum is 8192");
}

BOOST_AUTO_TEST_CASE(a_list_covers_what_is_in_it) {
    BOOST_TEST(covers("0-3", "0,3"));
    BOOST_TEST(covers("0-3", ""));
    BOOST_TEST(covers("0-1,2-3", "1-2"));
    BOOST_TEST(!covers("0-3", "4"));
    BOOST_TEST(!covers("0-3,5-6", "3-5"));
    BOOST_TEST(!covers("", "0"));
}

BOOST_AUTO_TEST_SUITE_END()
