// The kernel's files about what a container uses.
#include "sys/cgroup_stats.h"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(cgroup_stats)

BOOST_AUTO_TEST_CASE(key_numbers_pass_over_what_is_none) {
    auto read = sys::parse_key_numbers(
        "a 1\nb 18446744073709551615\nc 18446744073709551616\nd -1\ne\n\nf 2 3\n");
    BOOST_TEST(read.size() == 3U);
    BOOST_TEST(read["a"] == 1U);
    BOOST_TEST(read["b"] == UINT64_MAX);
    BOOST_TEST(read["f"] == 2U);
    BOOST_TEST(sys::parse_key_numbers("").empty());
}

BOOST_AUTO_TEST_CASE(v1_entries_have_an_operation_or_none) {
    auto read = sys::parse_io_v1("8:0 Read 4096\n8:16 512\nTotal 4608\n8:0 Write\n8 Read 1\n");
    BOOST_REQUIRE(read.size() == 2U);
    BOOST_TEST(read[0].major == 8U);
    BOOST_TEST(read[0].minor == 0U);
    BOOST_TEST(read[0].operation == "Read");
    BOOST_TEST(read[0].value == 4096U);
    BOOST_TEST(read[1].minor == 16U);
    BOOST_TEST(read[1].operation == "");
    BOOST_TEST(read[1].value == 512U);
}

BOOST_AUTO_TEST_CASE(a_v2_line_is_a_read_and_a_write) {
    auto read =
        sys::parse_io_v2("259:0 rbytes=7 wbytes=9 rios=1 wios=2 dbytes=0 dios=0\n8:0 \nnone\n");
    BOOST_REQUIRE(read.size() == 4U);
    BOOST_TEST(read[0].operation == "read");
    BOOST_TEST(read[0].value == 7U);
    BOOST_TEST(read[1].operation == "write");
    BOOST_TEST(read[1].value == 9U);
    BOOST_TEST(read[2].value == 0U);
}

BOOST_AUTO_TEST_CASE(interfaces_without_the_loopback) {
    auto read =
        sys::parse_net_dev("Inter-|   Receive   |  Transmit\n face |bytes    packets|bytes\n"
                           "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
                           "  eth0: 10 11 12 13 0 0 0 0 20 21 22 23 0 0 0 0\n"
                           "  eth1:10 11 12 13 0 0 0 0 20 21 22 23 0 0 0 0\n"
                           "  short: 1 2 3\n");
    BOOST_REQUIRE(read.size() == 2U);
    BOOST_TEST(read[0].name == "eth0");
    BOOST_TEST(read[0].rx_bytes == 10U);
    BOOST_TEST(read[0].rx_dropped == 13U);
    BOOST_TEST(read[0].tx_bytes == 20U);
    BOOST_TEST(read[0].tx_errors == 22U);
    BOOST_TEST(read[1].name == "eth1");
}

BOOST_AUTO_TEST_CASE(the_machines_time_is_summed_as_docker_does) {
    auto read =
        sys::parse_proc_stat("cpu  1 2 3 4 5 6 7 100 100 100\ncpu0 1 1 1 1 1 1 1 1\ncpu1 0 1 2\n"
                             "intr 1 2 3\n");
    BOOST_TEST(read.online == 2U);
    BOOST_TEST(read.busy_and_idle_ns == 28U * 10'000'000U);  // of 100 ticks a second
}

BOOST_AUTO_TEST_SUITE_END()
