// What users write after a flag: platforms, hosts, comma-separated values, mounts.
#include "cli/globals.h"
#include "cli/platform.h"
#include "cli/run_parts.h"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

using namespace cli;

namespace {

std::string platform(std::string_view text) {
    auto parsed = parse_platform(text);
    return parsed ? parsed->text() : parsed.error().message();
}

std::string host(std::string_view text) {
    auto parsed = parse_host(text);
    return parsed ? *parsed : parsed.error().message();
}

std::string fields(std::string_view text) {
    auto parsed = csv_fields(text);
    return parsed ? fmt::format("{}", fmt::join(*parsed, "|")) : parsed.error().message();
}

std::string mount(const std::string& text) {
    auto parsed = mount_of(text);
    return parsed ? parsed->json() : parsed.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(values)

BOOST_AUTO_TEST_CASE(platforms_have_one_name) {
    BOOST_TEST(platform("Linux/X86_64") == "linux/amd64");
    BOOST_TEST(platform("arm") == "linux/arm");
    BOOST_TEST(platform("armhf") == "linux/arm");
    BOOST_TEST(platform("linux/aarch64/8") == "linux/arm64/v8");
    BOOST_TEST(platform("linux/arm/7") == "linux/arm/v7");
    BOOST_TEST(platform("windows(10.0)/amd64") == "windows(10.0)/amd64");
    BOOST_TEST(platform("linux") == "linux/" + machine_architecture());
    BOOST_TEST(platform("a/b/c/d") ==
               "\"a/b/c/d\": cannot parse platform specifier: invalid argument");
    BOOST_TEST(platform("nope") ==
               "\"nope\": unknown operating system or architecture: invalid argument");
    BOOST_TEST(platform("*") == "\"*\": wildcards not yet supported: invalid argument");
    BOOST_TEST(platform("").contains("invalid OS component"));
}

BOOST_AUTO_TEST_CASE(hosts_have_a_scheme_and_a_port) {
    BOOST_TEST(host("") == "unix:///run/lighter.sock");
    BOOST_TEST(host("/x") == "unix:///x");
    BOOST_TEST(host(" unix:///x ") == "unix:///x");
    BOOST_TEST(host("tcp://") == "tcp://localhost:2375");
    BOOST_TEST(host(":1") == "tcp://localhost:1");
    BOOST_TEST(host("a:1/base") == "tcp://a:1/base");
    BOOST_TEST(host("tcp://u@a?x") == "tcp://a:2375");
    BOOST_TEST(host("tcp://[::1]:5") == "tcp://[::1]:5");
    BOOST_TEST(host("nope://x") == "invalid bind address format: nope://x");
    BOOST_TEST(host("tcp://a:b") == "parse \"tcp://a:b\": invalid port \":b\" after host");
}

BOOST_AUTO_TEST_CASE(quotes_keep_a_comma) {
    BOOST_TEST(fields("a,\"b,c\",\"d\"\"e\",") == "a|b,c|d\"e|");
    BOOST_TEST(fields("") == "EOF");
    BOOST_TEST(fields("a\"b") == "parse error on line 1, column 2: bare \" in non-quoted-field");
    BOOST_TEST(fields("\"a") ==
               "parse error on line 1, column 3: extraneous or missing \" in quoted-field");
}

BOOST_AUTO_TEST_CASE(mounts_say_what_does_not_go_together) {
    BOOST_TEST(mount("Type=BIND,src=/a,dst=/b,ro") ==
               R"({"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true})");
    BOOST_TEST(mount("type=bind,src=/a,dst=/b,tmpfs-size=1") ==
               "cannot mix 'tmpfs-*' options with mount type 'bind'");
    BOOST_TEST(mount("type=volume") == "target is required");
    BOOST_TEST(mount("dst=/b,nope=1") == "unexpected key 'nope' in 'nope=1'");
    BOOST_TEST(mount("dst=/b,") == "invalid field '' must be a key=value pair");
}

BOOST_AUTO_TEST_SUITE_END()
