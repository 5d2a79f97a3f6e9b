#include "base/limits.h"
#include "engine/events.h"
#include "loop/scope.h"
#include "loop/timer.h"
#include "support/loop_fixture.h"

#include <boost/test/unit_test.hpp>

BOOST_FIXTURE_TEST_SUITE(events, support::LoopFixture)

namespace {

using namespace std::chrono_literals;

wire::EventMessage event(std::string type, std::string action, std::string id,
                         wire::StringMap attributes = {}) {
    wire::EventMessage made;
    made.type = std::move(type);
    made.action = std::move(action);
    made.actor.id = std::move(id);
    made.actor.attributes = std::move(attributes);
    return made;
}

bool matches(const char* filters, const wire::EventMessage& what) {
    return engine::event_matches(*codec::Filters::parse(filters), what);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_subscriber_gets_what_comes_after_it_and_old_fields_are_filled) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        bus.publish("container", "create", "c0", {});
        auto reader = bus.subscribe({});
        BOOST_TEST(bus.listeners() == 1u);
        bus.publish("container", "start", "c1", {{"image", "centos"}, {"name", "n"}});
        bus.publish("image", "pull", "centos:latest", {});
        bus.publish("network", "connect", "net", {});
        auto start = co_await reader->next();
        BOOST_TEST_REQUIRE(bool(start));
        BOOST_TEST(start->status == "start");
        BOOST_TEST(start->id == "c1");
        BOOST_TEST(start->from == "centos");
        BOOST_TEST(start->scope == "local");
        BOOST_TEST(start->time > 1'600'000'000);
        BOOST_TEST(start->time_nano / 1'000'000'000 == start->time);
        auto pull = co_await reader->next();
        BOOST_TEST_REQUIRE(bool(pull));
        BOOST_TEST(pull->id == "centos:latest");
        BOOST_TEST(pull->from == "");
        auto connect = co_await reader->next();
        BOOST_TEST_REQUIRE(bool(connect));
        BOOST_TEST(connect->status == "");
        bus.close();
        auto end = co_await reader->next();
        BOOST_TEST_REQUIRE(!end);
        BOOST_TEST((end.error().kind() == Kind::missing));
        reader.reset();
        BOOST_TEST(bus.listeners() == 0u);
    }(loop()));
}

BOOST_AUTO_TEST_CASE(the_past_is_replayed_before_what_is_new_and_only_the_past_ends_at_once) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        for (int i = 0; i < 300; ++i) {
            auto made = event("volume", "create", std::to_string(i));
            made.time_nano = 1'000'000'000LL * (i + 1);
            bus.publish(std::move(made));
        }
        engine::EventQuery query;
        query.since = Time{1'000'000'000LL * 299};
        auto reader = bus.subscribe(query);
        bus.publish("volume", "create", "new", {});
        for (const char* id : {"298", "299", "new"}) {
            auto got = co_await reader->next();
            BOOST_TEST_REQUIRE(bool(got));
            BOOST_TEST(got->actor.id == id);
        }
        query.since = Time{0};
        query.until = Time{1'000'000'000LL * 50};
        auto past = bus.subscribe(query);
        // Of 301 events the last 256 are kept: 45 to 299 and "new".
        for (int i = 45; i < 50; ++i) {
            auto got = co_await past->next();
            BOOST_TEST_REQUIRE(bool(got));
            BOOST_TEST(got->actor.id == std::to_string(i));
        }
        auto end = co_await past->next();
        BOOST_TEST_REQUIRE(!end);
        BOOST_TEST((end.error().kind() == Kind::missing));
    }(loop()));
}

BOOST_AUTO_TEST_CASE(a_reader_waits_until_the_time_it_asked_for) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        engine::EventQuery query;
        query.until = Time{base::now().ns + 30'000'000};
        auto reader = bus.subscribe(query);
        bus.publish("daemon", "reload", "d", {});
        auto got = co_await reader->next();
        BOOST_TEST(bool(got));
        auto end = co_await reader->next();
        BOOST_TEST_REQUIRE(!end);
        BOOST_TEST((end.error().kind() == Kind::missing));
        BOOST_TEST((base::now() >= query.until));
    }(loop()));
}

