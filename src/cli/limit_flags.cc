#include "cli/limit_flags.h"

#include "cli/run_checks.h"

#include <limits>

namespace cli {

void add_limit_flags(FlagSet& f, LimitOptions& o) {
    f.each(
        "blkio-weight", 0, "uint16",
        [&o](const std::string& text) -> Status {
            TRY(std::uint64_t value,
                parse_unsigned(text, std::numeric_limits<std::uint16_t>::max()));
            o.blkio_weight = static_cast<std::int64_t>(value);
            return {};
        },
        "Block IO weight, 10 to 1000 (0: off)");
    f.integer("cpu-period", 0, o.cpu_period, "CFS period in microseconds");
    f.integer("cpu-quota", 0, o.cpu_quota, "CFS quota in microseconds");
    f.integer("cpu-rt-period", 0, o.cpu_rt_period, "Real-time period in microseconds");
    f.integer("cpu-rt-runtime", 0, o.cpu_rt_runtime, "Real-time runtime in microseconds");
    f.integer("cpu-shares", 'c', o.cpu_shares, "CPU shares (relative weight)");
    f.each(
        "cpus", 0, "decimal",
        [&o](const std::string& text) -> Status {
            TRY(o.nano_cpus, nano_cpus(text));
            return {};
        },
        "Number of CPUs");
    f.text("cpuset-cpus", 0, o.cpuset_cpus, "CPUs to run on (0-3, 0,1)");
    f.text("cpuset-mems", 0, o.cpuset_mems, "Memory nodes to use (0-3, 0,1)");
    f.bytes("memory", 'm', o.memory, "Memory limit");
    f.bytes("memory-reservation", 0, o.memory_reservation, "Memory soft limit");
    f.bytes("memory-swap", 0, o.memory_swap, "Memory plus swap ('-1': unlimited swap)");
    f.integer("pids-limit", 0, o.pids_limit, "Limit of processes (-1: unlimited)");
}

}  // namespace cli
