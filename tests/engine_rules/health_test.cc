// What becomes of a container by the results of its checks.
#include "engine/health_rules.h"

#include <boost/test/unit_test.hpp>

using namespace engine;

namespace {

constexpr std::int64_t ms = 1'000'000, second = 1000 * ms;
constexpr Time started{1'000 * second};

wire::ContainerConfig config_with(wire::Strings test) {
    wire::ContainerConfig config;
    config.healthcheck.emplace();
    config.healthcheck->test = std::move(test);
    return config;
}

wire::HealthResult result(std::int64_t code, std::int64_t after_ns) {
    wire::HealthResult out;
    out.exit_code = code;
    out.start = {started.ns + after_ns};
    out.end = {out.start.ns + ms};
    return out;
}

Probe probe_with(std::int64_t retries, std::int64_t start_period = 0) {
    Probe probe;
    probe.retries = retries;
    probe.start_period = start_period;
    return probe;
}

wire::Health fresh() {
    std::optional<wire::Health> health;
    begin_health(health, config_with({"CMD", "true"}));
    return *health;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(health)

BOOST_AUTO_TEST_CASE(a_probe_has_dockers_defaults) {
    auto probe = probe_of(config_with({"CMD", "a", "b"}));
    BOOST_REQUIRE(probe);
    BOOST_TEST(probe->command == (std::vector<std::string>{"a", "b"}),
               boost::test_tools::per_element());
    BOOST_TEST(probe->interval == 30 * second);
    BOOST_TEST(probe->timeout == 30 * second);
    BOOST_TEST(probe->start_period == 0);
    BOOST_TEST(probe->start_interval == 5 * second);
    BOOST_TEST(probe->retries == 3);
}

BOOST_AUTO_TEST_CASE(a_shell_form_has_the_images_shell) {
    wire::ContainerConfig config = config_with({"CMD-SHELL", "exit 0"});
    BOOST_TEST(probe_of(config)->command == (std::vector<std::string>{"/bin/sh", "-c", "exit 0"}),
               boost::test_tools::per_element());
    config.shell.assign({"/bin/bash", "-ec"});
    BOOST_TEST(probe_of(config)->command ==
                   (std::vector<std::string>{"/bin/bash", "-ec", "exit 0"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(there_may_be_none) {
    BOOST_TEST(!probe_of(wire::ContainerConfig()));
    BOOST_TEST(!probe_of(config_with({})));
    BOOST_TEST(!probe_of(config_with({"NONE"})));
    BOOST_TEST(!probe_of(config_with({"cmd", "true"})));
    std::optional<wire::Health> health{wire::Health()};
    begin_health(health, config_with({"NONE"}));
    BOOST_TEST(!health);
}

BOOST_AUTO_TEST_CASE(failures_in_a_row_make_it_unhealthy_and_one_success_healthy) {
    Probe probe = probe_with(3);
    wire::Health health = fresh();
    BOOST_TEST(!take_result(probe, health, result(1, 0), started));
    BOOST_TEST(!take_result(probe, health, result(2, 0), started));
    BOOST_TEST(health.status == "starting");
    BOOST_TEST(health.failing_streak == 2);
    BOOST_TEST(take_result(probe, health, result(-1, 0), started));
    BOOST_TEST(health.status == "unhealthy");
    BOOST_TEST(!take_result(probe, health, result(1, 0), started));
    BOOST_TEST(health.failing_streak == 4);
    BOOST_TEST(take_result(probe, health, result(0, 0), started));
    BOOST_TEST(health.status == "healthy");
    BOOST_TEST(health.failing_streak == 0);
    BOOST_TEST(!take_result(probe, health, result(1, 0), started));
    BOOST_TEST(health.status == "healthy");
}

BOOST_AUTO_TEST_CASE(failures_while_it_starts_do_not_count) {
    Probe probe = probe_with(1, 10 * second);
    wire::Health health = fresh();
    BOOST_TEST(!take_result(probe, health, result(1, 10 * second - 1), started));
    BOOST_TEST(health.failing_streak == 0);
    BOOST_TEST(health.log.size() == 1U);
    // Once healthy they do.
    BOOST_TEST(take_result(probe, health, result(0, second), started));
    BOOST_TEST(take_result(probe, health, result(1, 2 * second), started));
    BOOST_TEST(health.status == "unhealthy");
    health = fresh();
    BOOST_TEST(take_result(probe, health, result(1, 10 * second), started));
}

BOOST_AUTO_TEST_CASE(the_last_five_are_kept) {
    Probe probe = probe_with(100);
    wire::Health health = fresh();
    for (int i = 1; i <= 7; ++i)
        take_result(probe, health, result(i, 0), started);
    BOOST_REQUIRE(health.log.size() == 5U);
    BOOST_TEST(health.log.front().exit_code == 3);
    BOOST_TEST(health.log.back().exit_code == 7);
    std::optional<wire::Health> again = health;
    begin_health(again, config_with({"CMD", "true"}));
    BOOST_TEST(again->log.size() == 5U);
    BOOST_TEST(again->failing_streak == 0);
    BOOST_TEST(again->status == "starting");
    leave_health(again);
    BOOST_TEST(again->status == "unhealthy");
}

BOOST_AUTO_TEST_CASE(it_is_looked_at_more_often_while_it_starts) {
    Probe probe = probe_with(3, 10 * second);
    wire::Health health = fresh();
    BOOST_TEST(interval_of(probe, health, started, started) == 5 * second);
    BOOST_TEST(interval_of(probe, health, started, {started.ns + 10 * second}) == 30 * second);
    health.status = "healthy";
    BOOST_TEST(interval_of(probe, health, started, started) == 30 * second);
}

BOOST_AUTO_TEST_CASE(output_is_cut_where_docker_cuts) {
    ProbeOutput output;
    output.add(std::string(4000, 'a'));
    output.add(std::string(96, 'b'));
    BOOST_TEST(output.text().size() == 4096U);
    BOOST_TEST(!output.text().ends_with("..."));
    output.add("c");
    output.add("d");
    BOOST_TEST(output.text() == std::string(4000, 'a') + std::string(96, 'b') + "...");
}

BOOST_AUTO_TEST_CASE(durations_are_written_as_go_does) {
    auto text = [](std::int64_t ns, const std::string& output = "") {
        Probe probe;
        probe.timeout = ns;
        return timeout_text(probe, output);
    };
    BOOST_TEST(text(ms) == "Health check exceeded timeout (1ms)");
    BOOST_TEST(text(1500 * 1000) == "Health check exceeded timeout (1.5ms)");
    BOOST_TEST(text(second) == "Health check exceeded timeout (1s)");
    BOOST_TEST(text(second + 50 * ms) == "Health check exceeded timeout (1.05s)");
    BOOST_TEST(text(90 * second) == "Health check exceeded timeout (1m30s)");
    BOOST_TEST(text(7200 * second + 1) == "Health check exceeded timeout (2h0m0.000000001s)");
    BOOST_TEST(text(second, "x\n") == "Health check exceeded timeout (1s): x\n");
}

BOOST_AUTO_TEST_SUITE_END()
