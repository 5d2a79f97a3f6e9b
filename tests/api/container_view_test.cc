// What inspect and one row of the list say of a container.
#include "api/container_view.h"
#include "codec/json.h"
#include "loop/loop.h"
#include "loop/workers.h"

#include <boost/test/unit_test.hpp>

namespace {

constexpr http::Version newest{1, 55};

struct Fixture {
    Loop loop;
    Workers workers{loop, 1};
    engine::Container container{loop, workers, record(), "/d/containers/c"};
    api::Surroundings around{.folder = "/d/containers/c",
                             .log_path = "/d/containers/c/c-json.log",
                             .layers = {"/d/layers/2/diff", "/d/layers/1/diff"},
                             .network_id = "net"};

    static engine::ContainerRecord record() {
        engine::ContainerRecord record;
        record.id = std::string(64, 'c');
        record.name = "web";
        record.created = Time{1'700'000'000'000'000'000};
        record.image_id = "sha256:1234";
        record.path = "sh";
        record.args = {"-c", "sleep 1", "x"};
        record.config.image = "busybox";
        record.config.exposed_ports["80/tcp"] = {};
        record.host_config.network_mode = "bridge";
        record.host_config.annotations = {{"k", "v"}};
        record.host_config.binds = {"/srv:/mnt:ro"};
        return record;
    }
    void run() {
        container.running = true;
        container.pid = 77;
        container.record.started = true;
        container.record.started_at = Time{1'700'000'100'000'000'000};
        engine::EndpointRecord endpoint;
        endpoint.id = "end";
        endpoint.address = "172.17.0.2";
        endpoint.gateway = "172.17.0.1";
        endpoint.mac = "02:42:ac:11:00:02";
        endpoint.prefix_length = 16;
        container.record.endpoint = endpoint;
    }
    wire::ContainerInspect inspect(http::Version version = newest) {
        return api::inspect_view(container, around, version);
    }
    wire::ContainerSummary row(http::Version version = newest) {
        return api::summary_view(container, "busybox", around.network_id, version,
                                 Time{1'700'000'200'000'000'000});
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_created_container_has_no_times_and_no_files_yet, Fixture) {
    wire::ContainerInspect seen = inspect();
    BOOST_TEST(seen.name == "/web");
    BOOST_TEST(seen.state.status == "created");
    BOOST_TEST(seen.hosts_path == "");
    BOOST_TEST(seen.log_path == "/d/containers/c/c-json.log");
    std::string text = json::write(seen);
    BOOST_TEST(has(text, R"("StartedAt":"0001-01-01T00:00:00Z")"));
    BOOST_TEST(has(text, R"("Ports":{})"));
    BOOST_TEST(!has(text, "SizeRw"));
    BOOST_TEST(row().status == "Created");
    BOOST_TEST(row().ports.empty());
}

BOOST_FIXTURE_TEST_CASE(a_running_container_has_its_place_on_the_network, Fixture) {
    run();
    wire::ContainerInspect seen = inspect();
    const wire::EndpointSettings& bridge = seen.network_settings.networks.at("bridge");
    BOOST_TEST(bridge.network_id == "net");
    BOOST_TEST(bridge.ip_address == "172.17.0.2");
    BOOST_TEST(bridge.ip_prefix_len == 16);
    BOOST_TEST(seen.state.running);
    BOOST_TEST(seen.state.pid == 77);
    BOOST_TEST(seen.network_settings.sandbox_key == "/proc/77/ns/net");
    BOOST_TEST(seen.hosts_path == "/d/containers/c/hosts");
    BOOST_TEST(has(json::write(seen), R"("Ports":{"80/tcp":null})"));
    BOOST_REQUIRE(row().ports.size() == 1);
    BOOST_TEST(row().ports[0].private_port == 80);
    BOOST_TEST(row().ports[0].type == "tcp");
    BOOST_TEST(row().status == "Up About a minute");
}

BOOST_FIXTURE_TEST_CASE(copies_of_the_bridge_are_for_clients_below_1_52, Fixture) {
    run();
    std::string old = json::write(inspect({1, 51}).network_settings);
    std::string now = json::write(inspect({1, 52}).network_settings);
    std::string beside = now.substr(0, now.find("\"Networks\""));
    BOOST_TEST(has(old.substr(0, old.find("\"Networks\"")), R"("IPAddress":"172.17.0.2")"));
    BOOST_TEST(has(old, R"("HairpinMode":false)"));
    BOOST_TEST(has(old, R"("SecondaryIPAddresses":null)"));
    BOOST_TEST(!has(beside, "IPAddress"));
    BOOST_TEST(!has(beside, "HairpinMode"));
    BOOST_TEST(!has(beside, "Secondary"));
    // Without a place on the bridge the copies are there, and empty.
    container.record.host_config.network_mode = "none";
    container.record.endpoint.reset();
    BOOST_TEST(has(json::write(inspect({1, 41}).network_settings), R"("IPAddress":"")"));
}

BOOST_FIXTURE_TEST_CASE(another_containers_network_is_not_shown_as_its_own, Fixture) {
    container.record.host_config.network_mode = "container:abc";
    container.record.started = true;
    BOOST_TEST(inspect().network_settings.networks.empty());
    BOOST_TEST(inspect().hosts_path == "");
}

BOOST_FIXTURE_TEST_CASE(a_row_quotes_words_with_blanks_and_names_its_mounts, Fixture) {
    wire::ContainerSummary one = row();
    BOOST_TEST(one.command == "sh -c 'sleep 1' x");
    BOOST_TEST(one.names.at(0) == "/web");
    BOOST_TEST(one.image == "busybox");
    BOOST_TEST(one.created == 1'700'000'000);
    BOOST_REQUIRE(one.mounts.size() == 1);
    BOOST_TEST(one.mounts[0].destination == "/mnt");
    BOOST_TEST(!one.mounts[0].rw);
    BOOST_TEST(one.host_config.annotations.size() == 1);
    BOOST_TEST(row({1, 45}).host_config.annotations.empty());
}

BOOST_FIXTURE_TEST_CASE(states_are_told_as_dockers, Fixture) {
    container.record.started = true;
    container.record.exit_code = 3;
    container.record.finished_at = Time{1'700'000'195'000'000'000};
    BOOST_TEST(row().state == "exited");
    BOOST_TEST(row().status == "Exited (3) 5 seconds ago");
    container.restarting = true;
    BOOST_TEST(inspect().state.running);
    BOOST_TEST(row().status == "Restarting (3) 5 seconds ago");
    container.restarting = false;
    container.removing = true;
    BOOST_TEST(row().status == "Removal In Progress");
}

BOOST_FIXTURE_TEST_CASE(the_graph_driver_names_real_folders, Fixture) {
    wire::GraphDriver driver = inspect().graph_driver;
    BOOST_TEST(driver.name == "overlay2");
    BOOST_TEST(driver.data["LowerDir"] == "/d/layers/2/diff:/d/layers/1/diff");
    BOOST_TEST(driver.data["UpperDir"] == "/d/containers/c/upper");
}
