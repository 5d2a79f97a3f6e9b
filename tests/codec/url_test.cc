#include "codec/url.h"

#include <boost/test/unit_test.hpp>

using namespace codec;

BOOST_AUTO_TEST_SUITE(url)

BOOST_AUTO_TEST_CASE(an_address_is_taken_apart) {
    auto url = parse_url("HTTPS://us%40er:p%3Aw@Registry.Example:5000/v2/a%2Fb?x=1&y=%20#frag");
    BOOST_REQUIRE(url);
    BOOST_TEST(url->scheme == "https");
    BOOST_TEST(url->user == "us@er");
    BOOST_TEST(url->password == "p:w");
    BOOST_TEST(url->host == "registry.example");
    BOOST_TEST(url->port == 5000);
    BOOST_TEST(url->target == "/v2/a%2Fb?x=1&y=%20");
    BOOST_TEST(url->host_header() == "registry.example:5000");
    BOOST_TEST(url->printable() == "https://registry.example:5000/v2/a%2Fb");
    BOOST_TEST(parse_url("http://[::1]:80")->host_header() == "[::1]");
    BOOST_TEST(parse_url("http://[::1]:8080/")->authority() == "[::1]:8080");
    BOOST_TEST(parse_url("https://h")->port == 443);
    BOOST_TEST(parse_url("https://h?q=1")->target == "/?q=1");
    BOOST_TEST(parse_url("http://h/\xc3\xa4|")->target == "/%C3%A4%7C");
}

BOOST_AUTO_TEST_CASE(bad_addresses_are_refused_without_quoting_them) {
    for (std::string_view bad : {"",
                                 "h",
                                 "ftp://h/",
                                 "http://",
                                 "http:///x",
                                 "http://h:0/",
                                 "http://h:70000/",
                                 "http://h:x/",
                                 "http://[::1/",
                                 "http://[::1]x/",
                                 "http://[abc]/",
                                 "http://a b/",
                                 "http://a/\r\nX: 1",
                                 "http://a/\x7f",
                                 "http://::1/",
                                 "http://u%zz:secret@h/",
                                 "http://h\\@evil/",
                                 "http://h%00/",
                                 "://h",
                                 "http://ex\xc3\xa4mple/"}) {
        auto url = parse_url(bad);
        BOOST_TEST(!url, bad);
        if (!url) BOOST_TEST(url.error().message().find("secret") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(locations_resolve_as_rfc_3986_says) {
    Url base = *parse_url("https://u:p@h:5000/v2/a/blobs/x?y=1");
    auto at = [&](std::string_view reference) {
        auto url = resolve_url(base, reference);
        return url ? url->scheme + "://" + url->authority() + url->target : "error";
    };
    BOOST_TEST(at("/b") == "https://h:5000/b");
    BOOST_TEST(at("b?z=2") == "https://h:5000/v2/a/blobs/b?z=2");
    BOOST_TEST(at("../b") == "https://h:5000/v2/a/b");
    BOOST_TEST(at("../../../../b") == "https://h:5000/b");
    BOOST_TEST(at("/a/./b/..") == "https://h:5000/a/");
    BOOST_TEST(at("?z") == "https://h:5000/v2/a/blobs/x?z");
    BOOST_TEST(at("//cdn/x") == "https://cdn:443/x");
    BOOST_TEST(at("http://cdn:81/x?s=1") == "http://cdn:81/x?s=1");
    BOOST_TEST(at("/x:y") == "https://h:5000/x:y");
    BOOST_TEST(at("/a b") == "https://h:5000/a%20b");
    BOOST_TEST(at("file:///etc/passwd") == "error");
    BOOST_TEST(at("/a\r\nb") == "error");
    BOOST_TEST(at("") == "error");
    BOOST_TEST(resolve_url(base, "/b")->user == "");
}

BOOST_AUTO_TEST_CASE(queries_read_as_docker_reads_them) {
    Query query = Query::parse(
        "name=a+b%2Fc&all=1&x=&f=None&g=%20FALSE%20&h=yes&bad=%zz&n=12&m=-3&r=1&r=2&s;t=1&k");
    BOOST_TEST(query.text("name") == "a b/c");
    BOOST_TEST(query.flag("all"));
    BOOST_TEST(!query.flag("x", true));
    BOOST_TEST(!query.flag("f"));
    BOOST_TEST(!query.flag("g"));
    BOOST_TEST(query.flag("h"));
    BOOST_TEST(query.flag("absent", true));
    BOOST_TEST(!query.has("bad"));
    BOOST_TEST(!query.has("s;t"));
    BOOST_TEST(query.has("k"));
    BOOST_TEST(query.all("r").size() == 2U);
    BOOST_TEST(query.text("r") == "1");
    BOOST_TEST(*query.number_or("n", 0) == 12);
    BOOST_TEST(*query.number_or("m", 0) == -3);
    BOOST_TEST(*query.number_or("x", 7) == 7);
    BOOST_TEST(!query.number_or("name", 0));
    BOOST_TEST(!Query::parse("n=99999999999999999999").number_or("n", 0));
    BOOST_TEST(!Query::parse("n=1x").number_or("n", 0));
    BOOST_TEST(!Query::parse("n=%2B-1").number_or("n", 0));
    Query back;
    back.add("filters", "{\"a\":[\"b c\"]}");
    back.add("x", "");
    BOOST_TEST(back.encode() == "filters=%7B%22a%22%3A%5B%22b%20c%22%5D%7D&x=");
    BOOST_TEST(Query::parse(back.encode()).text("filters") == "{\"a\":[\"b c\"]}");
}

BOOST_AUTO_TEST_SUITE_END()
