#include "sys/cgroup_stats.h"

#include "sys/cgroup_files.h"

#include <algorithm>
#include <charconv>
#include <unistd.h>

namespace sys {

namespace {

constexpr std::uint64_t ns_per_us = 1000;
constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr std::size_t entries_max = 65536;  // of a file: more devices than a kernel has

std::uint64_t ns_per_tick() {
    static const long ticks = ::sysconf(_SC_CLK_TCK);
    return ticks > 0 ? ns_per_second / static_cast<std::uint64_t>(ticks) : 0;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "8:0"
bool read_device(std::string_view text, IoEntry& entry) {
    std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    auto major = number(text.substr(0, colon)), minor = number(text.substr(colon + 1));
    if (!major || !minor) return false;
    entry.major = *major;
    entry.minor = *minor;
    return true;
}

std::uint64_t at(const std::map<std::string, std::uint64_t>& map, const char* key) {
    auto found = map.find(key);
    return found == map.end() ? 0 : found->second;
}

std::optional<CgroupFolder> folder_in(const CgroupHost& host, const Cgroup& group,
                                      std::string_view controller) {
    const auto* hierarchy = host.v2 ? &host.hierarchies.front() : host.find(controller);
    if (hierarchy == nullptr) return std::nullopt;
    auto folder = open_group(*hierarchy, group.path());
    if (!folder) return std::nullopt;
    return std::move(*folder);
}

void read_cpu_v1(const CgroupHost& host, const Cgroup& group, CgroupStats& out) {
    if (auto folder = folder_in(host, group, "cpuacct")) {
        out.cpu_total_ns = folder->number("cpuacct.usage").value_or(0);
        auto stat = parse_key_numbers(folder->read("cpuacct.stat"));
        out.cpu_kernel_ns = at(stat, "system") * ns_per_tick();
        out.cpu_user_ns = at(stat, "user") * ns_per_tick();
        std::string each = folder->read("cpuacct.usage_percpu");
        for (std::string_view rest = each; !rest.empty();)
            if (auto ns = number(next_word(rest, " \n"))) out.cpu_each_ns.push_back(*ns);
    }
    if (auto folder = folder_in(host, group, "cpu")) {
        auto stat = parse_key_numbers(folder->read("cpu.stat"));
        out.periods = at(stat, "nr_periods");
        out.throttled_periods = at(stat, "nr_throttled");
        out.throttled_ns = at(stat, "throttled_time");
    }
}

void read_memory_v1(const CgroupFolder& folder, CgroupStats& out) {
    out.memory_bytes = folder.number("memory.usage_in_bytes").value_or(0);
    out.memory_max_bytes = folder.number("memory.max_usage_in_bytes").value_or(0);
    out.memory_failures = folder.number("memory.failcnt").value_or(0);
    out.memory_limit = folder.number("memory.limit_in_bytes");
}

// The block layer's own counters where a disk has them (BFQ), else the throttle's.
void read_io_v1(const CgroupFolder& folder, CgroupStats& out) {
    auto read = [&](const char* bfq, const char* cfq) {
        const char* file = folder.has(bfq) && !parse_io_v1(folder.read(bfq)).empty() ? bfq : cfq;
        return parse_io_v1(folder.read(file));
    };
    out.io_bytes =
        read("blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive");
    out.io_operations =
        read("blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive");
    out.io_queued = read("blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive");
    out.io_service_time =
        read("blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive");
    out.io_wait_time = read("blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive");
    out.io_merged = read("blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive");
    out.io_time = read("blkio.bfq.time_recursive", "blkio.time_recursive");
    out.io_sectors = read("blkio.bfq.sectors_recursive", "blkio.sectors_recursive");
}

void read_v2(const CgroupFolder& folder, CgroupStats& out) {
    auto cpu = parse_key_numbers(folder.read("cpu.stat"));
    out.cpu_total_ns = at(cpu, "usage_usec") * ns_per_us;
    out.cpu_kernel_ns = at(cpu, "system_usec") * ns_per_us;
    out.cpu_user_ns = at(cpu, "user_usec") * ns_per_us;
    out.periods = at(cpu, "nr_periods");
    out.throttled_periods = at(cpu, "nr_throttled");
    out.throttled_ns = at(cpu, "throttled_usec") * ns_per_us;
    if ((out.has_memory = folder.has("memory.current"))) {
        out.memory_bytes = folder.number("memory.current").value_or(0);
        out.memory_max_bytes = 0;  // Docker tells none on v2
        out.memory_failures = folder.field("memory.events", "oom").value_or(0);
        out.memory_limit = folder.number("memory.max");
        out.memory_stat = parse_key_numbers(folder.read("memory.stat"));
    }
    if (folder.has("io.stat")) out.io_bytes = parse_io_v2(folder.read("io.stat"));
}

}  // namespace

CgroupStats read_cgroup_stats(const CgroupHost& host, const Cgroup& group) {
    CgroupStats out;
    out.v2 = host.v2;
    if (auto folder = folder_in(host, group, "pids"); folder && folder->has("pids.current")) {
        out.has_pids = true;
        out.pids = folder->number("pids.current").value_or(0);
        out.pids_limit = folder->number("pids.max");
    }
    if (host.v2) {
        if (auto folder = folder_in(host, group, "")) read_v2(*folder, out);
        return out;
    }
    read_cpu_v1(host, group, out);
    if (auto folder = folder_in(host, group, "memory")) {
        out.has_memory = true;
        read_memory_v1(*folder, out);
        out.memory_stat = parse_key_numbers(folder->read("memory.stat"));
    }
    if (auto folder = folder_in(host, group, "blkio")) read_io_v1(*folder, out);
    return out;
}

std::map<std::string, std::uint64_t> parse_key_numbers(std::string_view text) {
    std::map<std::string, std::uint64_t> out;
    while (!text.empty() && out.size() < entries_max) {
        std::string_view line = next_word(text, "\n");
        std::string_view key = next_word(line, " ");
        auto value = number(next_word(line, " "));
        if (!key.empty() && value) out.insert_or_assign(std::string(key), *value);
    }
    return out;
}

std::vector<IoEntry> parse_io_v1(std::string_view text) {
    std::vector<IoEntry> out;
    while (!text.empty() && out.size() < entries_max) {
        std::string_view line = next_word(text, "\n");
        IoEntry entry;
        if (!read_device(next_word(line, " "), entry)) continue;  // "Total 0"
        std::string_view word = next_word(line, " ");
        auto value = number(word);
        if (!value) {
            entry.operation = word;
            value = number(next_word(line, " "));
        }
        if (!value) continue;
        entry.value = *value;
        out.push_back(std::move(entry));
    }
    return out;
}

std::vector<IoEntry> parse_io_v2(std::string_view text) {
    std::vector<IoEntry> out;
    while (!text.empty() && out.size() < entries_max) {
        std::string_view line = next_word(text, "\n");
        IoEntry read, write;
        if (!read_device(next_word(line, " "), read)) continue;
        write = read;
        read.operation = "read";
        write.operation = "write";
        while (!line.empty()) {
            std::string_view pair = next_word(line, " ");
            std::size_t equals = std::min(pair.find('='), pair.size());
            std::uint64_t value =
                equals < pair.size() ? number(pair.substr(equals + 1)).value_or(0) : 0;
            if (pair.substr(0, equals) == "rbytes") read.value = value;
            if (pair.substr(0, equals) == "wbytes") write.value = value;
        }
        out.push_back(std::move(read));
        out.push_back(std::move(write));
    }
    return out;
}

std::vector<InterfaceStats> parse_net_dev(std::string_view text) {
    std::vector<InterfaceStats> out;
    while (!text.empty() && out.size() < entries_max) {
        std::string_view line = next_word(text, "\n");
        std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;  // the two head lines
        std::string_view name = line.substr(0, colon);
        InterfaceStats one;
        one.name = next_word(name, " ");
        line.remove_prefix(colon + 1);
        // bytes packets errs drop fifo frame compressed multicast, twice
        std::uint64_t fields[16] = {};
        std::size_t count = 0;
        for (; count < 16; ++count) {
            auto value = number(next_word(line, " "));
            if (!value) break;
            fields[count] = *value;
        }
        if (count < 16 || one.name.empty() || one.name == "lo") continue;
        one.rx_bytes = fields[0];
        one.rx_packets = fields[1];
        one.rx_errors = fields[2];
        one.rx_dropped = fields[3];
        one.tx_bytes = fields[8];
        one.tx_packets = fields[9];
        one.tx_errors = fields[10];
        one.tx_dropped = fields[11];
        out.push_back(std::move(one));
    }
    return out;
}

MachineCpu parse_proc_stat(std::string_view text) {
    constexpr int counted = 7;  // user nice system idle iowait irq softirq, as Docker sums them
    MachineCpu out;
    while (!text.empty()) {
        std::string_view line = next_word(text, "\n");
        std::string_view name = next_word(line, " ");
        if (!name.starts_with("cpu")) continue;
        if (name != "cpu") {
            ++out.online;
            continue;
        }
        std::uint64_t ticks = 0;
        for (int i = 0; i < counted; ++i)
            ticks += number(next_word(line, " ")).value_or(0);
        out.busy_and_idle_ns = ticks * ns_per_tick();
    }
    return out;
}

}  // namespace sys
