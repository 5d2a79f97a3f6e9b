// What a container has used, as the kernel's files tell it: control group, network devices, the
// machine's processors. The readers of the files' texts are pure.
#pragma once

#include "base/error.h"
#include "sys/cgroup.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sys {

struct IoEntry {
    std::uint64_t major = 0, minor = 0;
    std::string operation;  // as the kernel spells it; v2: read, write
    std::uint64_t value = 0;
};

struct CgroupStats {
    bool v2 = false;
    std::uint64_t cpu_total_ns = 0, cpu_kernel_ns = 0, cpu_user_ns = 0;
    std::vector<std::uint64_t> cpu_each_ns;  // v1
    std::uint64_t periods = 0, throttled_periods = 0, throttled_ns = 0;
    bool has_memory = false;
    std::uint64_t memory_bytes = 0, memory_max_bytes = 0, memory_failures = 0;
    std::optional<std::uint64_t> memory_limit;         // absent: none
    std::map<std::string, std::uint64_t> memory_stat;  // the kernel's own keys
    bool has_pids = false;
    std::uint64_t pids = 0;
    std::optional<std::uint64_t> pids_limit;  // absent: none
    std::optional<std::vector<IoEntry>> io_bytes, io_operations, io_queued, io_service_time,
        io_wait_time, io_merged, io_time, io_sectors;
};

// Blocking. What a controller that is not there would tell is zero or absent.
CgroupStats read_cgroup_stats(const CgroupHost& host, const Cgroup& group);

struct InterfaceStats {
    std::string name;
    std::uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
    std::uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
};
struct MachineCpu {
    std::uint64_t busy_and_idle_ns = 0;
    std::uint32_t online = 0;
};

// "key value" lines; others are passed over.
std::map<std::string, std::uint64_t> parse_key_numbers(std::string_view text);
// v1's "8:0 Read 4096" ("8:0 512": no operation) and v2's "8:0 rbytes=1 wbytes=2 ...".
std::vector<IoEntry> parse_io_v1(std::string_view text);
std::vector<IoEntry> parse_io_v2(std::string_view text);
// /proc/PID/net/dev, without the loopback.
std::vector<InterfaceStats> parse_net_dev(std::string_view text);
// /proc/stat.
MachineCpu parse_proc_stat(std::string_view text);

}  // namespace sys
