// The filters of `ps` against containers in every state.
#include "api/container_filter.h"
#include "loop/loop.h"
#include "loop/workers.h"

#include <boost/test/unit_test.hpp>
#include <memory>

namespace {

constexpr std::string_view bridge_id = "0123456789abcdef";

struct Fixture {
    Loop loop;
    Workers workers{loop, 1};

    std::unique_ptr<engine::Container> made(std::string name) {
        engine::ContainerRecord record;
        record.id = "4f2c" + std::string(60, 'a');
        record.name = std::move(name);
        record.created = Time{1'000};
        record.image_id = "sha256:image";
        record.config.labels = {{"a", "1"}, {"b", ""}};
        record.config.exposed_ports["80/tcp"] = {};
        record.config.exposed_ports["53/udp"] = {};
        record.host_config.network_mode = "bridge";
        record.host_config.binds = {"/srv/data:/data"};
        return std::make_unique<engine::Container>(loop, workers, std::move(record),
                                                   std::string());
    }
    std::unique_ptr<engine::Container> running(std::string name) {
        auto container = made(std::move(name));
        container->running = container->record.started = true;
        return container;
    }
    std::unique_ptr<engine::Container> ended(std::string name, int code) {
        auto container = made(std::move(name));
        container->record.started = true;
        container->record.exit_code = code;
        return container;
    }
};

api::ContainerFilter filter_of(std::string_view text) {
    auto filter = api::ContainerFilter::parse(text);
    BOOST_REQUIRE_MESSAGE(filter, (filter ? "" : filter.error().message()));
    return std::move(*filter);
}

bool takes(const engine::Container& container, std::string_view text, bool all = true) {
    api::ContainerFilter filter = filter_of(text);
    if (all) filter.show_stopped();
    return filter.takes(container, bridge_id);
}

std::string refusal(std::string_view text) {
    auto filter = api::ContainerFilter::parse(text);
    return filter ? "accepted" : filter.error().message();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(stopped_ones_are_shown_when_asked_for, Fixture) {
    auto container = ended("a", 0);
    BOOST_TEST(!takes(*container, "", false));
    BOOST_TEST(takes(*container, ""));
    BOOST_TEST(takes(*container, R"({"status":["exited"]})", false));
    BOOST_TEST(!takes(*container, R"({"status":["created","running"]})", false));
    BOOST_TEST(takes(*running("b"), "", false));
    BOOST_TEST(takes(*made("c"), R"({"status":{"created":true}})", false));
}

BOOST_FIXTURE_TEST_CASE(names_are_expressions_with_and_without_slash, Fixture) {
    auto container = running("web-1");
    for (const char* name :
         {"web", "web-1", "/web-1", "^web-1$", "^/web-1$", "^/?web-[0-9]$", "b-"})
        BOOST_TEST(takes(*container, std::string(R"({"name":[")") + name + "\"]}"), name);
    for (const char* name : {"web-2", "^eb", "WEB", "^web$", "("})
        BOOST_TEST(!takes(*container, std::string(R"({"name":[")") + name + "\"]}"), name);
    BOOST_TEST(takes(*container, R"({"name":["(","web"]})"));
}

BOOST_FIXTURE_TEST_CASE(ids_labels_and_networks, Fixture) {
    auto container = running("a");
    BOOST_TEST(takes(*container, R"({"id":["4f2c"]})"));
    BOOST_TEST(!takes(*container, R"({"id":["4f2d"]})"));
    BOOST_TEST(takes(*container, R"({"label":["a"]})"));
    BOOST_TEST(takes(*container, R"({"label":["a=1","b"]})"));
    BOOST_TEST(!takes(*container, R"({"label":["a=2"]})"));
    BOOST_TEST(!takes(*container, R"({"label!":["a"]})"));
    BOOST_TEST(takes(*container, R"({"network":["bridge"]})"));
    BOOST_TEST(takes(*container, R"({"network":["012345"]})"));
    BOOST_TEST(!takes(*container, R"({"network":["host"]})"));
    container->record.host_config.network_mode = "host";
    BOOST_TEST(takes(*container, R"({"network":["host"]})"));
    BOOST_TEST(!takes(*container, R"({"network":["012345"]})"));
}

BOOST_FIXTURE_TEST_CASE(exit_codes_are_of_what_has_ended, Fixture) {
    BOOST_TEST(takes(*ended("a", 3), R"({"exited":["0","3"]})"));
    BOOST_TEST(!takes(*ended("a", 3), R"({"exited":["0"]})"));
    BOOST_TEST(!takes(*running("a"), R"({"exited":["0"]})"));
    BOOST_TEST(!takes(*made("a"), R"({"exited":["0"]})"));
    auto again = ended("a", 3);
    again->restarting = true;
    BOOST_TEST(!takes(*again, R"({"exited":["3"]})"));
}

BOOST_FIXTURE_TEST_CASE(ports_volumes_and_what_there_is_none_of, Fixture) {
    auto container = running("a");
    BOOST_TEST(takes(*container, R"({"expose":["80"]})"));
    BOOST_TEST(takes(*container, R"({"expose":["70-90/tcp"]})"));
    BOOST_TEST(!takes(*container, R"({"expose":["53"]})"));
    BOOST_TEST(takes(*container, R"({"expose":["53/udp"]})"));
    BOOST_TEST(!takes(*container, R"({"publish":["80"]})"));
    BOOST_TEST(takes(*container, R"({"volume":["/data"]})"));
    BOOST_TEST(takes(*container, R"({"volume":["/srv/data"]})"));
    BOOST_TEST(!takes(*container, R"({"volume":["/srv"]})"));
    BOOST_TEST(takes(*container, R"({"health":["none"]})"));
    BOOST_TEST(!takes(*container, R"({"health":["healthy"]})"));
    BOOST_TEST(!takes(*container, R"({"is-task":["true"]})"));
    BOOST_TEST(takes(*container, R"({"is-task":["false"]})"));
}

BOOST_FIXTURE_TEST_CASE(images_and_neighbours_in_time, Fixture) {
    auto container = running("a");
    api::ContainerFilter filter = filter_of("");
    filter.only_images({"sha256:other", "sha256:image"});
    BOOST_TEST(filter.takes(*container, bridge_id));
    filter.only_images({});
    BOOST_TEST(!filter.takes(*container, bridge_id));
    filter = filter_of("");
    filter.made_before(Time{1'000});
    BOOST_TEST(!filter.takes(*container, bridge_id));
    filter.made_before(Time{1'001});
    BOOST_TEST(filter.takes(*container, bridge_id));
    filter.made_since(Time{1'000});
    BOOST_TEST(!filter.takes(*container, bridge_id));
    filter.made_since(Time{999});
    BOOST_TEST(filter.takes(*container, bridge_id));
}

BOOST_AUTO_TEST_CASE(bad_values_are_refused_by_name) {
    BOOST_TEST(refusal(R"({"nothing":["x"]})") == "invalid filter 'nothing'");
    BOOST_TEST(refusal(R"({"status":["odd"]})").starts_with("invalid filter 'status=odd'"));
    BOOST_TEST(refusal(R"({"health":["odd"]})") == "invalid filter 'health=odd'");
    BOOST_TEST(refusal(R"({"exited":["x"]})") == "invalid filter 'exited=x'");
    BOOST_TEST(refusal(R"({"is-task":["odd"]})").starts_with("invalid filter 'is-task"));
    BOOST_TEST(refusal(R"({"expose":["1:2"]})") ==
               "filter for 'expose' should not contain ':': 1:2");
    BOOST_TEST(
        refusal(R"({"publish":["70000"]})").starts_with("error while looking up for publish"));
    BOOST_TEST(refusal(R"({"publish":["9-1"]})").starts_with("error while looking up for publish"));
    BOOST_TEST(refusal("{broken").starts_with("invalid filters"));
}
