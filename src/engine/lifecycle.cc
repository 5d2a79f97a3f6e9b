// Starting, stopping and killing containers.
#include "base/log.h"
#include "engine/containers.h"
#include "engine/create.h"
#include "engine/health_rules.h"
#include "engine/signals.h"
#include "engine/system.h"
#include "run/pidfd.h"
#include "sys/file.h"

#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

namespace engine {

namespace {

// Worker.
Result<std::optional<Console::Log>> open_for_writing(std::string folder, std::string id,
                                             store::LogOptions options, std::string intakes,
                                             bool found) {
    TRY(Fd opened, sys::open_folder(folder));
    TRY(store::LogWriter writer,
        store::LogWriter::open(std::move(opened), id + "-json.log", std::move(options)));
    std::optional<Console::Log> log(Console::Log{std::move(writer), std::nullopt});
    auto open_intake = [&]() -> Status {
        TRY(Fd at, sys::open_folder(intakes));
        if (!found) (void)::unlinkat(at.get(), id.c_str(), 0);  // of another run
        TRY(store::LogIntake intake, store::LogIntake::open(at, id));
        log->intake = std::move(intake);
        return found ? store::finish_log(log->writer, *log->intake) : Status();
    };
    // Logging is what counts: that it survives a kill to the last byte comes second.
    if (Status done = open_intake(); !done)
        base::log::warn("intake of container={}: {}", id, done.error().message());
    return log;
}

Task<Result<bool>> stopped(Task<Status> waiting) {
    CO_TRY_DO(co_await std::move(waiting));
    co_return true;
}

}  // namespace

Task<Status> Containers::start(ContainerPtr container) {
    CO_TRY(auto lock, co_await container->changing.lock());
    if (container->removed)
        co_return Error(Kind::missing, fmt::format("No such container: {}", container->id()));
    if (container->removing || container->dead)
        co_return Error(Kind::conflict, "container is marked for removal and cannot be started");
    if (container->paused)
        co_return Error(Kind::conflict, "cannot start a paused container, try unpause instead");
    // Also one that waits for its next run: it is stopped before it can be started by hand.
    if (container->is_active()) co_return Error(Kind::unchanged, "container is already running");
    container->record.restart_count = 0;
    container->backoff = loop::Milliseconds(0);
    co_return co_await shield(start_locked(container));
}

// `changing` is held by the caller.
Task<Status> Containers::start_locked(ContainerPtr container) {
    container->stop_requested = false;
    container->record.stopped_by_user = false;
    Result<run::Started> started = co_await launch(container);
    if (started) co_return co_await began(container, std::move(*started));
    Error failed = started.error();
    container->record.error = failed.message();
    container->record.exit_code = start_failure_code(failed.message(), 128);
    Status kept = co_await commit(*container);
    if (!kept) base::log::error("container={}: {}", container->id(), kept.error().message());
    if (container->record.host_config.auto_remove && !container->removing) {
        remove_soon(container);
    }
    container->changed.wake_all();
    co_return failed;
}

// Everything but the shim's part, and what a failure has to undo.
Task<Result<run::Started>> Containers::launch(ContainerPtr container) {
    CO_TRY(LaunchPlan plan, co_await plan_launch(container));
    Result<Launch> ready = co_await parts_.workers.run(loop::Lane::heavy, prepare_launch,
                                                       std::move(plan), &parts_.cgroups);
    Error failed(Kind::internal, "");
    if (ready) {
        container->cgroup = std::move(ready->cgroup);
        container->oom_kills = 0;
        Result<run::Started> started = co_await parts_.shim.start(std::move(ready->prepared));
        if (started) co_return started;
        failed = started.error();
    } else {
        failed = ready.error();
    }
    co_await clean_up_run(container, Fd());
    co_return failed;
}

Task<Result<LaunchPlan>> Containers::plan_launch(ContainerPtr container) {
    const wire::HostConfig& host = container->record.host_config;
    LaunchPlan plan;
    CO_TRY(plan.mounts, user_mounts(host));
    CO_TRY(plan.lowers, parts_.images.layer_paths(container->record.diff_ids));
    plan.folder = plan.etc_folder = folder_of(*container);
    plan.cgroup_path = cgroup_path(container->record);
    plan.settings = settings_;
    plan.hostname = container->record.config.hostname;
    if (plan.hostname.empty()) plan.hostname = host_name();
    auto running_target = [&](std::string_view mode, const char* what) -> Result<ContainerPtr> {
        TRY(ContainerPtr target, find(mode.substr(std::string_view("container:").size())));
        if (target->running) return target;
        return Error(Kind::conflict, fmt::format("cannot join {} of a non running container: {}",
                                                 what, target->id()));
    };
    if (host.pid_mode.starts_with("container:")) {
        CO_TRY(ContainerPtr target, running_target(host.pid_mode, "PID"));
        plan.pid_of = target->pid;
    }
    if (host.network_mode.starts_with("container:")) {
        CO_TRY(ContainerPtr target, running_target(host.network_mode, "network"));
        plan.network_of = target->pid;
        plan.etc_folder = folder_of(*target);
        plan.record = container->record;
        co_return plan;
    }
    std::optional<EndpointRecord> endpoint;
    if (host.network_mode == "host") {
        plan.host_network = true;
    } else if (host.network_mode == "none" || container->record.config.network_disabled) {
        CO_TRY(plan.network_namespace, co_await parts_.network.isolated());
    } else if (host.network_mode == "bridge" && parts_.network.has_bridge()) {
        std::string mac = container->record.config.mac_address;
        for (const auto& [name, settings] : container->record.networking_config.endpoints_config)
            if (!settings.mac_address.empty()) mac = settings.mac_address;
        CO_TRY(Attachment attached, co_await parts_.network.attach(std::move(mac)));
        plan.network_namespace = std::move(attached.network_namespace);
        container->record.endpoint = std::move(attached.endpoint);
        publish_network(*container, "connect");
        Status published =
            co_await parts_.network.publish(container->record, *container->record.endpoint);
        if (!published) {
            co_await clean_up_run(container, Fd());
            co_return published.error();
        }
        endpoint = container->record.endpoint;
    } else {
        co_return Error(Kind::missing, fmt::format("network {} not found", host.network_mode));
    }
    Result<Network::Files> files = co_await parts_.network.files(container->record, plan.hostname,
                                                                 endpoint ? &*endpoint : nullptr);
    if (!files) {
        co_await clean_up_run(container, Fd());
        co_return files.error();
    }
    plan.hosts = std::move(files->hosts);
    plan.resolv_conf = std::move(files->resolv_conf);
    plan.record = container->record;
    co_return plan;
}

Task<Result<std::optional<Console::Log>>> Containers::open_log_writer(const Container& container,
                                                                      bool found) {
    if (log_path(container).empty()) co_return std::optional<Console::Log>();
    CO_TRY(LogLimits limits, log_limits(container.record.host_config.log_config.config));
    store::LogOptions options;
    options.bytes_max = limits.bytes_max;
    options.files_max = limits.files_max;
    co_return co_await parts_.workers.run(loop::Lane::quick, open_for_writing, folder_of(container),
                                          container.id(), std::move(options), parts_.intakes,
                                          found);
}

// It runs. From here on failures are told, but the container stays.
Task<Status> Containers::began(ContainerPtr container, run::Started started) {
    auto log = co_await open_log_writer(*container, false);
    if (!log)
        base::log::error("container output is not logged container={}: {}", container->id(),
                         log.error().message());
    container->running = true;
    container->restarting = false;
    container->pid = started.pid;
    container->pidfd = std::move(started.pidfd);
    container->console.open(std::move(started.console), container->record.config.tty,
                            log ? std::move(*log) : std::optional<Console::Log>());
    ContainerRecord& record = container->record;
    record.running = record.started = true;
    record.pid = started.pid;
    record.process_mark = run::process_mark(started.pid);
    record.started_at = base::now();
    record.exit_code = 0;
    record.error.clear();
    record.oom_killed = false;
    begin_health(record.health, record.config);
    Status kept = co_await commit(*container);
    publish(*container, "start");
    run_changed(container);
    container->changed.wake_all();
    watch_oom(container);
    co_return kept;
}

void Containers::run_changed(const ContainerPtr& container) {
    bool looked_at = container->running && !container->paused;
    if (!looked_at) leave_health(container->record.health);
    if (run_follower_) run_follower_->run_changed(container);
}

Status Containers::send(Container& container, int signal) {
    if (!container.running || !container.pidfd) return not_running(container);
    Status sent = run::send_signal(container.pidfd, signal);
    if (!sent && sent.error().kind() == Kind::missing) return not_running(container);
    return sent;
}

void Containers::cancel_restart(Container& container) {
    container.restart_alarm.reset();
    if (!container.restarting) return;
    container.restarting = false;
    container.changed.wake_all();
}

Task<Status> Containers::wait_until_stopped(ContainerPtr container) {
    while (container->running)
        CO_TRY_DO(co_await container->changed.wait());
    co_return Status();
}

Task<Status> Containers::kill(ContainerPtr container, int signal) {
    if (!container->is_active()) co_return not_running(*container);
    int stop_signal = SIGTERM;
    if (auto own = parse_signal(container->record.config.stop_signal); own) stop_signal = *own;
    bool to_end = signal == SIGKILL || signal == stop_signal;
    // Between two runs there is no process: what counts is that there will be no next run.
    if (container->restarting)
        co_return to_end ? co_await shield(end_of(container, StopOrder())) : Status();
    if (to_end) container->stop_requested = true;
    container->record.stopped_by_user = !shutting_down_;
    Status sent = co_await deliver(container, signal);
    if (!sent) co_return sent;
    publish(*container, "kill", {{"signal", std::to_string(signal)}});
    // `unless-stopped` asks for this also after a power cut.
    co_await shield([](Containers* self, ContainerPtr stopped) -> Task<void> {
        Status kept = co_await self->commit(*stopped);
        if (!kept) base::log::error("container={}: {}", stopped->id(), kept.error().message());
    }(this, container));
    if (signal == SIGKILL) CO_TRY_DO(co_await wait_until_stopped(container));
    co_return Status();
}

Task<Status> Containers::stop(ContainerPtr container, StopOrder order) {
    if (!container->is_active()) co_return Error(Kind::unchanged, "container is already stopped");
    CO_TRY_DO(co_await shield(end_of(container, std::move(order))));
    publish(*container, "stop");
    co_return Status();
}

// Signal, patience, SIGKILL. Also ends the wait for a restart.
Task<Status> Containers::end_of(ContainerPtr container, StopOrder order) {
    if (container->restarting) {
        cancel_restart(*container);
        container->record.stopped_by_user = !shutting_down_;
        co_return co_await commit(*container);
    }
    std::string name = order.signal.empty() ? container->record.config.stop_signal : order.signal;
    CO_TRY(int signal, name.empty() ? Result<int>(SIGTERM) : parse_signal(name));
    std::int64_t patience = order.timeout_s.value_or(
        container->record.config.stop_timeout.value_or(settings_.stop_timeout_s));
    container->stop_requested = true;
    container->record.stopped_by_user = !shutting_down_;
    CO_TRY_DO(co_await commit(*container));
    if (patience != 0) {
        Status sent = co_await deliver(container, signal);
        if (!sent && container->running) co_return sent;
        if (sent) publish(*container, "kill", {{"signal", std::to_string(signal)}});
        constexpr std::int64_t for_ever_s = std::int64_t(100) * 365 * 24 * 3600;
        if (patience < 0 || patience > for_ever_s)
            co_return co_await wait_until_stopped(container);
        auto ended = co_await loop::within(parts_.loop, std::chrono::seconds(patience),
                                           stopped(wait_until_stopped(container)));
        if (ended) co_return Status();
    }
    Status killed = co_await deliver(container, SIGKILL);
    if (killed) publish(*container, "kill", {{"signal", std::to_string(SIGKILL)}});
    co_return co_await wait_until_stopped(container);
}

Task<Status> Containers::restart(ContainerPtr container, StopOrder order) {
    if (container->removing || container->removed)
        co_return Error(Kind::conflict, "container is marked for removal and cannot be started");
    if (container->is_active()) {
        container->kept = true;
        Status ended = co_await shield(end_of(container, std::move(order)));
        container->kept = false;
        if (!ended) co_return ended;
        publish(*container, "stop");
    }
    Status started = co_await shield(start(container));
    if (!started && started.error().kind() != Kind::unchanged) co_return started;
    publish(*container, "restart");
    co_return Status();
}

}  // namespace engine
