// What registries put into WWW-Authenticate, and what they should not.
#include "registry/challenge.h"

#include <boost/test/unit_test.hpp>
#include <string>

using registry::parse_challenges;

BOOST_AUTO_TEST_CASE(a_bearer_challenge_gives_realm_service_and_scope) {
    auto all =
        parse_challenges("Bearer realm=\"https://auth.example/token\",service=\"reg.example\","
                         "scope=\"repository:a/b:pull,push\"");
    BOOST_REQUIRE(all.size() == 1);
    BOOST_TEST(all[0].scheme == "bearer");
    BOOST_TEST(all[0].parameter("realm") == "https://auth.example/token");
    BOOST_TEST(all[0].parameter("service") == "reg.example");
    BOOST_TEST(all[0].parameter("scope") == "repository:a/b:pull,push");
    BOOST_TEST(all[0].parameter("error") == "");
}

BOOST_AUTO_TEST_CASE(several_challenges_share_one_header) {
    auto all =
        parse_challenges(", Basic realm=\"a, b\" , ,BEARER Realm = \"x\", service=y, Negotiate "
                         "YII==, Digest");
    BOOST_REQUIRE(all.size() == 4);
    BOOST_TEST(all[0].parameter("realm") == "a, b");
    BOOST_TEST(all[1].scheme == "bearer");
    BOOST_TEST(all[1].parameter("realm") == "x");
    BOOST_TEST(all[1].parameter("service") == "y");
    BOOST_TEST(all[2].scheme == "negotiate");
    BOOST_TEST(all[2].parameters.empty());
    BOOST_TEST(all[3].scheme == "digest");
    BOOST_TEST(registry::find_challenge(all, "bearer") == &all[1]);
    BOOST_TEST(registry::find_challenge(all, "ntlm") == nullptr);
}

BOOST_AUTO_TEST_CASE(quoted_pairs_and_bare_urls_are_read) {
    auto all = parse_challenges("Bearer realm=https://h:5001/token?x=1,service=\"a\\\"b\\\\c\"");
    BOOST_REQUIRE(all.size() == 1);
    BOOST_TEST(all[0].parameter("realm") == "https://h:5001/token?x=1");
    BOOST_TEST(all[0].parameter("service") == "a\"b\\c");
}

BOOST_AUTO_TEST_CASE(a_broken_challenge_ends_the_list) {
    for (const char* bad :
         {"", "   ", ",,,", "=x", "Bearer realm=\"unfinished", "Bearer realm=\"x\\",
          "Bearer realm=\"a\"junk", "Bearer \"x\"", "Bearer@", "Bearer realm=\"a\nb\""}) {
        BOOST_TEST_CONTEXT(bad) BOOST_TEST(parse_challenges(bad).empty());
    }
    auto all = parse_challenges("Basic realm=\"fine\", Bearer realm=\"cut");
    BOOST_REQUIRE(all.size() == 1);
    BOOST_TEST(all[0].scheme == "basic");
}

BOOST_AUTO_TEST_CASE(counts_and_sizes_are_bounded) {
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "Basic,";
    BOOST_TEST(parse_challenges(many).size() == registry::challenges_max);
    BOOST_TEST(parse_challenges("Basic realm=\"" + std::string(20'000, 'x') + "\"").empty());
    std::string parameters = "Bearer a=b";
    for (int i = 0; i < 100; ++i)
        parameters += ",a=b";
    BOOST_TEST(parse_challenges(parameters).empty());
}