BOOST_AUTO_TEST_CASE(a_slow_reader_is_cut_off_and_others_are_not) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        auto slow = bus.subscribe({});
        engine::EventQuery query;
        query.filters.add("type", "image");
        auto other = bus.subscribe(query);
        for (std::size_t i = 0; i <= limits::event_queue_max; ++i)
            bus.publish("volume", "create", "v", {});
        bus.publish("image", "tag", "i", {});
        for (std::size_t i = 0; i < limits::event_queue_max; ++i) {
            auto got = co_await slow->next();
            BOOST_TEST_REQUIRE(bool(got));
        }
        auto cut = co_await slow->next();
        BOOST_TEST_REQUIRE(!cut);
        BOOST_TEST((cut.error().kind() == Kind::too_large));
        auto got = co_await other->next();
        BOOST_TEST_REQUIRE(bool(got));
        BOOST_TEST(got->type == "image");
    }(loop()));
}

BOOST_AUTO_TEST_CASE(a_waiting_reader_can_be_cancelled) {
    run([](Loop& l) -> Task<void> {
        engine::Events bus(l);
        auto reader = bus.subscribe({});
        auto got = co_await loop::within(l, 5ms, reader->next());
        BOOST_TEST_REQUIRE(!got);
        BOOST_TEST((got.error().kind() == Kind::timeout));
    }(loop()));
}

BOOST_AUTO_TEST_CASE(filters_are_dockers) {
    auto start = event("container", "start", "abcdef0123",
                       {{"image", "host:5000/app:v1"}, {"name", "web"}, {"env", "prod"}});
    auto exec = event("container", "exec_create: sh -c ls", "abcdef0123");
    auto pull = event("image", "pull", "centos:latest", {{"name", "centos"}});
    BOOST_TEST(matches("", start));
    BOOST_TEST(matches(R"({"container":["abc"]})", start));
    BOOST_TEST(matches(R"({"container":["we"]})", start));
    BOOST_TEST(!matches(R"({"container":["b"]})", start));
    BOOST_TEST(matches(R"({"container":["x","web"],"type":["container"]})", start));
    BOOST_TEST(!matches(R"({"type":["image"]})", start));
    BOOST_TEST(matches(R"({"event":["start"]})", start));
    BOOST_TEST(!matches(R"({"event":["st"]})", start));
    BOOST_TEST(matches(R"({"event":["exec_create"]})", exec));
    BOOST_TEST(!matches(R"({"event":["exec_start"]})", exec));
    BOOST_TEST(matches(R"({"image":["host:5000/app:v1"]})", start));
    BOOST_TEST(matches(R"({"image":["host:5000/app"]})", start));
    BOOST_TEST(!matches(R"({"image":["host:5000"]})", start));
    BOOST_TEST(matches(R"({"image":["centos"]})", pull));
    BOOST_TEST(matches(R"({"label":["env=prod"]})", start));
    BOOST_TEST(matches(R"({"label":["env"]})", start));
    BOOST_TEST(!matches(R"({"label":["env=dev"]})", start));
    auto local = start;
    BOOST_TEST(matches(R"({"scope":["local"]})", local));
    BOOST_TEST(!matches(R"({"scope":["swarm"]})", local));
    BOOST_TEST(!matches(R"({"network":["abc"]})", event("network", "create", "n1")));
    BOOST_TEST(matches(R"({"network":["n"]})", event("network", "create", "n1")));

    auto unknown = engine::check_event_filters(*codec::Filters::parse(R"({"colour":["red"]})"));
    BOOST_TEST_REQUIRE(!unknown);
    BOOST_TEST(unknown.error().message() == "invalid filter 'colour'");
    BOOST_TEST(bool(engine::check_event_filters(*codec::Filters::parse(R"({"event":["die"]})"))));
}

BOOST_AUTO_TEST_SUITE_END()
