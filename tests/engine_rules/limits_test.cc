// What is refused at create because the kernel could not keep to it.
#include "engine/limits.h"
#include "run/sysctl.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>

namespace {

std::string why(auto change) {
    wire::HostConfig host;
    change(host);
    Status fine = engine::check_limits(host, sys::CgroupHost());
    return fine ? "" : fine.error().message();
}

std::string sysctl(const std::string& key, const std::string& value = "1",
                   run::Namespaces own = {}) {
    Status fine = run::check_sysctl(key, value, own);
    return fine ? "" : fine.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(numbers_have_the_kernels_range) {
    auto shares = [](std::int64_t n) { return why([&](auto& host) { host.cpu_shares = n; }); };
    BOOST_TEST(shares(0).empty());
    BOOST_TEST(shares(1) == "the minimum allowed cpu-shares is 2");
    BOOST_TEST(shares(2).empty());
    BOOST_TEST(shares(262144).empty());
    BOOST_TEST(shares(262145) == "the maximum allowed cpu-shares is 262144");
    auto pids = [](std::int64_t n) { return why([&](auto& host) { host.pids_limit = n; }); };
    BOOST_TEST(pids(-1).empty());
    BOOST_TEST(pids(4194304).empty());
    BOOST_TEST(pids(4194305) == "invalid pids limit 4194305: the maximum is 4194304");
}

BOOST_AUTO_TEST_CASE(memory_and_swap_do_not_wrap) {
    BOOST_TEST(engine::default_memory_swap(64 << 20) == 128 << 20);
    BOOST_TEST(engine::default_memory_swap(INT64_MAX / 2) == INT64_MAX - 1);
    BOOST_TEST(engine::default_memory_swap(INT64_MAX / 2 + 1) == -1);
    BOOST_TEST(engine::default_memory_swap(INT64_MAX) == -1);
}

BOOST_AUTO_TEST_CASE(processors_must_be_there) {
    auto check = [](std::string_view cpus, std::string_view mems = "") {
        Status fine = engine::check_cpuset(cpus, mems, "0-1", "0");
        return fine ? std::string() : fine.error().message();
    };
    BOOST_TEST(check("0-1", "0").empty());
    BOOST_TEST(check("").empty());
    BOOST_TEST(check("0,") == "Invalid value 0, for cpuset cpus: invalid format: 0,");
    BOOST_TEST(check("1-3") == "Requested CPUs are not available - requested 1-3, available: 0-1");
    BOOST_TEST(check("0", "1") ==
               "Requested memory nodes are not available - requested 1, available: 0");
    BOOST_TEST(check("0-99999999999") ==
               "Invalid value 0-99999999999 for cpuset cpus: value of out range, maximum is 8192");
}

BOOST_AUTO_TEST_CASE(device_rules_are_read_to_the_end) {
    auto rule = engine::parse_device_rule("b 8:* rw");
    BOOST_REQUIRE(rule);
    BOOST_TEST(rule->type == 'b');
    BOOST_TEST(rule->major == 8);
    BOOST_TEST(rule->minor == -1);
    BOOST_TEST(rule->access == "rw");
    for (const char* wrong :
         {"", "c", "c ", "c 1:3", "c 1:3 ", "x 1:3 r", "c 1*:3 r", "c 1:3 rwmr", "c 1:3 r x",
          " c 1:3 r", "c -1:3 r", "c 1:3 x", "c:1:3 r", "b 4294967296:1 r", "c 1:3 r\n"})
        BOOST_TEST(engine::parse_device_rule(wrong).error().message() ==
                   std::string("invalid device cgroup rule format: '") + wrong + "'");
}

BOOST_AUTO_TEST_CASE(sysctls_are_of_namespaces_of_the_containers_own) {
    run::Namespaces host;
    host.network = host.ipc = host.uts = run::Namespace::host;
    BOOST_TEST(sysctl("net.ipv4.ip_forward").empty());
    BOOST_TEST(sysctl("net.ipv4.ip_forward", "1", host) ==
               "sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace");
    BOOST_TEST(sysctl("kernel.sem", "250\t32000 100 128").empty());
    BOOST_TEST(sysctl("kernel.sem", "1", host) ==
               "sysctl \"kernel.sem\" is not allowed in the hosts ipc namespace");
    BOOST_TEST(sysctl("kernel.domainname", "a.b").empty());
    BOOST_TEST(sysctl("kernel.domainname", "a.b", host) ==
               "sysctl \"kernel.domainname\" is not in a separate kernel namespace");
    BOOST_TEST(sysctl("kernel.hostname") ==
               "sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI "
               "\"hostname\" field");
    for (const char* key : {"", ".", "net.", "net..x", ".net.x", "net/x", "net.x=1", "net.a+b",
                            "net.x\n", "net.../kernel", "kernel.core_pattern", "kernel.panic"})
        BOOST_TEST(sysctl(key).starts_with("sysctl \""));
    for (const char* value : {"1\n", "1+kernel.panic=1", "a=b", "\x7f", "\xc3\xa4", "1\r"})
        BOOST_TEST(sysctl("net.ipv4.ip_forward", value) ==
                   "sysctl \"net.ipv4.ip_forward\" has a value that is not allowed");
}

BOOST_AUTO_TEST_SUITE_END()
