// Documents as docker's structs: what templates print and what JSON they give. Every expectation is
// docker 28.2's for the same document.
#include "cli/go_types.h"
#include "codec/gotemplate.h"

#include <boost/test/unit_test.hpp>

using codec::Value;

namespace {

std::string shown(std::string_view type, std::string_view document, std::string_view shape) {
    auto parsed = codec::parse_value(document);
    BOOST_REQUIRE(parsed);
    auto made = codec::Template::parse(shape);
    BOOST_REQUIRE(made);
    std::string out;
    auto done = made->execute(cli::typed(type, *parsed), out);
    return done ? out : done.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(go_types)

BOOST_AUTO_TEST_CASE(a_struct_prints_its_fields_in_order_zeros_too) {
    constexpr auto* type = "*container.State";
    constexpr auto* document = R"({"Pid":42,"Status":"running","Running":true})";
    BOOST_TEST(shown(type, document, "{{.}}") ==
               "{running true false false false false 42 0    <nil>}");
    BOOST_TEST(shown(type, document, "{{printf \"%v\" .}}") ==
               "&{running true false false false false 42 0    <nil>}");
    BOOST_TEST(shown(type, document, "{{.Pid}} {{.Error}}|{{.Health}}") == "42 |<nil>");
    BOOST_TEST(shown(type, "null", "{{.}}") == "<nil>");
}

BOOST_AUTO_TEST_CASE(names_are_gos_and_embedded_fields_are_the_outer_ones) {
    constexpr auto* type = "container.InspectResponse";
    constexpr auto* document = R"({"Id":"x","HostConfig":{"CpuShares":5,"Dns":["1.2.3.4"]}})";
    BOOST_TEST(shown(type, document, "{{.ID}} {{.HostConfig.CPUShares}} {{.HostConfig.DNS}}") ==
               "x 5 [1.2.3.4]");
    BOOST_TEST(shown(type, document, "{{.HostConfig.Resources.CPUShares}}") == "5");
    BOOST_TEST(shown(type, document, "{{.Id}}")
                   .ends_with("can't evaluate field Id in type container.InspectResponse"));
}

BOOST_AUTO_TEST_CASE(json_has_the_documents_names_and_leaves_out_what_go_leaves_out) {
    BOOST_TEST(
        shown("container.MountPoint", R"({"Type":"bind","RW":true})", "{{json .}}") ==
        R"({"Type":"bind","Source":"","Destination":"","Mode":"","RW":true,"Propagation":""})");
    BOOST_TEST(shown("nat.PortBinding", R"({"HostPort":"80"})", "{{json .}}") ==
               R"({"HostIp":"","HostPort":"80"})");
    BOOST_TEST(shown("map[string]string", R"({"b":"1","a":"2"})", "{{json .}} {{.}}") ==
               R"({"a":"2","b":"1"} map[a:2 b:1])");
    BOOST_TEST(shown("[]string", "null", "{{json .}} {{.}} {{len .}}") == "null [] 0");
}

BOOST_AUTO_TEST_CASE(maps_of_a_type_know_their_zero) {
    BOOST_TEST(shown("map[string]string", "{}", "{{.nope}}|{{index . \"nope\"}}|{{.a.b}}") ==
               "<no value>||<no value>");
}

BOOST_AUTO_TEST_CASE(times_and_durations_print_as_go_writes_them) {
    BOOST_TEST(shown("v1.HealthcheckConfig", R"({"Interval":90000000000,"Timeout":1500000})",
                     "{{.Interval}} {{.Timeout}} {{.StartPeriod}} {{json .}}") ==
               R"(1m30s 1.5ms 0s {"Interval":90000000000,"Timeout":1500000})");
    BOOST_TEST(shown("duration", "3600000000000", "{{.}}") == "1h0m0s");
    BOOST_TEST(shown("duration", "-5", "{{.}}") == "-5ns");
    BOOST_TEST(shown("time", R"("2024-01-02T03:04:05.5+02:00")", "{{.}} {{json .}}") ==
               R"(2024-01-02 03:04:05.5 +0200 +0200 "2024-01-02T03:04:05.5+02:00")");
    BOOST_TEST(shown("time", "null", "{{.}}") == "0001-01-01 00:00:00 +0000 UTC");
}

BOOST_AUTO_TEST_CASE(what_is_behind_a_pointer_is_an_address_inside) {
    std::string text = shown("container.Config", R"({"StopTimeout":3})", "{{.}} {{.StopTimeout}}");
    BOOST_TEST(text.contains("0x"));
    BOOST_TEST(text.ends_with(" 3"));
    BOOST_TEST(shown("container.HostConfig", R"({"Ulimits":[{"Name":"nofile","Soft":1,"Hard":2}]})",
                     "{{.Ulimits}} {{json .Ulimits}}") ==
               R"([nofile=1:2] [{"Name":"nofile","Hard":2,"Soft":1}])");
}

BOOST_AUTO_TEST_SUITE_END()
