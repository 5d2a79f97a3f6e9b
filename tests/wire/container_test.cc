// The create body both ways: nothing that a client asked for gets lost on its way to inspect.
#include "codec/json_value.h"
#include "wire/container.h"

#include <boost/test/unit_test.hpp>

namespace {

constexpr std::string_view body =
    R"({"image":"busybox","Cmd":"true","Env":["A=1"],"ExposedPorts":{"80/tcp":{}},
    "Healthcheck":{"Test":["NONE"]},"StopTimeout":0,"HostConfig":{"Memory":4194304,"Binds":["/a:/b"],
    "PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}],"81/tcp":null},"ConsoleSize":[24,80],
    "RestartPolicy":{"Name":"always"},"Init":true,"MaskedPaths":[],"Ulimits":[{"Name":"nofile","Soft":1,
    "Hard":2}],"BlkioDeviceReadBps":[],"Mounts":[{"Type":"bind","Source":"/x","Target":"/y",
    "BindOptions":{"Propagation":"rslave"}}]},
    "NetworkingConfig":{"EndpointsConfig":{"bridge":{"Aliases":["x"]}}}})";

}  // namespace

BOOST_AUTO_TEST_CASE(a_create_body_survives_the_round_trip) {
    auto got = json::read<wire::ContainerCreate>(body);
    BOOST_REQUIRE_MESSAGE(got, (got ? "" : got.error().message()));
    BOOST_TEST(got->cmd.size() == 1);
    BOOST_TEST(got->host_config.memory == 4194304);
    BOOST_TEST(got->host_config.init.value());
    BOOST_TEST(got->host_config.masked_paths->empty());
    BOOST_TEST(!got->host_config.readonly_paths);
    BOOST_TEST(got->stop_timeout.value() == 0);
    BOOST_TEST(!got->host_config.port_bindings.at("81/tcp"));
    std::string once = json::write(*got);
    auto again = json::read<wire::ContainerCreate>(once);
    BOOST_REQUIRE(again);
    BOOST_TEST(json::write(*again) == once);
    auto value = json::parse(once);
    BOOST_REQUIRE(value);
    const json::Value* host = value->find("HostConfig");
    BOOST_TEST(host->find("MaskedPaths")->elements().empty());
    BOOST_TEST(host->find("ReadonlyPaths")->is_null());
    BOOST_TEST(host->find("CapAdd")->is_null());
    BOOST_TEST(
        host->find("Mounts")->elements()[0].find("BindOptions")->find("Propagation")->text() ==
        "rslave");
}

BOOST_AUTO_TEST_CASE(strings_that_become_c_strings_hold_no_nul) {
    for (const char* bad :
         {R"({"Env":["A=\u0000"]})", R"({"Cmd":["\u0000"]})", R"({"Cmd":"\u0000"})",
          R"({"Hostname":"a\u0000"})", R"({"Labels":{"\u0000":"x"}})",
          R"({"HostConfig":{"Binds":["\u0000"]}})",
          R"({"HostConfig":{"Mounts":[{"Source":"\u0000"}]}})"})
        BOOST_TEST(!json::read<wire::ContainerCreate>(bad), bad);
}
