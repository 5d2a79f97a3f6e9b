#include "engine/health.h"

#include "base/log.h"
#include "codec/json.h"
#include "engine/kept_files.h"
#include "run/pidfd.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace engine {

namespace {

constexpr std::size_t record_bytes_max = 1024 * 1024;
// For a check that was killed to be gone.
constexpr loop::Milliseconds kill_patience = std::chrono::seconds(10);

constexpr json::Field record_fields[] = {
    json::field<&HealthRecord::id>("Id"),
    json::field<&HealthRecord::started_at>("StartedAt"),
    json::field<&HealthRecord::health>("Health"),
};
constinit const json::Table record_table{record_fields};

loop::Milliseconds rounded_up(std::int64_t ns) {
    return std::chrono::ceil<loop::Milliseconds>(std::chrono::nanoseconds(ns));
}

Result<std::vector<HealthRecord>> read_records(const std::string& folder) {
    std::vector<HealthRecord> out;
    TRY(std::vector<KeptFile> files, read_kept(folder, record_bytes_max));
    for (const KeptFile& file : files) {
        auto record = json::read<HealthRecord>(file.text);
        if (record && record->id == file.name)
            out.push_back(std::move(*record));
        else
            TRY_DO(drop_kept(folder, file.name));
    }
    return out;
}

Task<Result<bool>> read_output(std::shared_ptr<Viewer> viewer, ProbeOutput& output) {
    for (;;) {
        auto next = co_await viewer->next();
        if (!next && next.error().kind() == Kind::missing) co_return true;
        if (!next) co_return next.error();
        output.add(next->bytes.view());
    }
}

Task<Result<bool>> until_ended(ExecPtr exec) {
    while (exec->running)
        CO_TRY_DO(co_await exec->changed.wait());
    co_return true;
}

Task<void> under(std::shared_ptr<loop::Stop> stop, Task<void> task) {
    co_await loop::with_stop(*stop, std::move(task));
}

}  // namespace

const json::Table& json_table(const HealthRecord*) {
    return record_table;
}

Healthchecks::Healthchecks(Containers& containers, Execs& execs, std::string folder)
    : containers_(containers), execs_(execs), folder_(std::move(folder)), work_(containers.loop()) {
    containers_.set_run_follower(*this);
}

Task<Status> Healthchecks::load() {
    CO_TRY(std::vector<HealthRecord> records,
           co_await containers_.workers().run(loop::Lane::quick, read_records, folder_));
    for (HealthRecord& record : records) {
        std::string id = record.id;
        kept_.emplace(std::move(id), std::move(record));
    }
    co_return Status();
}

Task<void> Healthchecks::close() {
    closed_ = true;
    return work_.close();
}

void Healthchecks::run_changed(const ContainerPtr& container) {
    auto probe = probe_of(container->record.config);
    if (!probe || closed_) return;
    if (!container->running || container->paused) {
        stop_watching(container->id());
        if (!container->running) work_.spawn(shield(drop(container->id())));
        return;
    }
    if (watched_.contains(container->id())) return;
    auto stop = std::make_shared<loop::Stop>(&work_.stop());
    watched_.emplace(container->id(), stop);
    std::int64_t first = take_up(*container, *probe);
    work_.spawn(under(std::move(stop), watch(container, std::move(*probe), first)));
}

void Healthchecks::stop_watching(const std::string& id) {
    auto at = watched_.find(id);
    if (at == watched_.end()) return;
    at->second->request();
    watched_.erase(at);
}

// What was known of this run before the engine was killed, and how long it is to its next check.
std::int64_t Healthchecks::take_up(Container& container, const Probe& probe) {
    ContainerRecord& record = container.record;
    if (auto at = kept_.find(container.id()); at != kept_.end()) {
        if (at->second.started_at == record.started_at)
            record.health = std::move(at->second.health);
        kept_.erase(at);
    }
    if (!record.health) begin_health(record.health, record.config);
    Time now = base::now();
    std::int64_t wait = interval_of(probe, *record.health, record.started_at, now);
    // Checks of a run before stand in the log as well.
    Time last = record.started_at;
    if (!record.health->log.empty()) last.ns = std::max(last.ns, record.health->log.back().end.ns);
    return std::clamp<std::int64_t>(last.ns + wait - now.ns, 0, wait);
}

