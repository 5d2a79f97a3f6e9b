// The default network as the engine drives it, with pings as the judge.
#include "net/default_network.h"
#include "own_namespace.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <thread>

using namespace net;

namespace {

struct Fixture : OwnNamespace {
    static std::unique_ptr<DefaultNetwork> make(DefaultNetworkConfig config = {}) {
        if (config.engine_tag.empty()) config.engine_tag = "0a1b";
        auto made = DefaultNetwork::create(std::move(config));
        REQUIRE_OK(made);
        return std::move(*made);
    }
    static Attached attach(DefaultNetwork& network, std::optional<Mac> mac = std::nullopt) {
        auto address = network.allocate();
        REQUIRE_OK(address);
        auto attached = network.attach(*address, mac);
        REQUIRE_OK(attached);
        return std::move(*attached);
    }
    static int ns(const Attached& attached) { return attached.netns.ns.get(); }
    static std::string links() { return sh("ip -o link | grep -o vethl[0-9a-f]* | sort -u; true"); }
    // Namespaces end in the kernel's own time.
    static bool soon(auto condition) {
        for (int i = 0; i < 200; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(default_network, Fixture)

BOOST_AUTO_TEST_CASE(a_container_gets_eth0_with_address_route_and_mac) {
    auto network = make();
    Attached one = attach(*network);
    BOOST_TEST(one.endpoint.address.text() == "172.17.0.2/16");
    BOOST_TEST(one.endpoint.gateway.text() == "172.17.0.1");
    BOOST_TEST(one.endpoint.host_link.starts_with("vethl0a1b"));
    BOOST_TEST(one.endpoint.host_link.size() == 15U);
    std::string shown = in(ns(one), "ip addr show eth0");
    BOOST_TEST(shown.contains("inet 172.17.0.2/16 brd 172.17.255.255"));
    BOOST_TEST(shown.contains("link/ether 02:42:ac:11:00:02"));
    BOOST_TEST(shown.contains("mtu 1500"));
    BOOST_TEST(!shown.contains("inet6"));
    BOOST_TEST(in(ns(one), "ip route").contains("default via 172.17.0.1 dev eth0"));
    BOOST_TEST(in(ns(one), "ip addr show lo").contains("inet6 ::1/128"));
    BOOST_TEST(in(ns(one), "cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "0\n");
    BOOST_TEST(in(ns(one), "cat /proc/sys/net/ipv4/ping_group_range") == "0\t2147483647\n");
    BOOST_TEST(in(ns(one), "cat /proc/sys/net/ipv6/conf/eth0/accept_ra") == "0\n");
    std::string ours = sh("ip addr show " + one.endpoint.host_link);
    BOOST_TEST(ours.contains("master lighter0"));
    BOOST_TEST(!ours.contains("inet"));
    // A wanted MAC is used.
    Mac mac = Mac::parse("02:00:00:00:00:07").value();
    Attached two = attach(*network, mac);
    BOOST_TEST(in(ns(two), "ip link show eth0").contains("02:00:00:00:00:07"));
    BOOST_TEST(pings(ns(two), "172.17.0.1"));
    BOOST_TEST(pings(ns(two), "172.17.0.2"));
    BOOST_TEST(pings(ns(one), "172.17.0.3"));
    BOOST_TEST(try_sh("busybox ping -c 1 -W 1 172.17.0.3").code == 0);
}

BOOST_AUTO_TEST_CASE(an_address_comes_back_after_detach_and_not_before) {
    auto network = make();
    Attached one = attach(*network), two = attach(*network);
    REQUIRE_OK(network->detach(one.endpoint));
    REQUIRE_OK(network->detach(one.endpoint));
    BOOST_TEST(links() == two.endpoint.host_link + "\n");
    Attached three = attach(*network);
    BOOST_TEST((three.endpoint.address == one.endpoint.address));
    BOOST_TEST(pings(ns(two), "172.17.0.2"));
    BOOST_TEST(network->allocate(two.endpoint.address.address).error().message() ==
               "Address already in use");
}

BOOST_AUTO_TEST_CASE(an_address_is_free_from_leave_on_and_the_former_holder_is_silent) {
    auto network = make();
    Attached one = attach(*network), other = attach(*network);
    BOOST_TEST(pings(ns(other), "172.17.0.2"));
    network->leave(one.endpoint);
    Attached next = attach(*network);
    BOOST_TEST((next.endpoint.address == one.endpoint.address));
    // Both have the address, and processes could still be in the first.
    BOOST_TEST(silent(ns(one), "172.17.0.3"));
    BOOST_TEST(pings(ns(next), "172.17.0.3"));
    BOOST_TEST(pings(ns(other), "172.17.0.2"));
    in(ns(next), "ip addr del 172.17.0.2/16 dev eth0");
    BOOST_TEST(silent(ns(other), "172.17.0.2"));
    // The late detach takes nothing from the new holder.
    REQUIRE_OK(network->detach(one.endpoint));
    BOOST_TEST(!network->allocate(one.endpoint.address.address));
    REQUIRE_OK(network->detach(next.endpoint));
    BOOST_TEST(bool(network->allocate(one.endpoint.address.address)));
    // One that is gone before it is silenced.
    network->leave(other.endpoint);
    sh("ip link del " + other.endpoint.host_link);
    BOOST_TEST(attach(*network).endpoint.address.text() == "172.17.0.3/16");
}

BOOST_AUTO_TEST_CASE(a_prepared_namespace_is_taken_and_prepared_again) {
    auto network = make({.prepared = 2});
    while (network->wants_preparing())
        REQUIRE_OK(network->prepare());
    BOOST_TEST(std::ranges::count(links(), '\n') == 2);
    REQUIRE_OK(network->prepare());  // nothing to do
    BOOST_TEST(std::ranges::count(links(), '\n') == 2);
    Attached one = attach(*network), two = attach(*network), three = attach(*network);
    BOOST_TEST(network->wants_preparing());
    BOOST_TEST(std::ranges::count(links(), '\n') == 3);
    BOOST_TEST(pings(ns(one), "172.17.0.4"));
    BOOST_TEST(pings(ns(three), "172.17.0.3"));
    while (network->wants_preparing())
        REQUIRE_OK(network->prepare());
    for (const Attached* each : {&one, &two, &three})
        REQUIRE_OK(network->detach(each->endpoint));
    REQUIRE_OK(network->remove());
    BOOST_TEST(links() == "");
    BOOST_TEST(try_sh("ip link show lighter0").code != 0);
    BOOST_TEST(!network->wants_preparing());
}

BOOST_AUTO_TEST_CASE(two_engines_do_not_disturb_each_other) {
    auto first = make();
    auto second = make({.bridge = {.name = "lighter9"}, .engine_tag = "ffff"});
    BOOST_TEST(second->bridge().subnet().text() == "172.18.0.0/16");
    Attached a = attach(*first), b = attach(*second), c = attach(*second);
    BOOST_TEST(pings(ns(b), "172.18.0.3"));
    // The first starts again, with nobody alive: what is the second's stays.
    first = make();
    auto swept = first->sweep({});
    REQUIRE_OK(swept);
    BOOST_TEST(swept->size() == 1U);
    BOOST_TEST(swept->front() == a.endpoint.host_link);
    BOOST_TEST(pings(ns(b), "172.18.0.3"));
    REQUIRE_OK(first->remove());
    BOOST_TEST(pings(ns(c), "172.18.0.1"));
    REQUIRE_OK(second->remove());
}

BOOST_AUTO_TEST_CASE(after_a_kill_the_living_are_adopted_and_the_rest_is_swept) {
    int pipe_fds[2];
    BOOST_REQUIRE(::pipe(pipe_fds) == 0);
    pid_t engine = ::fork();
    BOOST_REQUIRE(engine >= 0);
    if (engine == 0) {
        DefaultNetworkConfig config{.engine_tag = "0a1b"};
        auto network = DefaultNetwork::create(config);
        if (!network || !(*network)->prepare()) ::_exit(1);
        ::close(pipe_fds[0]);
        auto living = (*network)->attach((*network)->allocate().value());
        auto dead = (*network)->attach((*network)->allocate().value());
        if (!living || !dead || !(*network)->prepare()) ::_exit(1);
        // The "container": holds its namespace for longer than the engine.
        pid_t container = ::fork();
        if (container == 0) {
            ::setns(living->netns.ns.get(), CLONE_NEWNET);
            ::execlp("sleep", "sleep", "30", nullptr);
            ::_exit(1);
        }
        std::string name = living->endpoint.host_link;
        (void)!::write(pipe_fds[1], &container, sizeof container);
        (void)!::write(pipe_fds[1], name.data(), name.size());
        ::pause();
    }
    ::close(pipe_fds[1]);
    pid_t container = 0;
    BOOST_REQUIRE(::read(pipe_fds[0], &container, sizeof container) == sizeof container);
    char name[32];
    ssize_t got = ::read(pipe_fds[0], name, sizeof name);
    BOOST_REQUIRE(got == 15);
    ::kill(engine, SIGKILL);
    ::waitpid(engine, nullptr, 0);
    ::close(pipe_fds[0]);
    Endpoint living{.host_link = std::string(name, 15),
                    .address = Cidr::parse("172.17.0.2/16").value(),
                    .gateway = Address::parse("172.17.0.1").value()};
    auto network = make();
    REQUIRE_OK(network->adopt(living));
    BOOST_TEST(!network->adopt(living));
    REQUIRE_OK(network->prepare());  // not swept, though it has our prefix
    REQUIRE_OK(network->sweep(std::span(&living, 1)));
    BOOST_TEST(std::ranges::count(links(), '\n') == 2);
    BOOST_TEST(links().contains(living.host_link));
    Attached next = attach(*network);
    BOOST_TEST(next.endpoint.address.text() == "172.17.0.3/16");
    BOOST_TEST(pings(ns(next), "172.17.0.2"));
    REQUIRE_OK(network->detach(living));
    ::kill(container, SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_dropped_namespace_takes_its_link_with_it) {
    auto network = make({.prepared = 3});
    while (network->wants_preparing())
        REQUIRE_OK(network->prepare());
    { Attached gone = attach(*network); }
    network.reset();
    BOOST_TEST(soon([] { return links().empty(); }));
}

BOOST_AUTO_TEST_CASE(without_icc_containers_reach_the_gateway_but_not_each_other) {
    auto network = make({.icc = false});
    Attached one = attach(*network), two = attach(*network);
    BOOST_TEST(pings(ns(one), "172.17.0.1"));
    BOOST_TEST(silent(ns(one), "172.17.0.3"));
    BOOST_TEST(silent(ns(two), "172.17.0.2"));
}

BOOST_AUTO_TEST_CASE(a_full_pool_and_a_lost_bridge_are_errors_that_leave_nothing) {
    auto network = make({.bridge = {.bip = Cidr::parse("10.9.0.1/30").value()}});
    Attached one = attach(*network);
    BOOST_TEST(network->allocate().error().message() ==
               "no available IPv4 addresses on this network's address pools");
    REQUIRE_OK(network->detach(one.endpoint));
    sh("ip link del lighter0");
    auto failed = network->attach(network->allocate().value());
    BOOST_REQUIRE(!failed);
    BOOST_TEST(failed.error().message() == "the bridge lighter0 does not exist");
    BOOST_TEST(links() == "");
}

BOOST_AUTO_TEST_CASE(none_is_a_namespace_with_loopback_alone) {
    auto netns = make_netns();
    REQUIRE_OK(netns);
    BOOST_TEST(in(netns->ns.get(), "ip -o link | wc -l") == "1\n");
    BOOST_TEST(pings(netns->ns.get(), "127.0.0.1"));
}

BOOST_AUTO_TEST_CASE(tags_are_four_hex_digits_and_differ) {
    BOOST_TEST(engine_tag("/run/lighter").size() == 4U);
    BOOST_TEST(engine_tag("/run/lighter") != engine_tag("/run/lighter2"));
    BOOST_TEST(engine_tag("") != engine_tag("/"));
}

BOOST_AUTO_TEST_SUITE_END()
