// What happens when a container's process has ended: the record, the restart its policy asks for,
// and the removal of what the run needed.
#include "base/log.h"
#include "engine/containers.h"

#include <fmt/format.h>
#include <unistd.h>

namespace engine {

namespace {

constexpr loop::Milliseconds backoff_first = std::chrono::milliseconds(100);
constexpr loop::Milliseconds backoff_max = std::chrono::minutes(1);
// A run of this length was a good one: the next failure waits as if it was the first.
constexpr std::int64_t good_run_ns = 10'000'000'000;

}  // namespace

Task<void> Containers::follow_shim() {
    for (;;) {
        Result<run::Ended> ended = co_await parts_.shim.next_ended();
        if (!ended) co_return;
        if (SideProcesses* side = side_processes_of(ended->id)) {
            side->ended(std::move(*ended));
            continue;
        }
        auto at = by_id_.find(ended->id);
        if (at == by_id_.end()) {
            base::log::debug("end of an unknown container={}", ended->id);
            parts_.shim.acknowledge(ended->id);
            continue;
        }
        work_.spawn(shield(record_exit(at->second, std::move(*ended))));
    }
}

SideProcesses* Containers::side_processes_of(std::string_view id) const {
    for (const auto& [prefix, processes] : side_processes_)
        if (id.starts_with(prefix)) return processes;
    return nullptr;
}

Task<void> Containers::record_exit(ContainerPtr container, run::Ended ended) {
    auto lock = co_await container->changing.lock();  // a start that is under way comes first
    co_await end_others(container);
    co_await container->console.drain();
    ContainerRecord& record = container->record;
    if (container->oom_poll != nullptr) container->oom_poll->stop();
    (void)co_await tell_oom(container);  // without a count there is nothing to tell
    record.running = false;
    record.pid = 0;
    record.finished_at = ended.exit.time;
    record.exit_code = ended.exit.code;
    container->running = container->paused = false;
    container->pid = 0;
    container->pidfd.reset();
    run_changed(container);
    for (const auto& [prefix, processes] : side_processes_)
        processes->run_over(container->id());
    std::int64_t ran_ns = record.finished_at.ns - record.started_at.ns;
    publish(*container, "die",
            {{"exitCode", std::to_string(record.exit_code)},
             {"execDuration", std::to_string(std::max<std::int64_t>(ran_ns, 0) / 1'000'000'000)}});
    co_await release_endpoint(container);
    bool again = wants_restart(*container);
    bool remove =
        !again && record.host_config.auto_remove && !container->kept && !container->removing;
    if (again) {
        if (ran_ns >= good_run_ns) container->backoff = loop::Milliseconds(0);
        container->restarting = true;
        ++record.restart_count;
    }
    if (remove) container->removing = true;
    // The record goes or is kept before anybody is told, and before the shim forgets.
    Status kept = remove ? co_await drop_record(*container) : co_await commit(*container);
    if (!kept) base::log::error("container={}: {}", container->id(), kept.error().message());
    parts_.shim.acknowledge(container->id());
    ++container->exits;
    if (remove && kept) {
        publish(*container, "destroy");
        forget(*container);
    }
    container->changed.wake_all();
    co_await clean_up_run(container, std::move(ended.mount_namespace));
    if (remove && kept) co_await remove_files(container->id());
    if (again && container->restarting) plan_restart(container);
}

// With a pid namespace of its own the kernel ends a container's other processes together with the
// first. In another's they would live on, and hold its streams and its cgroup.
Task<void> Containers::end_others(ContainerPtr container) {
    if (container->record.host_config.pid_mode.empty() || !container->cgroup) co_return;
    Status killed = co_await shield(parts_.workers.run(
        loop::Lane::quick, [](const sys::Cgroup* cgroup) { return cgroup->kill(); },
        &*container->cgroup));
    if (!killed)
        base::log::warn("processes left behind container={}: {}", container->id(),
                        killed.error().message());
}

Task<void> Containers::release_endpoint(ContainerPtr container) {
    if (!container->record.endpoint) co_return;
    EndpointRecord endpoint = std::move(*container->record.endpoint);
    container->record.endpoint.reset();
    if (!endpoint.ports.empty()) co_await parts_.network.unpublish(endpoint);
    parts_.network.release(std::move(endpoint));
    publish_network(*container, "disconnect");
}

// The run's mounts, cgroup and address. `changing` is held: the next run makes them anew.
Task<void> Containers::clean_up_run(ContainerPtr container, Fd mount_namespace) {
    co_await release_endpoint(container);
    Status cleaned = co_await shield(parts_.workers.run(
        loop::Lane::heavy,
        [](Fd mounts, std::optional<sys::Cgroup> cgroup, std::string intake) -> Status {
            mounts.reset();
            (void)::unlink(intake.c_str());  // there may be none
            return cgroup ? cgroup->remove() : Status();
        },
        std::move(mount_namespace), std::exchange(container->cgroup, std::nullopt),
        parts_.intakes + "/" + container->id()));
    if (!cleaned)
        base::log::warn("cgroup left behind container={}: {}", container->id(),
                        cleaned.error().message());
}

// What the policy says of a container that has ended, whenever it is asked.
bool Containers::policy_restarts(const ContainerRecord& record) {
    const wire::RestartPolicy& policy = record.host_config.restart_policy;
    if (policy.name == "always") return true;
    if (policy.name == "unless-stopped") return !record.stopped_by_user;
    if (policy.name != "on-failure" || record.exit_code == 0) return false;
    return policy.maximum_retry_count == 0 || record.restart_count < policy.maximum_retry_count;
}

bool Containers::wants_restart(const Container& container) const {
    if (shutting_down_ || container.stop_requested || container.removing) return false;
    return policy_restarts(container.record);
}

void Containers::plan_restart(ContainerPtr container) {
    container->backoff = container->backoff.count() == 0
                             ? backoff_first
                             : std::min(container->backoff * 2, backoff_max);
    Container* waiting = container.get();
    waiting->restart_alarm.emplace(parts_.loop, waiting->backoff, [this, container] {
        work_.spawn(shield(restart_after_exit(container)));
    });
}

Task<void> Containers::restart_after_exit(ContainerPtr container) {
    auto lock = co_await container->changing.lock();
    // Stopped, removed or started by somebody meanwhile.
    if (!container->restarting || container->running || shutting_down_) co_return;
    container->restart_alarm.reset();
    Status started = co_await start_locked(container);
    if (started) co_return;
    base::log::error("restart failed container={}: {}", container->id(), started.error().message());
    container->restarting = false;
    ++container->exits;
    container->changed.wake_all();
}

}  // namespace engine
