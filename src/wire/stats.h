// One reading of what a container uses, as GET /containers/{id}/stats tells it. Shapes only.
#pragma once

#include "codec/json.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wire {

struct CpuUsage {
    std::uint64_t total_usage = 0;
    std::vector<std::uint64_t> percpu_usage;  // v1
    std::uint64_t usage_in_kernelmode = 0, usage_in_usermode = 0;
};
struct ThrottlingData {
    std::uint64_t periods = 0, throttled_periods = 0, throttled_time = 0;
};
struct CpuStats {
    CpuUsage cpu_usage;
    std::uint64_t system_cpu_usage = 0;
    std::uint32_t online_cpus = 0;
    ThrottlingData throttling_data;
};
struct MemoryStats {
    std::uint64_t usage = 0, max_usage = 0;
    std::map<std::string, std::uint64_t> stats;  // the kernel's own keys
    std::uint64_t failcnt = 0, limit = 0;
};
struct PidsStats {
    std::uint64_t current = 0, limit = 0;
};
struct BlkioEntry {
    std::uint64_t major = 0, minor = 0;
    std::string op;
    std::uint64_t value = 0;
};
using BlkioEntries = std::optional<std::vector<BlkioEntry>>;  // absent: null
struct BlkioStats {
    BlkioEntries io_service_bytes, io_serviced, io_queue, io_service_time, io_wait_time, io_merged,
        io_time, sectors;
};
struct StorageStats {
    std::uint64_t read_count_normalized = 0;  // Windows
};
struct NetworkStats {
    std::uint64_t rx_bytes = 0, rx_packets = 0, rx_errors = 0, rx_dropped = 0;
    std::uint64_t tx_bytes = 0, tx_packets = 0, tx_errors = 0, tx_dropped = 0;
};

struct Stats {
    std::string name, id, os_type;
    Time read, preread;
    PidsStats pids;
    BlkioStats blkio;
    std::uint32_t num_procs = 0;  // Windows
    StorageStats storage;
    CpuStats cpu, precpu;
    MemoryStats memory;
    std::map<std::string, NetworkStats> networks;
};

const json::Table& json_table(const CpuUsage*);
const json::Table& json_table(const ThrottlingData*);
const json::Table& json_table(const CpuStats*);
const json::Table& json_table(const MemoryStats*);
const json::Table& json_table(const PidsStats*);
const json::Table& json_table(const BlkioEntry*);
const json::Table& json_table(const BlkioStats*);
const json::Table& json_table(const StorageStats*);
const json::Table& json_table(const NetworkStats*);
const json::Table& json_table(const Stats*);

}  // namespace wire
