// pause and unpause: the freezer of the container's control group.
#include "base/log.h"
#include "engine/containers.h"
#include "engine/signals.h"

#include <csignal>
#include <fmt/format.h>

namespace engine {

Task<Status> Containers::pause(ContainerPtr container) {
    CO_TRY(auto lock, co_await container->changing.lock());
    if (container->restarting) co_return is_restarting(*container);
    if (!container->running || !container->cgroup) co_return not_running(*container);
    if (container->paused)
        co_return Error(Kind::conflict,
                        fmt::format("container {} is already paused", container->id()));
    Status frozen = co_await shield(parts_.workers.run(
        loop::Lane::heavy, [](sys::Cgroup cgroup) { return cgroup.freeze(); }, *container->cgroup));
    if (!frozen)
        co_return std::move(frozen).error().context(
            fmt::format("cannot pause container {}", container->id()));
    container->paused = true;
    run_changed(container);
    container->changed.wake_all();
    publish(*container, "pause");
    co_return Status();
}

Task<Status> Containers::unpause(ContainerPtr container) {
    CO_TRY(auto lock, co_await container->changing.lock());
    if (!container->paused)
        co_return Error(Kind::conflict, fmt::format("container {} is not paused", container->id()));
    Status thawed = co_await shield(thaw(container));
    if (thawed) co_return Status();
    co_return std::move(thawed).error().context(
        fmt::format("cannot unpause container {}", container->id()));
}

Task<Status> Containers::thaw(ContainerPtr container) {
    if (!container->paused || !container->cgroup) co_return Status();
    CO_TRY_DO(co_await parts_.workers.run(
        loop::Lane::quick, [](sys::Cgroup cgroup) { return cgroup.thaw(); }, *container->cgroup));
    if (!container->paused) co_return Status();  // it has ended meanwhile
    container->paused = false;
    run_changed(container);
    container->changed.wake_all();
    publish(*container, "unpause");
    co_return Status();
}

// Docker's rule: a signal that ends it wakes it, others wait for unpause.
Task<Status> Containers::deliver(ContainerPtr container, int signal) {
    CO_TRY_DO(send(*container, signal));
    if (!container->paused) co_return Status();
    const std::string& name = container->record.config.stop_signal;
    auto own = name.empty() ? Result<int>(signal) : parse_signal(name);
    if (signal != SIGKILL && own && *own != signal) co_return Status();
    Status thawed = co_await shield(thaw(container));
    if (!thawed)
        base::log::warn("a paused container got a signal and stays frozen container={}: {}",
                        container->id(), thawed.error().message());
    co_return Status();
}

}  // namespace engine
