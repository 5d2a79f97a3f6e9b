// Create bodies that dockerd refuses, with its words (compared with dockerd 20.10).
#include "api/validate.h"

#include <boost/test/unit_test.hpp>
#include <cstdint>

namespace {

std::string why(std::string_view body) {
    auto wanted = json::read<wire::ContainerCreate>(body);
    if (!wanted) return wanted.error().message();
    Status status = api::check_create(*wanted, 2);
    return status ? "fine" : status.error().message();
}

std::string host(std::string_view fields) {
    return why("{\"HostConfig\":{" + std::string(fields) + "}}");
}

}  // namespace

BOOST_AUTO_TEST_CASE(limits_have_ranges) {
    BOOST_TEST(host(R"("Memory":100)") == "Minimum memory limit allowed is 6MB");
    BOOST_TEST(host(R"("Memory":6291456)") == "fine");
    BOOST_TEST(host(R"("Memory":-1)") == "Minimum memory limit allowed is 6MB");
    BOOST_TEST(host(R"("Memory":9223372036854775808)").ends_with("of type int64"));
    BOOST_TEST(host(R"("MemorySwap":100)").starts_with("You should always set the Memory limit"));
    BOOST_TEST(host(R"("Memory":10000000,"MemorySwap":5000000)").starts_with("Minimum memoryswap"));
    BOOST_TEST(host(R"("Memory":10000000,"MemorySwap":-1)") == "fine");
    BOOST_TEST(host(R"("MemorySwappiness":500)").starts_with("Invalid value: 500"));
    BOOST_TEST(host(R"("NanoCpus":2000000000)") == "fine");
    BOOST_TEST(host(R"("NanoCpus":2000000001)") ==
               "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
    BOOST_TEST(host(R"("NanoCpus":9999999)").starts_with("Range of CPUs is from 0.01"));
    BOOST_TEST(host(R"("NanoCpus":10000000)") == "fine");
    BOOST_TEST(host(R"("CpuPeriod":999)") != "fine");
    BOOST_TEST(host(R"("CpuQuota":-1)") == "fine");
    BOOST_TEST(host(R"("CpuQuota":-2)") == "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    BOOST_TEST(host(R"("Ulimits":[{"Name":"core","Soft":-1,"Hard":-1}])") == "fine");
    BOOST_TEST(host(R"("Ulimits":[{"Name":"core","Soft":-1,"Hard":5}])") ==
               "ulimit soft limit must be less than or equal to hard limit: -1 > 5");
    BOOST_TEST(host(R"("Ulimits":[{"Name":"core","Soft":-2,"Hard":5}])") ==
               "invalid ulimit core: -2 is less than -1 (unlimited)");
    BOOST_TEST(host(R"("ConsoleSize":[70000,1])") == "invalid console size: 70000");
    BOOST_TEST(host(R"("IOMaximumIOps":1)").starts_with("invalid option: QoS maximum IOPs"));
    BOOST_TEST(host(R"("CpuQuota":10)") == "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    BOOST_TEST(host(R"("OomScoreAdj":1001)") ==
               "Invalid value 1001, range for oom score adj is [-1000, 1000]");
    BOOST_TEST(host(R"("ShmSize":-1)") == "SHM size can not be less than 0");
}

BOOST_AUTO_TEST_CASE(fields_exclude_each_other) {
    BOOST_TEST(host(R"("RestartPolicy":{"Name":"foo"})") == "invalid restart policy 'foo'");
    BOOST_TEST(host(R"("RestartPolicy":{"Name":"always","MaximumRetryCount":3})") ==
               "maximum retry count cannot be used with restart policy 'always'");
    BOOST_TEST(host(R"("AutoRemove":true,"RestartPolicy":{"Name":"always"})") ==
               "can't create 'AutoRemove' container with restart policy");
    BOOST_TEST(why(R"({"Hostname":"x","HostConfig":{"UTSMode":"host"}})") ==
               "conflicting options: hostname and the UTS mode");
    BOOST_TEST(why("{}") == "fine");
}

BOOST_AUTO_TEST_CASE(texts_that_become_lines_hold_no_line_ends) {
    BOOST_TEST(why(R"({"Hostname":"a\nb"})") != "fine");
    BOOST_TEST(why(R"({"Hostname":"a b"})") == "invalid hostname: a b");
    BOOST_TEST(host(R"("ExtraHosts":["a:1\n2 b"])") != "fine");
    BOOST_TEST(host(R"("ExtraHosts":["foo"])") == "bad format for add-host: \"foo\"");
    BOOST_TEST(host(R"("DnsSearch":["a\nnameserver x"])") != "fine");
    BOOST_TEST(why(R"({"Env":["=x"]})") == "invalid environment variable: =x");
    BOOST_TEST(why(R"({"WorkingDir":"x"})") ==
               "the working directory 'x' is invalid, it needs to be an absolute path");
    BOOST_TEST(why(R"({"Healthcheck":{"Interval":5}})") ==
               "Interval in Healthcheck cannot be less than 1ms");
}
