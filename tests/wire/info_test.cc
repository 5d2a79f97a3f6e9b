// What the API answers: the shapes clients branch on.
#include "wire/container_info.h"
#include "wire/image.h"
#include "wire/system.h"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(a_progress_line_has_only_what_it_tells) {
    wire::Progress line{
        .status = "Pulling fs layer", .progress_detail = wire::ProgressDetail{}, .id = "0123"};
    BOOST_TEST(json::write(line) ==
               R"({"status":"Pulling fs layer","progressDetail":{},"id":"0123"})");
    line = {.status = "Status: done"};
    BOOST_TEST(json::write(line) == R"({"status":"Status: done"})");
}

BOOST_AUTO_TEST_CASE(lists_are_never_null_and_wait_has_no_error_unless_there_is_one) {
    BOOST_TEST(json::write(wire::ImageSummary{.id = "sha256:1"}) ==
               R"({"Containers":-1,"Created":0,"Id":"sha256:1","Labels":null,"ParentId":"",)"
               R"("RepoDigests":[],"RepoTags":[],"SharedSize":-1,"Size":0})");
    BOOST_TEST(json::write(wire::WaitResponse{.status_code = 3}) == R"({"StatusCode":3})");
    BOOST_TEST(json::write(wire::ErrorBody{.message = "<none>"}) == R"({"message":"<none>"})");
    BOOST_TEST(json::write(std::vector<wire::ContainerSummary>{}) == "[]");
}

BOOST_AUTO_TEST_CASE(an_inspect_of_a_created_container_reads_back) {
    wire::ContainerInspect one;
    one.id = "abc";
    one.state.status = "created";
    one.network_settings.ports["80/tcp"] = std::nullopt;
    std::string text = json::write(one);
    BOOST_TEST(text.find(R"("StartedAt":"0001-01-01T00:00:00Z")") != std::string::npos);
    BOOST_TEST(text.find(R"("Ports":{"80/tcp":null})") != std::string::npos);
    BOOST_TEST(text.find(R"("Health":)") == std::string::npos);
    auto back = json::read<wire::ContainerInspect>(text);
    BOOST_REQUIRE(back);
    BOOST_TEST(json::write(*back) == text);
    wire::Info info;
    auto info_back = json::read<wire::Info>(json::write(info));
    BOOST_REQUIRE(info_back);
    BOOST_TEST(info_back->swarm.local_node_state == "inactive");
    BOOST_TEST(json::read<wire::Version>(json::write(wire::Version())).value().version.empty());
}
