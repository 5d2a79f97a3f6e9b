// The default bridge on a real kernel.
#include "net/bridge.h"
#include "net/link.h"
#include "own_namespace.h"

#include <boost/test/unit_test.hpp>

using namespace net;

BOOST_FIXTURE_TEST_SUITE(bridge, OwnNamespace)

BOOST_AUTO_TEST_CASE(is_made_once_and_found_the_second_time) {
    BridgeConfig config;
    auto made = ensure_bridge(config);
    REQUIRE_OK(made);
    BOOST_TEST(made->created);
    BOOST_TEST(made->forwarding_switched_on);
    BOOST_TEST(made->address.text() == "172.17.0.1/16");
    BOOST_TEST(sh("cat /proc/sys/net/ipv4/ip_forward") == "1\n");
    BOOST_TEST(sh("cat /proc/sys/net/ipv6/conf/lighter0/disable_ipv6") == "1\n");
    std::string shown = sh("ip addr show lighter0");
    BOOST_TEST(shown.contains("inet 172.17.0.1/16 brd 172.17.255.255"));
    BOOST_TEST(shown.contains(",UP"));
    BOOST_TEST(!shown.contains("inet6"));
    auto again = ensure_bridge(config);
    REQUIRE_OK(again);
    BOOST_TEST(!again->created);
    BOOST_TEST(!again->forwarding_switched_on);
    BOOST_TEST((again->mac == made->mac));
    BOOST_TEST(sh("ip addr show lighter0") == shown);
    REQUIRE_OK(remove_bridge("lighter0"));
    REQUIRE_OK(remove_bridge("lighter0"));
    BOOST_TEST(try_sh("ip link show lighter0").code != 0);
}

BOOST_AUTO_TEST_CASE(one_that_was_named_and_made_is_ours_also_after_a_crash) {
    BridgeConfig config{.name = "mine0", .named_by_user = true, .mark = "made by lighter 0a1b"};
    auto made = ensure_bridge(config);
    REQUIRE_OK(made);
    BOOST_TEST(!made->keep);
    auto again = ensure_bridge(config);
    REQUIRE_OK(again);
    BOOST_TEST(!again->keep);
    config.bip = Cidr::parse("10.9.0.1/24").value();
    REQUIRE_OK(ensure_bridge(config));     // it moves as ours do
    config.mark = "made by lighter ffff";  // another engine's is not
    auto others = ensure_bridge(config);
    REQUIRE_OK(others);
    BOOST_TEST(others->keep);
}

BOOST_AUTO_TEST_CASE(its_subnet_avoids_what_the_host_already_reaches) {
    sh("ip link add outer type bridge; ip addr add 172.17.3.1/24 dev outer; ip link set outer up;"
       "ip route add 172.18.128.0/17 dev outer; ip route add default via 172.17.3.2");
    BridgeConfig config;
    config.avoid = {Subnet::parse("172.19.0.0/16").value()};
    auto made = ensure_bridge(config);
    REQUIRE_OK(made);
    BOOST_TEST(made->address.text() == "172.20.0.1/16");
    // A second engine's finds the next.
    config.name = "other0";
    auto other = ensure_bridge(config);
    REQUIRE_OK(other);
    BOOST_TEST(other->address.text() == "172.21.0.1/16");
}

BOOST_AUTO_TEST_CASE(bip_moves_our_bridge_but_not_the_users) {
    BridgeConfig config;
    REQUIRE_OK(ensure_bridge(config));
    config.bip = Cidr::parse("10.9.0.1/24").value();
    config.fixed_cidr = Subnet::parse("10.9.0.128/25").value();
    auto moved = ensure_bridge(config);
    REQUIRE_OK(moved);
    BOOST_TEST(moved->subnet().text() == "10.9.0.0/24");
    BOOST_TEST(!sh("ip addr show lighter0").contains("172.17"));

    sh("ip link add mine type bridge; ip addr add 10.8.0.1/24 dev mine");
    BridgeConfig users{.name = "mine", .named_by_user = true};
    auto kept = ensure_bridge(users);
    REQUIRE_OK(kept);
    BOOST_TEST(kept->keep);
    BOOST_TEST(kept->address.text() == "10.8.0.1/24");
    users.bip = Cidr::parse("10.7.0.1/24").value();
    BOOST_TEST(ensure_bridge(users).error().message() ==
               "bridge IPv4 (10.8.0.1/24) does not match requested configuration 10.7.0.1/24");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_and_leaves_nothing) {
    BridgeConfig config;
    config.fixed_cidr = Subnet::parse("10.0.0.0/24").value();
    BOOST_TEST(ensure_bridge(config).error().message() ==
               "fixed-cidr 10.0.0.0/24 is not in the bridge's network 172.17.0.0/16");
    BOOST_TEST(try_sh("ip link show lighter0").code != 0);
    config = BridgeConfig{.name = "lo"};
    BOOST_TEST(ensure_bridge(config).error().message() == "existing interface lo is not a bridge");
    for (const char* bad : {"", ".", "..", "a/b", "a b", "a\nb", "sixteen-bytes-xx", "a%d", "a:1"})
        BOOST_TEST(!check_link_name(bad), bad);
    BOOST_TEST(bool(check_link_name("fifteen-bytes-x")));
}

BOOST_AUTO_TEST_CASE(a_pool_never_gives_the_bridges_own_address) {
    BridgeConfig config;
    config.bip = Cidr::parse("10.9.0.1/24").value();
    config.default_gateway = Address::parse("10.9.0.2").value();
    auto made = ensure_bridge(config);
    REQUIRE_OK(made);
    AddressPool pool(made->subnet(), made->range);
    REQUIRE_OK(reserve_own(pool, *made));
    BOOST_TEST(pool.allocate()->text() == "10.9.0.3");
}

BOOST_AUTO_TEST_SUITE_END()
