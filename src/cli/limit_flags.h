// Flags that run, create and update share: how much a container may have.
#pragma once

#include "cli/context.h"

#include <cstdint>
#include <optional>
#include <string>

namespace cli {

struct LimitOptions {
    std::optional<std::int64_t> blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime,
        cpu_shares, pids_limit;
    std::string cpuset_cpus, cpuset_mems;
    std::int64_t memory = 0, memory_reservation = 0, memory_swap = 0, nano_cpus = 0;
};

void add_limit_flags(FlagSet& flags, LimitOptions& options);

}  // namespace cli