Task<void> Healthchecks::watch(ContainerPtr container, Probe probe, std::int64_t first_ns) {
    std::int64_t wait_ns = first_ns;
    for (;;) {
        if (!co_await loop::sleep(containers_.loop(), rounded_up(wait_ns))) co_return;
        auto result = co_await check(container, probe);
        ContainerRecord& record = container->record;
        if (!result || !record.health) co_return;
        bool changed = take_result(probe, *record.health, std::move(*result), record.started_at);
        co_await shield(keep(*container));
        if (changed) containers_.publish(*container, "health_status: " + record.health->status);
        wait_ns = interval_of(probe, *record.health, record.started_at, base::now());
    }
}

Task<Result<wire::HealthResult>> Healthchecks::check(ContainerPtr container, const Probe& probe) {
    wire::HealthResult result;
    result.start = base::now();
    Result<Outcome> outcome = co_await run_check(container, probe);
    if (!outcome && outcome.error().kind() == Kind::cancelled) co_return outcome.error();
    if (!container->running) co_return Error(Kind::cancelled, "the container has ended");
    result.end = base::now();
    constexpr std::int64_t could_not = -1;
    result.exit_code = outcome ? outcome->code : could_not;
    result.output = outcome ? std::move(outcome->output) : outcome.error().message();
    co_return result;
}

Task<Result<Healthchecks::Outcome>> Healthchecks::run_check(ContainerPtr container,
                                                            const Probe& probe) {
    wire::ExecConfig config;
    config.cmd.assign(probe.command.begin(), probe.command.end());
    config.attach_stdout = config.attach_stderr = true;
    CO_TRY(std::string id, co_await execs_.create(container, std::move(config), true));
    CO_TRY(ExecPtr exec, execs_.find(id));
    auto viewer = exec->console.view(true, true);
    Status started = co_await shield(execs_.start(exec, {}));
    Result<Outcome> outcome = Outcome();
    if (started)
        outcome = co_await follow(exec, viewer, probe);
    else
        outcome = started.error();
    viewer->leave();
    co_await shield(viewer->let_go());
    // Nobody asks for it any more, and one comes every few seconds.
    execs_.drop(*exec);
    co_return outcome;
}

// To its end, or to that of its time or of our interest: then it is killed, with what it started.
Task<Result<Healthchecks::Outcome>>
Healthchecks::follow(ExecPtr exec, std::shared_ptr<Viewer> viewer, const Probe& probe) {
    ProbeOutput output;
    auto whole = co_await loop::within(containers_.loop(), rounded_up(probe.timeout),
                                       read_output(viewer, output));
    if (exec->running) {
        (void)run::send_signal_to_group(exec->pidfd, SIGKILL);  // ended meanwhile is fine
        (void)co_await shield(loop::within(containers_.loop(), kill_patience, until_ended(exec)));
    } else if (exec->record.exit_code) {
        co_return Outcome{*exec->record.exit_code, output.text()};
    }
    if (whole || whole.error().kind() != Kind::timeout)
        co_return whole ? Error(Kind::internal, "healthcheck has no exit code") : whole.error();
    base::log::warn("health check took too long and was killed container={}",
                    exec->record.container_id);
    co_return Outcome{-1, timeout_text(probe, output.text())};
}

Task<void> Healthchecks::keep(const Container& container) {
    HealthRecord record{container.id(), container.record.started_at, *container.record.health};
    Status kept = co_await containers_.workers().run(
        loop::Lane::quick,
        [](std::string folder, std::string id, std::string json) {
            return write_kept(folder, id, json);
        },
        folder_, container.id(), json::write(record));
    if (!kept)
        base::log::error("health of container={}: {}", container.id(), kept.error().message());
}

Task<void> Healthchecks::drop(std::string id) {
    Status gone = co_await containers_.workers().run(
        loop::Lane::quick,
        [](std::string folder, std::string name) { return drop_kept(folder, name); }, folder_, id);
    if (!gone) base::log::error("health of container={}: {}", id, gone.error().message());
}

}  // namespace engine
