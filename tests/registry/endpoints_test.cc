// Where an image is asked for: Docker Hub's real host, mirrors, insecure registries, certificates.
#include "registry/endpoints.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace registry;
using Strings = std::vector<std::string>;

namespace {

Registries with(Settings settings) {
    auto made = Registries::create(std::move(settings));
    BOOST_REQUIRE(made);
    return std::move(made).value();
}

// `addresses` are those of the domain, or of the mirror's host.
Strings bases(const Registries& registries, std::string_view domain, Strings addresses = {}) {
    Strings out;
    Addresses known;
    for (const std::string& host : registries.to_resolve(domain))
        known[host] = addresses;
    for (const Endpoint& e : registries.endpoints(domain, known))
        out.push_back(e.base + (e.verify ? "" : " unverified") + (e.mirror ? " mirror" : ""));
    return out;
}

std::string refusal(Settings settings) {
    auto made = Registries::create(std::move(settings));
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.error().kind() == Kind::invalid));
    return made.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(docker_hub_has_another_host_and_only_it_has_mirrors) {
    Registries r = with({.mirrors = {"https://mirror.example/", "http://10.1.2.3:5000/hub"}});
    BOOST_TEST(bases(r, "docker.io") ==
               (Strings{"https://mirror.example mirror", "http://10.1.2.3:5000/hub mirror",
                        "https://registry-1.docker.io"}));
    BOOST_TEST(bases(r, "quay.example") == (Strings{"https://quay.example"}));
}

BOOST_AUTO_TEST_CASE(loopback_is_insecure_without_being_told) {
    Registries r;
    for (std::string host :
         {"localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "LocalHost"})
        BOOST_TEST(bases(r, host) ==
                   (Strings{"https://" + host + " unverified", "http://" + host + " unverified"}));
    for (std::string host : {"128.0.0.1:5000", "localhost.example", "[::2]:5000", "example"})
        BOOST_TEST(bases(r, host) == (Strings{"https://" + host}));
}

BOOST_AUTO_TEST_CASE(insecure_names_are_exact_with_their_port) {
    Registries r = with({.insecure = {"reg.example:5000", "http://old.example"}});
    BOOST_TEST(bases(r, "reg.example:5000").size() == 2);
    BOOST_TEST(bases(r, "old.example").size() == 2);
    BOOST_TEST(bases(r, "reg.example") == (Strings{"https://reg.example"}));
    BOOST_TEST(bases(r, "reg.example:5001") == (Strings{"https://reg.example:5001"}));
}

BOOST_AUTO_TEST_CASE(insecure_ranges_cover_literals_and_resolved_names) {
    Registries r = with({.insecure = {"10.0.0.0/9", "fd00::/8"}});
    BOOST_TEST(bases(r, "10.127.0.1").size() == 2);
    BOOST_TEST(bases(r, "10.128.0.1").size() == 1);
    BOOST_TEST(bases(r, "[fdab::1]:80").size() == 2);
    BOOST_TEST(r.to_resolve("reg.example:5000") == (Strings{"reg.example:5000"}));
    BOOST_TEST(r.to_resolve("10.128.0.1").empty());
    BOOST_TEST(r.to_resolve("docker.io").empty());
    BOOST_TEST(Registries().to_resolve("reg.example").empty());
    BOOST_TEST(bases(r, "reg.example", {"192.0.2.1"}).size() == 1);
    BOOST_TEST(bases(r, "reg.example", {"192.0.2.1", "10.1.1.1"}).size() == 2);
    // Docker Hub stays verified whatever its name resolves to.
    BOOST_TEST(bases(r, "docker.io", {"10.1.1.1"}) == (Strings{"https://registry-1.docker.io"}));
    // Its mirrors do not.
    Registries m = with({.mirrors = {"https://m.example:5000/x"}, .insecure = {"10.0.0.0/9"}});
    BOOST_TEST(m.to_resolve("docker.io") == (Strings{"m.example:5000"}));
    BOOST_TEST(bases(m, "docker.io", {"10.1.1.1"}).front() ==
               "https://m.example:5000/x unverified mirror");
    BOOST_TEST(bases(m, "docker.io", {"11.1.1.1"}).front() == "https://m.example:5000/x mirror");
}

BOOST_AUTO_TEST_CASE(bad_settings_are_refused_in_dockers_words) {
    BOOST_TEST(refusal({.mirrors = {"mirror.example"}}) ==
               "invalid mirror: \"mirror.example\" is not a valid URI");
    BOOST_TEST(refusal({.mirrors = {"ftp://m.example"}}) ==
               "invalid mirror: unsupported scheme \"ftp\" in \"ftp://m.example\"");
    BOOST_TEST(refusal({.mirrors = {"https://m.example?x"}}) ==
               "invalid mirror: query or fragment at end of the URI \"https://m.example?x\"");
    BOOST_TEST(refusal({.mirrors = {"https://user:secret@m.example"}}) ==
               "invalid mirror: username/password not allowed in URI \"https://xxxxx@m.example\"");
    BOOST_TEST(refusal({.insecure = {"ftp://x"}}) ==
               "insecure registry ftp://x should not contain '://'");
    for (std::string bad :
         {"-x", "a b", "", "10.0.0.0/33", "10.0.0/8", "x/y", "host:99999", "host:", "../x"})
        BOOST_TEST_CONTEXT(bad)
    BOOST_TEST(refusal({.insecure = {bad}}).starts_with("insecure registry "));
}
