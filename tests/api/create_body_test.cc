// What the body of create comes to, and what older clients mean by theirs.
#include "api/create_body.h"

#include <boost/test/unit_test.hpp>

namespace {

constexpr http::Version newest{1, 55};

wire::ContainerCreate read(std::string_view body, http::Version version = newest) {
    auto got = api::read_create(body, version);
    BOOST_REQUIRE_MESSAGE(got, (got ? "" : got.error().message()));
    return std::move(*got);
}

std::string refusal(std::string_view body, http::Version version = newest) {
    auto got = api::read_create(body, version);
    if (got) return "accepted";
    BOOST_TEST((got.error().kind() == Kind::invalid));
    return got.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_body_without_config_makes_no_container) {
    constexpr std::string_view empty = "config cannot be empty in order to create a container";
    BOOST_TEST(refusal("") == empty);
    BOOST_TEST(refusal("{}") == empty);
    BOOST_TEST(refusal(R"({"HostConfig":{"Memory":67108864}})") == empty);
    BOOST_TEST(refusal(R"({"Cmd":["true"]})") == "accepted");  // engine asks for the image
}

BOOST_AUTO_TEST_CASE(what_is_no_document_is_told) {
    BOOST_TEST(refusal("{").starts_with("invalid JSON"));
    BOOST_TEST(refusal("[]").find("array") != std::string::npos);
    BOOST_TEST(refusal(R"({"Image":5})").find("Image") != std::string::npos);
    BOOST_TEST(refusal(R"({"Image":"a"} x)") == "unexpected content after JSON");
}

BOOST_AUTO_TEST_CASE(defaults_of_older_versions_stay_theirs) {
    constexpr std::string_view plain = R"({"Image":"a"})";
    BOOST_TEST(read(plain, {1, 39}).host_config.ipc_mode == "shareable");
    BOOST_TEST(read(plain, {1, 40}).host_config.ipc_mode == "");
}

BOOST_AUTO_TEST_CASE(fields_younger_than_the_version_are_not_there) {
    constexpr std::string_view young =
        R"({"Image":"a","Healthcheck":{"StartInterval":5000000},"HostConfig":{"ConsoleSize":[3,4],)"
        R"("Annotations":{"a":"b"},"AutoRemove":true,"KernelMemory":9}})";
    wire::ContainerCreate old = read(young, {1, 24}), now = read(young);
    BOOST_TEST(old.host_config.console_size[0] == 0);
    BOOST_TEST(now.host_config.console_size[0] == 3);
    BOOST_TEST(old.host_config.annotations.empty());
    BOOST_TEST(now.host_config.annotations.size() == 1);
    BOOST_TEST(!old.host_config.auto_remove);
    BOOST_TEST(now.host_config.auto_remove);
    BOOST_TEST(old.healthcheck->start_interval == 0);
    BOOST_TEST(now.healthcheck->start_interval == 5000000);
    BOOST_TEST(old.host_config.kernel_memory == 9);
    BOOST_TEST(now.host_config.kernel_memory == 0);
}

BOOST_AUTO_TEST_CASE(no_pids_limit_has_several_spellings) {
    for (const char* limit : {"0", "-1", "null"})
        BOOST_TEST(!read(std::string(R"({"Image":"a","HostConfig":{"PidsLimit":)") + limit + "}}")
                        .host_config.pids_limit);
    BOOST_TEST(
        read(R"({"Image":"a","HostConfig":{"PidsLimit":7}})").host_config.pids_limit.value_or(0) ==
        7);
}

BOOST_AUTO_TEST_CASE(read_only_binds_were_not_recursive_once) {
    constexpr std::string_view body =
        R"({"Image":"a","HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b",)"
        R"("ReadOnly":true}]}})";
    wire::ContainerCreate old = read(body, {1, 43});
    BOOST_TEST(old.host_config.mounts[0].bind->read_only_non_recursive);
    BOOST_TEST(!read(body).host_config.mounts[0].bind);
}

BOOST_AUTO_TEST_CASE(one_endpoint_for_old_clients) {
    constexpr std::string_view body =
        R"({"Image":"a","NetworkingConfig":{"EndpointsConfig":{"a":{},"b":{}}}})";
    BOOST_TEST(refusal(body, {1, 43}) ==
               "Container cannot be created with multiple network endpoints");
    BOOST_TEST(refusal(body) == "accepted");
}

BOOST_AUTO_TEST_CASE(the_hardware_address_belongs_to_the_endpoint) {
    constexpr std::string_view wide = R"({"Image":"a","MacAddress":"02:42:ac:11:00:09"})";
    BOOST_TEST(refusal(wide, {1, 51}) == "accepted");
    BOOST_TEST(refusal(wide, {1, 52}).starts_with("container-wide MAC address no longer"));
    constexpr std::string_view both =
        R"({"Image":"a","MacAddress":"02:42:ac:11:00:09","NetworkingConfig":{"EndpointsConfig":)"
        R"({"bridge":{"MacAddress":"02:42:ac:11:00:0a"}}}})";
    BOOST_TEST(refusal(both, {1, 44}).starts_with("the container-wide MAC address must match"));
    wire::ContainerCreate old = read(both, {1, 43});
    BOOST_TEST(old.networking_config.endpoints_config["bridge"].mac_address == "");
    BOOST_TEST(refusal(R"({"Image":"a","MacAddress":"02:42:ac:11:00:09",)"
                       R"("HostConfig":{"NetworkMode":"host"}})",
                       {1, 44}) == "conflicting options: mac-address and the network mode");
}
