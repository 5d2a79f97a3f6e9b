// References: what Docker makes of them, and what is none.
#include "registry/reference.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <tuple>

using namespace registry;

BOOST_AUTO_TEST_CASE(names_are_normalized_and_shown_familiar) {
    const std::tuple<std::string, std::string, std::string> cases[] = {
        {"centos", "docker.io/library/centos:latest", "centos:latest"},
        {"user/name:1.0", "docker.io/user/name:1.0", "user/name:1.0"},
        {"docker.io/centos", "docker.io/library/centos:latest", "centos:latest"},
        {"index.docker.io/library/centos", "docker.io/library/centos:latest", "centos:latest"},
        {"localhost/a", "localhost/a:latest", "localhost/a:latest"},
        {"localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b:t"},
        {"reg.example/a__b-c.d---e", "reg.example/a__b-c.d---e:latest",
         "reg.example/a__b-c.d---e:latest"},
        {"[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"},
        {"REG/a", "REG/a:latest", "REG/a:latest"},
    };
    for (const auto& [text, canonical, shown] : cases) {
        auto parsed = parse_reference(text);
        BOOST_TEST_CONTEXT(text) {
            BOOST_REQUIRE(parsed);
            BOOST_TEST(canonical_tag(*parsed) == canonical);
            BOOST_TEST(familiar(canonical) == shown);
            BOOST_TEST(parsed->familiar() == shown);
        }
    }
    auto pinned = parse_reference("centos:7@sha256:" + std::string(64, 'a'));
    BOOST_REQUIRE(pinned);
    BOOST_TEST(pinned->familiar() == "centos@sha256:" + std::string(64, 'a'));
}

BOOST_AUTO_TEST_CASE(what_is_no_reference_is_refused) {
    for (std::string bad : {std::string(),          std::string("a:"),
                            std::string("a:b:c"),   std::string("-a"),
                            std::string("a/"),      std::string("/a"),
                            std::string("a//b"),    std::string("a..b"),
                            std::string("a___b"),   std::string("a b"),
                            std::string("a\nb"),    std::string("a@sha256:12"),
                            std::string("../a"),    std::string("reg.example:x/a"),
                            std::string("a/Upper"), "x:" + std::string(129, 't'),
                            std::string(300, 'n'),  std::string(64, 'a'),
                            std::string("-x.y/a"),  std::string("a\0b", 3)})
        BOOST_TEST_CONTEXT(bad) BOOST_TEST(!parse_reference(bad));
    BOOST_TEST(parse_reference("Upper").error().message() ==
               "invalid reference format: repository name (Upper) must be lowercase");
}
