// /events, /info and /version, asked over a connection.
#include "api/api.h"
#include "codec/json_value.h"
#include "http/client.h"
#include "http/server.h"
#include "loop/scope.h"
#include "support/loop_fixture.h"
#include "support/scratch_folder.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

BOOST_FIXTURE_TEST_SUITE(system_calls, support::LoopFixture)

namespace {

using namespace std::chrono_literals;

engine::SystemInfo told() {
    engine::SystemInfo info;
    info.host = engine::read_host(nullptr, "/");
    info.id = "some-id";
    info.containers_running = 2;
    info.containers_stopped = 3;
    info.labels = {"a=b"};
    info.registries.mirrors = {"http://mirror"};
    info.registries.insecure = {"10.0.0.0/8", "host:5000"};
    info.http_proxy = "http://me:secret@proxy:1";
    return info;
}

Task<Result<http::Reply>> route(engine::Events& bus, http::Request& request) {
    http::Version version{1, 55};
    if (request.path().starts_with("/v1.24")) version.minor = 24;
    if (request.path().starts_with("/v1.41")) version.minor = 41;
    request.enter(version, request.path());
    if (request.path().ends_with("/events")) co_return co_await api::events(bus, request);
    if (request.path().ends_with("/info")) co_return api::info(told(), request);
    co_return api::version();
}

// What the server sends for one request, until it closes or `quiet` passes without a byte.
struct Exchange {
    Exchange(Loop& l, engine::Events& bus)
        : server(l, [&bus](http::Request& request) { return route(bus, request); }) {
        auto [a, b] = loop::stream_pair(l);
        client = std::move(a);
        server.serve(std::move(b), http::Peer::Kind::unix_socket);
    }
    Task<std::string> read(Loop& l, std::chrono::milliseconds quiet) {
        std::string all;
        while (true) {
            auto piece = co_await loop::within(l, quiet, client->read());
            if (!piece || piece->empty()) co_return all;
            all += piece->view();
        }
    }
    http::Server server;
    std::unique_ptr<Stream> client;
};

Task<std::string> ask(Loop& l, engine::Events& bus, std::string target, std::string headers = "") {
    Exchange exchange(l, bus);
    BOOST_TEST(bool(co_await exchange.client->write(Slice::copy_of(
        "GET " + target + " HTTP/1.1\r\nHost: d\r\nConnection: close\r\n" + headers + "\r\n"))));
    std::string reply = co_await exchange.read(l, 1s);
    co_await exchange.server.close();
    co_return reply;
}

std::string body(const std::string& reply) {
    return reply.substr(reply.find("\r\n\r\n") + 4);
}

}  // namespace

BOOST_AUTO_TEST_CASE(events_come_as_they_happen_after_headers_that_come_at_once) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        {
            Exchange exchange(l, bus);
            BOOST_TEST(bool(co_await exchange.client->write(
                Slice::literal("GET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n"))));
            std::string head = co_await exchange.read(l, 50ms);
            BOOST_TEST(head.starts_with("HTTP/1.1 200 OK\r\n"));
            BOOST_TEST(head.find("Content-Type: application/json\r\n") != head.npos);
            BOOST_TEST(head.find("Api-Version: 1.55\r\n") != head.npos);
            BOOST_TEST(bus.listeners() == 1u);
            bus.publish("container", "die", "c1", {{"image", "centos"}, {"exitCode", "0"}});
            std::string event = co_await exchange.read(l, 50ms);
            BOOST_TEST(event.find("{\"status\":\"die\",\"id\":\"c1\",\"from\":\"centos\",\"Type\":"
                                  "\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"c1\","
                                  "\"Attributes\":{\"exitCode\":\"0\",\"image\":\"centos\"}},"
                                  "\"scope\":\"local\",\"time\":") != event.npos,
                       event);
            // A client that vanishes ends its subscription.
            exchange.client->close();
            exchange.client.reset();
            for (int i = 0; i < 100 && bus.listeners() > 0; ++i)
                (void)co_await loop::sleep(l, 5ms);
            BOOST_TEST(bus.listeners() == 0u);
            co_await exchange.server.close();
        }
    }(loop()));
}

