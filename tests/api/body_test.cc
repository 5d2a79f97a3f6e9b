// The media type of request bodies.
#include "api/body.h"

#include <boost/test/unit_test.hpp>

namespace {

std::string told(std::string_view type, bool has_body = true) {
    Status status = api::check_json_type(type, has_body);
    return status ? "fine" : status.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_body_says_that_it_is_json) {
    BOOST_TEST(told("application/json") == "fine");
    BOOST_TEST(told("Application/JSON ; charset=utf-8") == "fine");
    BOOST_TEST(told("text/plain") ==
               "unsupported Content-Type header (text/plain): must be 'application/json'");
    BOOST_TEST(told("application/jsonl").starts_with("unsupported Content-Type header"));
    BOOST_TEST(told("") == "malformed Content-Type header (): mime: no media type");
    BOOST_TEST(told(";x") == "malformed Content-Type header (;x): mime: no media type");
}

BOOST_AUTO_TEST_CASE(without_a_body_the_type_may_be_missing_but_not_wrong) {
    BOOST_TEST(told("", false) == "fine");
    BOOST_TEST(told("application/json", false) == "fine");
    BOOST_TEST(told("text/plain", false).starts_with("unsupported Content-Type header"));
}
