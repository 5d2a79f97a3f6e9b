// update: other limits and another restart policy for a container that is there.
#include "engine/update.h"

#include "base/log.h"
#include "engine/containers.h"
#include "engine/limits.h"

#include <fmt/format.h>

namespace engine {

namespace {

Error conflict(const char* text) {
    return Error(Kind::conflict, text);
}

// CPUs as a number and as period and quota are two ways to say one thing.
Status check_cpus(const wire::Resources& now, const wire::Resources& wanted) {
    if (wanted.nano_cpus > 0 && now.cpu_period > 0)
        return conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has "
                        "already been set");
    if (wanted.nano_cpus > 0 && now.cpu_quota > 0)
        return conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has "
                        "already been set");
    if (wanted.cpu_period > 0 && now.nano_cpus > 0)
        return conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has "
                        "already been set");
    if (wanted.cpu_quota > 0 && now.nano_cpus > 0)
        return conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has "
                        "already been set");
    return {};
}

template <class T> void take(T& now, const T& wanted) {
    if (wanted != T()) now = wanted;
}

}  // namespace

Status apply_update(wire::HostConfig& host, const wire::ContainerUpdate& wanted) {
    TRY_DO(check_cpus(host, wanted));
    if (wanted.memory != 0 && wanted.memory_swap == 0 && host.memory_swap > 0 &&
        wanted.memory > host.memory_swap)
        return conflict("Memory limit should be smaller than already set memoryswap limit, update "
                        "the memoryswap at the same time");
    const std::string& policy = wanted.restart_policy.name;
    if (host.auto_remove && !policy.empty() && policy != "no")
        return conflict("Restart policy cannot be updated because AutoRemove is enabled for the "
                        "container");
    take(host.blkio_weight, wanted.blkio_weight);
    take(host.cpu_shares, wanted.cpu_shares);
    take(host.nano_cpus, wanted.nano_cpus);
    take(host.cpu_period, wanted.cpu_period);
    take(host.cpu_quota, wanted.cpu_quota);
    take(host.cpuset_cpus, wanted.cpuset_cpus);
    take(host.cpuset_mems, wanted.cpuset_mems);
    take(host.memory, wanted.memory);
    take(host.memory_swap, wanted.memory_swap);
    take(host.memory_reservation, wanted.memory_reservation);
    take(host.kernel_memory, wanted.kernel_memory);
    take(host.cpu_realtime_period, wanted.cpu_realtime_period);
    take(host.cpu_realtime_runtime, wanted.cpu_realtime_runtime);
    // Not positive: no limit any more.
    if (wanted.pids_limit) host.pids_limit = wanted.pids_limit;
    if (!policy.empty()) host.restart_policy = wanted.restart_policy;
    return {};
}

run::Resources update_limits(const wire::HostConfig& host, const wire::ContainerUpdate& wanted) {
    wire::HostConfig only;
    static_cast<wire::Resources&>(only) = wanted;
    only.devices.clear();
    run::Resources limits = resources_of(only);
    if (wanted.pids_limit && *wanted.pids_limit <= 0) limits.pids_limit = -1;
    // The sum stays what it was when only memory is given; v2 has to be told what is left for swap.
    if (wanted.memory_swap == 0) limits.memory_swap.reset();
    if (wanted.memory != 0 && wanted.memory_swap == 0 && host.memory_swap != 0)
        limits.memory_swap = host.memory_swap;
    return limits;
}

Task<Result<std::vector<std::string>>> Containers::update(ContainerPtr container,
                                                          wire::ContainerUpdate wanted) {
    std::string what = fmt::format("Cannot update container {}", container->id());
    CO_TRY(auto lock, co_await container->changing.lock());
    if (container->removing || container->removed || container->dead)
        co_return Error(Kind::conflict,
                        what + ": container is marked for removal and cannot be \"update\"");
    wire::HostConfig before = container->record.host_config;
    wire::HostConfig after = before;
    CO_TRY_DO(apply_update(after, wanted).context(what));
    CO_TRY_DO(check_limits(after, parts_.cgroups).context(what));
    run::Resources limits = update_limits(after, wanted);
    std::vector<std::string> warnings = parts_.cgroups.drop_unsupported(limits);
    if (container->running && container->cgroup) {
        Status written = co_await shield(parts_.workers.run(
            loop::Lane::quick,
            [](sys::Cgroup cgroup, run::Resources all) { return cgroup.update(all); },
            *container->cgroup, std::move(limits)));
        if (!written) co_return std::move(written).error().context(what);
    }
    container->record.host_config = std::move(after);
    Status kept = co_await commit(*container);
    if (!kept) {
        container->record.host_config = std::move(before);
        co_return kept.error();
    }
    publish(*container, "update");
    co_return warnings;
}

}  // namespace engine
