#include "wire/stats.h"

namespace wire {

namespace {

constexpr json::Field cpu_usage_fields[] = {
    json::field<&CpuUsage::total_usage>("total_usage"),
    json::field<&CpuUsage::percpu_usage>("percpu_usage", json::omit_empty),
    json::field<&CpuUsage::usage_in_kernelmode>("usage_in_kernelmode"),
    json::field<&CpuUsage::usage_in_usermode>("usage_in_usermode"),
};
constinit const json::Table cpu_usage_table{cpu_usage_fields};

constexpr json::Field throttling_data_fields[] = {
    json::field<&ThrottlingData::periods>("periods"),
    json::field<&ThrottlingData::throttled_periods>("throttled_periods"),
    json::field<&ThrottlingData::throttled_time>("throttled_time"),
};
constinit const json::Table throttling_data_table{throttling_data_fields};

constexpr json::Field cpu_stats_fields[] = {
    json::field<&CpuStats::cpu_usage>("cpu_usage"),
    json::field<&CpuStats::system_cpu_usage>("system_cpu_usage", json::omit_empty),
    json::field<&CpuStats::online_cpus>("online_cpus", json::omit_empty),
    json::field<&CpuStats::throttling_data>("throttling_data"),
};
constinit const json::Table cpu_stats_table{cpu_stats_fields};

constexpr json::Field memory_stats_fields[] = {
    json::field<&MemoryStats::usage>("usage", json::omit_empty),
    json::field<&MemoryStats::max_usage>("max_usage", json::omit_empty),
    json::field<&MemoryStats::stats>("stats", json::omit_empty),
    json::field<&MemoryStats::failcnt>("failcnt", json::omit_empty),
    json::field<&MemoryStats::limit>("limit", json::omit_empty),
};
constinit const json::Table memory_stats_table{memory_stats_fields};

constexpr json::Field pids_stats_fields[] = {
    json::field<&PidsStats::current>("current", json::omit_empty),
    json::field<&PidsStats::limit>("limit", json::omit_empty),
};
constinit const json::Table pids_stats_table{pids_stats_fields};

constexpr json::Field blkio_entry_fields[] = {
    json::field<&BlkioEntry::major>("major"),
    json::field<&BlkioEntry::minor>("minor"),
    json::field<&BlkioEntry::op>("op"),
    json::field<&BlkioEntry::value>("value"),
};
constinit const json::Table blkio_entry_table{blkio_entry_fields};

constexpr json::Field blkio_stats_fields[] = {
    json::field<&BlkioStats::io_service_bytes>("io_service_bytes_recursive"),
    json::field<&BlkioStats::io_serviced>("io_serviced_recursive"),
    json::field<&BlkioStats::io_queue>("io_queue_recursive"),
    json::field<&BlkioStats::io_service_time>("io_service_time_recursive"),
    json::field<&BlkioStats::io_wait_time>("io_wait_time_recursive"),
    json::field<&BlkioStats::io_merged>("io_merged_recursive"),
    json::field<&BlkioStats::io_time>("io_time_recursive"),
    json::field<&BlkioStats::sectors>("sectors_recursive"),
};
constinit const json::Table blkio_stats_table{blkio_stats_fields};

constexpr json::Field storage_stats_fields[] = {
    json::field<&StorageStats::read_count_normalized>("read_count_normalized", json::omit_empty),
};
constinit const json::Table storage_stats_table{storage_stats_fields};

constexpr json::Field network_stats_fields[] = {
    json::field<&NetworkStats::rx_bytes>("rx_bytes"),
    json::field<&NetworkStats::rx_packets>("rx_packets"),
    json::field<&NetworkStats::rx_errors>("rx_errors"),
    json::field<&NetworkStats::rx_dropped>("rx_dropped"),
    json::field<&NetworkStats::tx_bytes>("tx_bytes"),
    json::field<&NetworkStats::tx_packets>("tx_packets"),
    json::field<&NetworkStats::tx_errors>("tx_errors"),
    json::field<&NetworkStats::tx_dropped>("tx_dropped"),
};
constinit const json::Table network_stats_table{network_stats_fields};

constexpr json::Field stats_fields[] = {
    json::field<&Stats::read>("read"),
    json::field<&Stats::preread>("preread"),
    json::field<&Stats::pids>("pids_stats"),
    json::field<&Stats::blkio>("blkio_stats"),
    json::field<&Stats::num_procs>("num_procs"),
    json::field<&Stats::storage>("storage_stats"),
    json::field<&Stats::cpu>("cpu_stats"),
    json::field<&Stats::precpu>("precpu_stats"),
    json::field<&Stats::memory>("memory_stats"),
    json::field<&Stats::name>("name", json::omit_empty),
    json::field<&Stats::id>("id", json::omit_empty),
    json::field<&Stats::os_type>("os_type", json::omit_empty),
    json::field<&Stats::networks>("networks", json::omit_empty),
};
constinit const json::Table stats_table{stats_fields};

}  // namespace

const json::Table& json_table(const CpuUsage*) {
    return cpu_usage_table;
}
const json::Table& json_table(const ThrottlingData*) {
    return throttling_data_table;
}
const json::Table& json_table(const CpuStats*) {
    return cpu_stats_table;
}
const json::Table& json_table(const MemoryStats*) {
    return memory_stats_table;
}
const json::Table& json_table(const PidsStats*) {
    return pids_stats_table;
}
const json::Table& json_table(const BlkioEntry*) {
    return blkio_entry_table;
}
const json::Table& json_table(const BlkioStats*) {
    return blkio_stats_table;
}
const json::Table& json_table(const StorageStats*) {
    return storage_stats_table;
}
const json::Table& json_table(const NetworkStats*) {
    return network_stats_table;
}
const json::Table& json_table(const Stats*) {
    return stats_table;
}

}  // namespace wire
