#include "codec/json_edit.h"

#include <boost/test/unit_test.hpp>

namespace {

const std::string path[] = {"auths", "h"};

std::string set(std::string_view document, std::string_view value = "1") {
    auto out = codec::set_json(document, path, value);
    return out ? *out : "error: " + out.error().message();
}
std::string erase(std::string_view document) {
    auto out = codec::erase_json(document, path);
    return out ? *out : "error: " + out.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_edit)

BOOST_AUTO_TEST_CASE(a_new_document_is_indented_as_docker_does) {
    BOOST_TEST(set("", R"({"auth":"x"})") ==
               "{\n\t\"auths\": {\n\t\t\"h\": {\n\t\t\t\"auth\": \"x\"\n\t\t}\n\t}\n}");
}

BOOST_AUTO_TEST_CASE(a_member_is_written_as_its_neighbours_are) {
    BOOST_TEST(set(R"({"auths":{"a":2}})") == R"({"auths":{"a":2,"h":1}})");
    BOOST_TEST(set("{\n \"auths\": {\n  \"a\": 2\n }\n}") ==
               "{\n \"auths\": {\n  \"a\": 2,\n  \"h\": 1\n }\n}");
    BOOST_TEST(set("{\n\t\"a\": 1\n}\n") ==
               "{\n\t\"a\": 1,\n\t\"auths\": {\n\t\t\"h\": 1\n\t}\n}\n");
    BOOST_TEST(set("{}") == R"({"auths":{"h":1}})");
    BOOST_TEST(set("{\n\t\"auths\": {}\n}") == "{\n\t\"auths\": {\n\t\t\"h\": 1\n\t}\n}");
}

BOOST_AUTO_TEST_CASE(what_is_there_is_replaced_and_nothing_else) {
    BOOST_TEST(set(R"({"x":"}\"{", "auths" : { "h" : {"a":[1,{}]} , "z":1e5}})", "3") ==
               R"({"x":"}\"{", "auths" : { "h" : 3 , "z":1e5}})");
    BOOST_TEST(set(R"({"auths":null})") == R"({"auths":{"h":1}})");
    BOOST_TEST(set(R"({"auths":{"\u0068":5}})") == R"({"auths":{"\u0068":1}})");
}

BOOST_AUTO_TEST_CASE(a_member_goes_with_its_comma) {
    BOOST_TEST(erase(R"({"auths":{"h":1}})") == R"({"auths":{}})");
    BOOST_TEST(erase(R"({"auths":{"h":1, "z":2}})") == R"({"auths":{"z":2}})");
    BOOST_TEST(erase(R"({"auths":{"a":0, "h":1}})") == R"({"auths":{"a":0}})");
    BOOST_TEST(erase("{\"auths\":{\n\"a\":0,\n\"h\":1,\n\"z\":2\n}}") ==
               "{\"auths\":{\n\"a\":0,\n\"z\":2\n}}");
    BOOST_TEST(erase(R"({"a":{"h":1}})") == R"({"a":{"h":1}})");
    BOOST_TEST(erase(R"({"auths":7})") == R"({"auths":7})");
}

BOOST_AUTO_TEST_CASE(what_is_no_object_is_refused) {
    for (const char* text : {"[]", "3", "{", "{]", "nonsense"}) {
        BOOST_TEST(set(text).starts_with("error: "));
        BOOST_TEST(erase(text).starts_with("error: "));
    }
}

BOOST_AUTO_TEST_SUITE_END()
