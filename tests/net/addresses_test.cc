// Addresses, subnets, pools: their text forms and that nothing is handed out twice.
#include "net/addresses.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <thread>

using namespace net;

BOOST_AUTO_TEST_SUITE(addresses)

BOOST_AUTO_TEST_CASE(an_address_is_four_plain_numbers) {
    for (const char* good : {"0.0.0.0", "172.17.0.2", "255.255.255.255"})
        BOOST_TEST(Address::parse(good).value().text() == good);
    for (const char* bad :
         {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
          "-1.2.3.4", "+1.2.3.4", "1..2.3", "1.2.3.4\n", "::1", "0x1.2.3.4"})
        BOOST_TEST(!Address::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_cidr_keeps_the_host_bits_and_a_subnet_clears_them) {
    BOOST_TEST(Cidr::parse("10.1.2.3/8").value().text() == "10.1.2.3/8");
    BOOST_TEST(Subnet::parse("10.1.2.3/8").value().text() == "10.0.0.0/8");
    BOOST_TEST(Subnet::parse("10.1.2.3/0").value().text() == "0.0.0.0/0");
    BOOST_TEST(Subnet::parse("10.1.2.3/32").value().text() == "10.1.2.3/32");
    for (const char* bad : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1",
                            "/8", "10.0.0.0/8/8"})
        BOOST_TEST(!Cidr::parse(bad), bad);
    BOOST_TEST(Cidr::parse("x").error().message() == "invalid CIDR address: x");
}

BOOST_AUTO_TEST_CASE(a_bip_must_be_a_host_address) {
    BOOST_TEST(static_cast<bool>(parse_bip("192.168.5.1/24")));
    for (const char* bad :
         {"192.168.5.0/24", "192.168.5.255/24", "192.168.5.1/31", "192.168.5.1/32", "1.2.3.4/0"})
        BOOST_TEST(!parse_bip(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_mac_follows_from_the_address) {
    BOOST_TEST(mac_for(Address::parse("172.17.0.2").value()).text() == "02:42:ac:11:00:02");
    for (const char* good : {"02:42:ac:11:00:02", "02-42-AC-11-00-02", "0242.ac11.0002"})
        BOOST_TEST(Mac::parse(good).value().text() == "02:42:ac:11:00:02");
    for (const char* bad : {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "02:42-ac:11:00:02",
                            "0242:ac11:0002", "02_42_ac_11_00_02"})
        BOOST_TEST(!Mac::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(pools_are_read_as_docker_writes_them) {
    PoolSpec pool = PoolSpec::parse("base=10.10.0.0/16,size=24").value();
    BOOST_TEST(pool.base.text() == "10.10.0.0/16");
    BOOST_TEST(pool.size == 24U);
    for (const char* bad :
         {"", "base=10.10.0.0/16", "size=24", "base=10.10.0.0/16,size=8", "base=x,size=24",
          "base=10.10.0.0/16,size=24x", "base=10.10.0.0/16,size=", "foo=1", "foo"})
        BOOST_TEST(!PoolSpec::parse(bad), bad);
}

BOOST_AUTO_TEST_CASE(the_first_subnet_that_overlaps_nothing_is_picked) {
    auto pools = default_pools();
    BOOST_TEST(pick_subnet(pools, {}).value().text() == "172.17.0.0/16");
    std::vector<Subnet> used{Subnet::parse("172.17.5.0/24").value(),
                             Subnet::parse("172.16.0.0/12").value()};
    BOOST_TEST(pick_subnet(pools, std::span(used).first(1)).value().text() == "172.18.0.0/16");
    BOOST_TEST(pick_subnet(pools, used).value().text() == "192.168.0.0/20");
    used.push_back(Subnet::parse("192.168.0.0/19").value());
    BOOST_TEST(pick_subnet(pools, used).value().text() == "192.168.32.0/20");
    used.push_back(Subnet::parse("0.0.0.0/0").value());
    BOOST_TEST(!pick_subnet(pools, used));
    std::vector<PoolSpec> top{PoolSpec::parse("base=255.255.255.0/24,size=30").value()};
    used = {Subnet::parse("255.255.255.0/24").value()};
    BOOST_TEST(!pick_subnet(top, used));
}

BOOST_AUTO_TEST_CASE(the_lowest_free_address_is_given_and_the_end_is_an_error) {
    AddressPool pool(Subnet::parse("10.0.0.0/29").value());
    BOOST_TEST(static_cast<bool>(pool.reserve(Address::parse("10.0.0.1").value())));
    for (const char* next : {"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"})
        BOOST_TEST(pool.allocate().value().text() == next);
    BOOST_TEST(pool.allocate().error().message() ==
               "no available IPv4 addresses on this network's address pools");
    pool.release(Address::parse("10.0.0.4").value());
    pool.release(Address::parse("10.0.0.4").value());
    BOOST_TEST(pool.allocate().value().text() == "10.0.0.4");
    BOOST_TEST(!pool.allocate());
    BOOST_TEST((pool.reserve(Address::parse("10.0.0.4").value()).error().kind() == Kind::conflict));
    BOOST_TEST((pool.reserve(Address::parse("10.0.1.4").value()).error().kind() == Kind::invalid));
}

BOOST_AUTO_TEST_CASE(a_range_bounds_what_is_given) {
    AddressPool pool(Subnet::parse("10.0.0.0/16").value(), Subnet::parse("10.0.0.248/29").value());
    BOOST_TEST(pool.allocate().value().text() == "10.0.0.248");
    AddressPool top(Subnet::parse("255.255.255.252/30").value());
    BOOST_TEST(top.allocate().value().text() == "255.255.255.253");
    BOOST_TEST(top.allocate().value().text() == "255.255.255.254");
    BOOST_TEST(!top.allocate());
}

BOOST_AUTO_TEST_CASE(five_hundred_parallel_allocations_give_five_hundred_addresses) {
    AddressPool pool(Subnet::parse("172.17.0.0/16").value());
    std::mutex mutex;
    std::set<Address> seen;
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j < 25; ++j) {
                Address spare = pool.allocate().value();
                Address kept = pool.allocate().value();
                pool.release(spare);
                std::lock_guard lock(mutex);
                seen.insert(kept);
            }
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(seen.size() == 500U);
    BOOST_TEST(pool.in_use() == 500U);
}

BOOST_AUTO_TEST_SUITE_END()
