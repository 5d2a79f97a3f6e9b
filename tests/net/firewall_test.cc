// The firewall on a real kernel: what gets through, what does not, and what `nft` and `iptables`
// make of it. `outside` is a namespace that plays the rest of the world.
#include "net/default_network.h"
#include "own_namespace.h"

#include <boost/test/unit_test.hpp>

using namespace net;

namespace {

struct World : OwnNamespace {
    Netns outside;

    World() {
        auto made = make_netns();
        REQUIRE_OK(made);
        outside = std::move(*made);
        sh("ip link add wan type veth peer name wan netns /proc/" + std::to_string(::getpid()) +
           "/fd/" + std::to_string(outside.ns.get()));
        sh("ip addr add 192.0.2.1/24 dev wan; ip link set wan up");
        in(outside.ns.get(), "ip addr add 192.0.2.2/24 dev wan; ip link set wan up");
    }
    std::unique_ptr<DefaultNetwork> make(DefaultNetworkConfig config = {}) {
        config.engine_tag = "0f0f";
        config.prepared = 0;
        auto made = DefaultNetwork::create(std::move(config));
        REQUIRE_OK(made);
        return std::move(*made);
    }
    static Attached attach(DefaultNetwork& network) {
        auto attached = network.attach(network.allocate().value());
        REQUIRE_OK(attached);
        return std::move(*attached);
    }
    static bool pings(const Attached& from, const std::string& to) {
        return pings(from.netns.ns.get(), to);
    }
    static bool silent(const Attached& from, const std::string& to) {
        return silent(from.netns.ns.get(), to);
    }
    using OwnNamespace::pings, OwnNamespace::silent;
    // A container of somebody else's bridge.
    static Netns attach_to(const std::string& bridge, const std::string& address) {
        Bridge other{.name = bridge, .address = Cidr::parse(address + "/16").value()};
        other.gateway = other.subnet().first();
        other.gateway.value += 1;
        auto attached = net::attach(other, "vethother", Address::parse(address).value());
        REQUIRE_OK(attached);
        return std::move(attached->netns);
    }
    static std::string rules() { return sh("nft list ruleset"); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(firewall, World)

BOOST_AUTO_TEST_CASE(containers_go_out_under_the_hosts_address) {
    auto network = make();
    Attached one = attach(*network);
    BOOST_TEST(pings(one, "192.0.2.2"));
    // The outside knows no way to 172.17/16: only a masqueraded source was answered. With a way
    // there, it still does not get in on its own.
    in(outside.ns.get(), "ip route add 172.17.0.0/16 via 192.0.2.1");
    BOOST_TEST(silent(outside.ns.get(), "172.17.0.2"));
    BOOST_TEST(pings(outside.ns.get(), "192.0.2.1"));
    REQUIRE_OK(network->remove());
    BOOST_TEST(!rules().contains("lighter-lighter0"));
}

BOOST_AUTO_TEST_CASE(without_masquerading_the_containers_own_address_is_seen) {
    auto network = make({.ip_masq = false});
    Attached one = attach(*network);
    BOOST_TEST(silent(one, "192.0.2.2"));
    in(outside.ns.get(), "ip route add 172.17.0.0/16 via 192.0.2.1");
    BOOST_TEST(pings(one, "192.0.2.2"));
}

BOOST_AUTO_TEST_CASE(with_iptables_off_no_rule_is_made) {
    auto network = make({.iptables = false});
    BOOST_TEST(rules() == "");
    BOOST_TEST(!network->restore().value());
    REQUIRE_OK(network->remove());
}

BOOST_AUTO_TEST_CASE(networks_of_two_engines_are_isolated_from_each_other) {
    auto first = make(), second = make({.bridge = {.name = "lighter9"}});
    Attached a = attach(*first), b = attach(*second);
    BOOST_TEST(silent(a, "172.18.0.2"));
    BOOST_TEST(silent(b, "172.17.0.2"));
    REQUIRE_OK(first->remove());
    BOOST_TEST(pings(b, "192.0.2.2"));
}

BOOST_AUTO_TEST_CASE(flushed_rules_are_found_and_put_back) {
    auto network = make();
    std::string before = rules();
    BOOST_TEST(!network->restore().value());
    sh("nft flush ruleset");
    BOOST_TEST(network->restore().value());
    BOOST_TEST(rules() == before);
    sh("nft flush chain ip lighter-lighter0 postrouting");
    BOOST_TEST(network->restore().value());
    BOOST_TEST(rules() == before);
    sh("nft add rule ip lighter-lighter0 forward drop");
    BOOST_TEST(network->restore().value());
    BOOST_TEST(rules() == before);
    sh("nft delete table ip lighter-guard");
    BOOST_TEST(network->restore().value());
    BOOST_TEST(!network->restore().value());
    // Somebody else's table is nobody's business.
    sh("nft add table ip theirs");
    BOOST_TEST(!network->restore().value());
}

BOOST_AUTO_TEST_CASE(switching_forwarding_on_does_not_make_the_host_a_router) {
    auto inside = make_netns();
    REQUIRE_OK(inside);
    sh("ip link add lan type veth peer name lan netns /proc/" + std::to_string(::getpid()) +
       "/fd/" + std::to_string(inside->ns.get()));
    sh("ip addr add 198.51.100.1/24 dev lan; ip link set lan up");
    in(inside->ns.get(), "ip addr add 198.51.100.2/24 dev lan; ip link set lan up; "
                         "ip route add default via 198.51.100.1");
    in(outside.ns.get(), "ip route add 198.51.100.0/24 via 192.0.2.1");
    auto network = make();
    BOOST_TEST(network->notices().size() == 1U);
    BOOST_TEST(network->notices()[0].starts_with("net.ipv4.ip_forward was off"));
    BOOST_TEST(silent(inside->ns.get(), "192.0.2.2"));
    Attached one = attach(*network);
    BOOST_TEST(pings(one, "192.0.2.2"));
    REQUIRE_OK(network->remove());
    BOOST_TEST(silent(inside->ns.get(), "192.0.2.2"));
    // A host that routed before goes on routing.
    sh("nft delete table ip lighter-guard");
    BOOST_TEST(pings(inside->ns.get(), "192.0.2.2"));
    network = make();
    BOOST_TEST(network->notices().empty());
    BOOST_TEST(pings(inside->ns.get(), "192.0.2.2"));
}

BOOST_AUTO_TEST_CASE(a_dockerds_drop_policy_is_opened_for_our_bridge_alone) {
    // What dockerd leaves: policy drop, its own bridge, rules of its own.
    sh("iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; "
       "iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN");
    sh("ip link add docker0 type bridge; ip addr add 172.20.0.1/16 dev docker0; "
       "ip link set docker0 up; ip link add br-0123456789ab type bridge; "
       "ip addr add 172.21.0.1/16 dev br-0123456789ab; ip link set br-0123456789ab up");
    auto theirs = attach_to("docker0", "172.20.0.2"),
         user = attach_to("br-0123456789ab", "172.21.0.2");
    std::string before = sh("iptables-nft -S");
    auto network = make();
    BOOST_TEST(network->notices().size() == 2U);
    Attached one = attach(*network);
    BOOST_TEST(pings(one, "192.0.2.2"));
    BOOST_TEST(silent(one, "172.20.0.2"));
    BOOST_TEST(silent(one, "172.21.0.2"));
    BOOST_TEST(silent(theirs.ns.get(), "172.17.0.2"));
    // iptables still understands its table, with our rules last.
    std::string shown = sh("iptables-nft -S FORWARD");
    BOOST_TEST(shown.contains("-A FORWARD -j DOCKER-USER"));
    BOOST_TEST(
        shown.contains(
            "-A FORWARD -i lighter0 -m comment --comment \"lighter: bridge lighter0\" -j ACCEPT"),
        shown);
    BOOST_TEST(
        shown.contains(
            "-A FORWARD -o lighter0 -m comment --comment \"lighter: bridge lighter0\" -j ACCEPT"),
        shown);
    // An administrator's drop wins.
    sh("iptables-nft -I DOCKER-USER -d 192.0.2.2 -j DROP");
    BOOST_TEST(silent(one, "192.0.2.2"));
    sh("iptables-nft -D DOCKER-USER 1");
    // Flushed, restored, not doubled; removed without a trace.
    sh("iptables-nft -D FORWARD 2");
    BOOST_TEST(network->restore().value());
    BOOST_TEST(sh("iptables-nft -S FORWARD") == shown);
    BOOST_TEST(pings(one, "192.0.2.2"));
    REQUIRE_OK(network->remove());
    BOOST_TEST(sh("iptables-nft -S") == before);
}

BOOST_AUTO_TEST_SUITE_END()
