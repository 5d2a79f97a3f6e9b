// Paths, versions and statuses: where a request goes before any handler sees it.
#include "api/routes.h"
#include "api/status.h"
#include "api/versions.h"

#include <boost/test/unit_test.hpp>

namespace {

std::string split(std::string_view path) {
    auto got = api::split_version(path);
    if (!got) return got.error().message();
    if (Status spoken = api::check_version(got->version); !spoken) return spoken.error().message();
    return api::version_text(got->version) + (got->bare ? " bare " : " ") + got->path;
}

std::string found(std::string_view method, std::string_view path) {
    api::Match match = api::find_route(method, path);
    if (!match.route) return "page not found";
    return std::string(match.route->pattern) + " " + match.name;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_path_goes_with_its_version_or_the_newest) {
    BOOST_TEST(split("/v1.41/containers/json") == "1.41 /containers/json");
    BOOST_TEST(split("/containers/json") == "1.55 bare /containers/json");
    BOOST_TEST(split("/volumes/v1") == "1.55 bare /volumes/v1");
    BOOST_TEST(split("/version") == "1.55 bare /version");
    BOOST_TEST(split("/v1.24/_ping") == "1.24 /_ping");
    BOOST_TEST(split("/v1.99/info") ==
               "client version 1.99 is too new. Maximum supported API version is 1.55");
    BOOST_TEST(split("/v1.23/info") ==
               "client version 1.23 is too old. Minimum supported API version is 1.24, please "
               "upgrade your client to a newer version");
    BOOST_TEST(split("/v1..2/info").starts_with("invalid API version"));
    BOOST_TEST(split("/v1.99999999999999999999/info").starts_with("invalid API version"));
}

BOOST_AUTO_TEST_CASE(names_match_slashes_and_fixed_paths_win) {
    BOOST_TEST(found("GET", "/images/ghcr.io/a/b:1/json") == "/images/{name}/json ghcr.io/a/b:1");
    BOOST_TEST(found("GET", "/images/get") == "/images/get ");
    BOOST_TEST(found("GET", "/images/get/json") == "/images/{name}/json get");
    BOOST_TEST(found("GET", "/images/json") == "/images/json ");
    BOOST_TEST(found("DELETE", "/images/a/json") == "/images/{name} a/json");
    BOOST_TEST(found("POST", "/containers/create") == "/containers/create ");
    BOOST_TEST(found("POST", "/containers/a/attach") == "/containers/{name}/attach a");
    BOOST_TEST(found("GET", "/containers/a/attach/ws") == "/containers/{name}/attach/ws a");
    BOOST_TEST(found("HEAD", "/_ping") == "/_ping ");
}

BOOST_AUTO_TEST_CASE(unknown_paths_and_wrong_methods_are_not_found) {
    BOOST_TEST(found("GET", "/containers//json") == "page not found");
    BOOST_TEST(found("DELETE", "/info") == "page not found");
    BOOST_TEST(found("GET", "/") == "page not found");
    BOOST_TEST(found("GET", "") == "page not found");
    BOOST_TEST(found("BREW", "/info") == "page not found");
    BOOST_TEST(found("GET", "/containers/json/") == "page not found");
}

BOOST_AUTO_TEST_CASE(kinds_become_statuses_once) {
    BOOST_TEST(api::status_of(Kind::missing) == 404);
    BOOST_TEST(api::status_of(Kind::unsupported) == 501);
    http::Reply reply = api::error_reply(Error(Kind::conflict, "<x> & y"), {1, 41});
    BOOST_TEST(reply.status() == 409);
    BOOST_TEST(reply.body().view() == "{\"message\":\"<x> & y\"}\n");
    BOOST_TEST(reply.headers().get("content-type") == "application/json");
    BOOST_TEST(api::error_reply(Error(Kind::unchanged, "so"), {1, 41}).body().empty());
    BOOST_TEST(api::error_reply(Error(Kind::invalid, "old"), {1, 20}).body().view() == "old\n");
}