BOOST_AUTO_TEST_CASE(events_of_the_past_end_at_once_and_new_versions_leave_old_fields_out) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        bus.publish("container", "start", "c1", {});
        (void)co_await loop::sleep(l, 5ms);
        Time now = base::now();
        std::string until = std::to_string(now.ns / 1'000'000'000) + "." +
                            std::to_string(now.ns % 1'000'000'000 + 1'000'000'000).substr(1);
        std::string reply = co_await ask(l, bus, "/events?since=0&until=" + until);
        BOOST_TEST(reply.find("Content-Type: application/jsonl\r\n") != reply.npos);
        BOOST_TEST(reply.find("\"status\"") == reply.npos);
        BOOST_TEST(reply.find("\"Action\":\"start\"") != reply.npos);
        reply = co_await ask(l, bus, "/events?since=0&until=" + until,
                             "Accept: text/plain, application/json-seq;q=1\r\n");
        BOOST_TEST(reply.find("Content-Type: application/json-seq\r\n") != reply.npos);
        BOOST_TEST(reply.find("\x1e{\"Type\"") != reply.npos);
        reply = co_await ask(l, bus,
                             "/v1.41/events?since=0&until=" + until +
                                 "&filters=%7B%22event%22%3A%5B%22die%22%5D%7D");
        BOOST_TEST(reply.find("\"Action\"") == reply.npos);
    }(loop()));
}

BOOST_AUTO_TEST_CASE(bad_questions_about_events_are_refused) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        std::string reply = co_await ask(l, bus, "/events?since=20&until=10");
        BOOST_TEST(reply.starts_with("HTTP/1.1 400 "));
        BOOST_TEST(reply.find("`since` time (20) cannot be after `until` time (10)") != reply.npos);
        reply = co_await ask(l, bus, "/events?since=yesterday");
        BOOST_TEST(reply.starts_with("HTTP/1.1 400 "));
        reply = co_await ask(l, bus, "/events?filters=%7B%22colour%22%3A%5B%22red%22%5D%7D");
        BOOST_TEST(reply.find("invalid filter 'colour'") != reply.npos);
        BOOST_TEST(bus.listeners() == 0u);
    }(loop()));
}

BOOST_AUTO_TEST_CASE(info_tells_what_is_true) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        auto info = json::parse(body(co_await ask(l, bus, "/info")));
        BOOST_TEST_REQUIRE(bool(info));
        auto text = [&](const char* name) { return info->find(name)->text(); };
        BOOST_TEST(text("ID") == "some-id");
        BOOST_TEST(info->find("Containers")->integer() == 5);
        BOOST_TEST(text("Driver") == "overlay2");
        BOOST_TEST(text("OSType") == "linux");
        BOOST_TEST(text("DefaultRuntime") == "runc");
        BOOST_TEST(info->find("Runtimes")->find("runc") != nullptr);
        BOOST_TEST(info->find("Swarm")->find("LocalNodeState")->text() == "inactive");
        BOOST_TEST(info->find("NCPU")->integer() >= 1);
        BOOST_TEST(info->find("MemTotal")->integer() > 1'000'000);
        BOOST_TEST(info->find("NFd")->integer() > 2);
        BOOST_TEST(!text("KernelVersion").empty());
        BOOST_TEST(!text("OperatingSystem").empty());
        BOOST_TEST(text("HttpProxy") == "http://xxxxx:xxxxx@proxy:1");
        const json::Value* registries = info->find("RegistryConfig");
        BOOST_TEST(registries->find("IndexConfigs")->find("host:5000") != nullptr);
        BOOST_TEST(registries->find("InsecureRegistryCIDRs")->elements().size() == 3u);
        // No control groups were given: all that is missing is told.
        BOOST_TEST(info->find("Warnings")->elements()[0].text() ==
                   "WARNING: No memory limit support");
    }(loop()));
}

BOOST_AUTO_TEST_CASE(version_says_the_same_twice) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        auto version = json::parse(body(co_await ask(l, bus, "/version")));
        BOOST_TEST_REQUIRE(bool(version));
        const json::Value& engine = version->find("Components")->elements()[0];
        BOOST_TEST(engine.find("Name")->text() == "Engine");
        for (const char* name : {"ApiVersion", "MinAPIVersion", "Arch", "Os", "KernelVersion"})
            BOOST_TEST(engine.find("Details")->find(name)->text() == version->find(name)->text());
        BOOST_TEST(version->find("MinAPIVersion")->text() == "1.24");
    }(loop()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(an_engine_keeps_its_id_and_replaces_a_spoilt_one) {
    support::ScratchFolder scratch;
    auto first = engine::engine_id(scratch.path());
    BOOST_TEST_REQUIRE(bool(first));
    BOOST_TEST(first->size() == 36u);
    BOOST_TEST(*engine::engine_id(scratch.path()) == *first);
    std::ofstream(scratch.at("engine-id")) << "\0\0\0";
    BOOST_TEST(*engine::engine_id(scratch.path()) != *first);
    BOOST_TEST(!engine::engine_id(scratch.at("missing")));
}
