#include "engine/stats.h"

#include "run/pidfd.h"
#include "sys/cgroup_stats.h"
#include "sys/file.h"

#include <fmt/core.h>
#include <unistd.h>

namespace engine {

namespace {

constexpr std::size_t net_dev_bytes_max = 1024 * 1024;
constexpr std::size_t proc_stat_bytes_max = 4 * 1024 * 1024;

struct Subject {
    sys::Cgroup cgroup;
    pid_t pid = 0;
    Fd pidfd;
    bool has_network = false;  // of its own, or another container's: not the host's
};

wire::BlkioEntries entries(const std::optional<std::vector<sys::IoEntry>>& from) {
    if (!from) return std::nullopt;
    std::vector<wire::BlkioEntry> out;
    for (const sys::IoEntry& one : *from)
        out.push_back({one.major, one.minor, one.operation, one.value});
    return out;
}

void fill_cpu(wire::CpuStats& cpu, const sys::CgroupStats& used) {
    cpu.cpu_usage.total_usage = used.cpu_total_ns;
    cpu.cpu_usage.percpu_usage = used.cpu_each_ns;
    cpu.cpu_usage.usage_in_kernelmode = used.cpu_kernel_ns;
    cpu.cpu_usage.usage_in_usermode = used.cpu_user_ns;
    cpu.throttling_data.periods = used.periods;
    cpu.throttling_data.throttled_periods = used.throttled_periods;
    cpu.throttling_data.throttled_time = used.throttled_ns;
    if (auto text = sys::read_file("/proc/stat", proc_stat_bytes_max)) {
        sys::MachineCpu machine = sys::parse_proc_stat(*text);
        cpu.system_cpu_usage = machine.busy_and_idle_ns;
        cpu.online_cpus = machine.online;
    }
}

void fill_memory(wire::MemoryStats& memory, const sys::CgroupStats& used) {
    if (!used.has_memory) return;
    auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                   static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    memory.usage = used.memory_bytes;
    memory.max_usage = used.memory_max_bytes;
    memory.stats = used.memory_stat;
    memory.failcnt = used.memory_failures;
    // A limit beyond the machine's memory is none.
    memory.limit = std::min(used.memory_limit.value_or(machine), machine);
}

void fill_io(wire::BlkioStats& io, const sys::CgroupStats& used) {
    io.io_service_bytes = entries(used.io_bytes);
    io.io_serviced = entries(used.io_operations);
    io.io_queue = entries(used.io_queued);
    io.io_service_time = entries(used.io_service_time);
    io.io_wait_time = entries(used.io_wait_time);
    io.io_merged = entries(used.io_merged);
    io.io_time = entries(used.io_time);
    io.sectors = entries(used.io_sectors);
}

// procfs shows the devices of the process's own network namespace: nobody has to enter it.
void fill_networks(wire::Stats& stats, const Subject& subject) {
    if (!subject.has_network) return;
    auto text = sys::read_file(fmt::format("/proc/{}/net/dev", subject.pid), net_dev_bytes_max);
    // The number may be another process's by now.
    if (!text || run::process_ended(subject.pidfd)) return;
    for (const sys::InterfaceStats& one : sys::parse_net_dev(*text))
        stats.networks[one.name] = {one.rx_bytes, one.rx_packets, one.rx_errors, one.rx_dropped,
                                    one.tx_bytes, one.tx_packets, one.tx_errors, one.tx_dropped};
}

Result<wire::Stats> read_now(const Subject& subject, const sys::CgroupHost* cgroups) {
    wire::Stats stats;
    stats.read = base::now();
    sys::CgroupStats used = sys::read_cgroup_stats(*cgroups, subject.cgroup);
    fill_cpu(stats.cpu, used);
    fill_memory(stats.memory, used);
    fill_io(stats.blkio, used);
    if (used.has_pids) {
        stats.pids.current = used.pids;
        // v2's "max" is Docker's largest number, v1's is left out.
        stats.pids.limit = used.pids_limit.value_or(used.v2 ? UINT64_MAX : 0);
    }
    fill_networks(stats, subject);
    return stats;
}

}  // namespace

Task<Result<wire::Stats>> read_stats(Containers& containers, const sys::CgroupHost& cgroups,
                                     ContainerPtr container) {
    wire::Stats stats;
    if (container->running && container->cgroup) {
        Subject subject{*container->cgroup, container->pid, Fd(),
                        container->record.host_config.network_mode != "host"};
        CO_TRY(subject.pidfd, container->pidfd.duplicate());
        CO_TRY(stats, co_await containers.workers().run(loop::Lane::quick, read_now,
                                                        std::move(subject), &cgroups));
    }
    stats.id = container->id();
    stats.name = container->slash_name();
    stats.os_type = "linux";
    co_return stats;
}

}  // namespace engine
