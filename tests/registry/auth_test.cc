// X-Registry-Auth, base64, and the words a refusal becomes.
#include "codec/base64.h"
#include "registry/auth.h"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace registry;

BOOST_AUTO_TEST_CASE(base64_goes_both_ways) {
    for (std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
        BOOST_TEST(codec::unbase64(codec::base64(text)).value() == text);
    }
    BOOST_TEST(codec::base64("foob") == "Zm9vYg==");
    BOOST_TEST(codec::unbase64("Zm9vYg").value() == "foob");
    BOOST_TEST(codec::unbase64("_-8").value() == codec::unbase64("/+8=").value());
    BOOST_TEST(!codec::unbase64("Z"));
    BOOST_TEST(!codec::unbase64("Zm9v!"));
}

BOOST_AUTO_TEST_CASE(registry_auth_is_read_in_every_coding_and_ignored_when_broken) {
    std::string json = R"({"username":"me","password":"s?cret>","serveraddress":"x"})";
    std::string url = codec::base64(json);
    for (char& c : url)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    for (std::string header : {codec::base64(json), url, url.substr(0, url.find('='))}) {
        Credentials read = parse_registry_auth(header);
        BOOST_TEST(read.username == "me");
        BOOST_TEST(read.password == "s?cret>");
    }
    BOOST_TEST(parse_registry_auth(codec::base64(R"({"auth":")" + codec::base64("u:p:q") + "\"}")).password ==
               "p:q");
    BOOST_TEST(parse_registry_auth(codec::base64(R"({"identitytoken":"a\r\nX: y"})")).empty());
    for (std::string broken : {"", "!!", "bm90IGpzb24", "e30"})
        BOOST_TEST(parse_registry_auth(broken).empty());
    BOOST_TEST(basic_header({.username = "a", .password = "b"}) == "Basic YTpi");
}

BOOST_AUTO_TEST_CASE(refusals_read_as_docker_prints_them) {
    auto text = [](unsigned status, std::string_view body, std::string_view challenge = "") {
        return pull_refused(read_refusal(status, challenge, body), "centos", "centos:7").message();
    };
    BOOST_TEST(
        text(
            404,
            R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"7"}}]})") ==
        "manifest for centos:7 not found: manifest unknown: manifest unknown");
    BOOST_TEST(text(401,
                    R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})",
                    "Bearer realm=\"https://a.example\",error=\"insufficient_scope\"") ==
               "pull access denied for centos, repository does not exist or may require 'docker "
               "login': denied: "
               "requested access to the resource is denied");
    BOOST_TEST(
        text(
            404,
            R"({"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]})") ==
        "repository centos not found: name unknown: repository name not known to registry");
    BOOST_TEST(text(401, "") == "unauthorized: authentication required");
    BOOST_TEST(text(429, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]})") ==
               "toomanyrequests: slow down");
    BOOST_TEST(text(500, "<html>") == "received unexpected HTTP status: 500 Internal Server Error");
    BOOST_TEST((read_refusal(401, "", "").kind() == Kind::unauthorized));
    // What a registry says stays on one line and short.
    std::string long_text = text(400, R"({"errors":[{"code":"X","message":"a\u001b[2Jb\n)" +
                                          std::string(5000, 'y') + "\"}]}");
    BOOST_TEST(long_text.size() < 1200);
    BOOST_TEST(long_text.find('\x1b') == std::string::npos);
}
