// The start and the end of the engine: what still runs is taken over, what ended meanwhile is
// recorded, and what should run is started.
#include "base/log.h"
#include "codec/json.h"
#include "engine/containers.h"
#include "engine/health_rules.h"
#include "engine/image_commit.h"
#include "engine/kept_files.h"
#include "run/pidfd.h"
#include "run/spool.h"
#include "sys/file.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

namespace engine {

namespace {

struct Kept {
    std::vector<ContainerRecord> records;
    std::vector<std::string> broken;
};

// Worker. Also removes folders of containers that have no record: their removal was answered, or
// their creation never was.
Result<Kept> read_records(store::Containers* containers, store::Folders* folders) {
    Kept kept;
    std::vector<std::string> known;
    TRY(std::vector<store::Record> all, containers->list());
    for (const store::Record& one : all) {
        known.push_back(one.key);
        auto record = json::read<ContainerRecord>(one.json);
        if (record && record->id == one.key)
            kept.records.push_back(std::move(*record));
        else
            kept.broken.push_back(one.key);
    }
    TRY(std::vector<std::string> names, folders->list_containers());
    for (const std::string& name : names)
        if (std::ranges::find(known, name) == known.end()) TRY_DO(folders->remove_container(name));
    return kept;
}

// Takes the shim's records one after the other: those that a killed daemon has logged are passed
// over, and what came within a blink is logged together, as a read of ours would have had it.
class SpooledOutput {
public:
    explicit SpooledOutput(Console::Log& log) : log_(log) {}

    Status add(int number_of_stream, std::string_view text, Time time) {
        if (number_of_stream == 0) return flush();
        auto stream = number_of_stream == 2 ? codec::LogStream::err : codec::LogStream::out;
        std::uint32_t number = numbers_[static_cast<std::size_t>(stream)]++;
        if (log_.intake && store::is_spooled(*log_.intake, stream, number, time)) return {};
        constexpr std::int64_t blink_ns = 10'000'000;
        bool apart = stream != stream_ || time.ns - first_.ns > blink_ns ||
                     bytes_.size() + text.size() > store::LogIntake::room_bytes;
        if (apart) TRY_DO(flush());
        if (bytes_.empty()) first_ = time;
        stream_ = stream;
        upto_ = {number + 1, time};
        bytes_ += text;
        return {};
    }

private:
    Status flush() {
        if (bytes_.empty()) return {};
        Status done = log_.intake
                          ? store::log_spooled(log_.writer, *log_.intake, stream_, upto_, bytes_,
                                               first_)
                          : log_.writer.append(stream_, bytes_, first_);
        bytes_.clear();
        return done;
    }

    Console::Log& log_;
    std::array<std::uint32_t, 2> numbers_{};
    codec::LogStream stream_ = codec::LogStream::out;
    std::string bytes_;
    Time first_;
    store::LogIntake::Spooled upto_;
};

Result<bool> was_committing(std::string folder) {
    return ::access((folder + "/" + committing_name).c_str(), F_OK) == 0;
}

}  // namespace

Task<Status> Containers::load() {
    CO_TRY(Kept kept, co_await parts_.workers.run(loop::Lane::quick, read_records, &parts_.records,
                                                  &parts_.store.folders()));
    for (const std::string& id : kept.broken)
        base::log::error("record of a container is unreadable, it is left out container={}", id);
    for (ContainerRecord& record : kept.records) {
        std::string id = record.id;
        ids_by_name_.emplace(record.name, id);
        std::string folder = parts_.store.folders().container_path(record.id);
        auto container = std::make_shared<Container>(parts_.loop, parts_.workers, std::move(record),
                                                     std::move(folder));
        by_id_.emplace(std::move(id), std::move(container));
    }
    for (run::Adopted& adopted : parts_.shim.take_adopted())
        co_await adopt(std::move(adopted));
    parts_.shim.lend_with([this](const std::string& id) -> std::optional<run::Console> {
        if (SideProcesses* side = side_processes_of(id)) return side->lend(id);
        auto at = by_id_.find(id);
        if (at == by_id_.end()) return std::nullopt;
        return at->second->console.lend();
    });
    std::vector<EndpointRecord> links;
    for (const ContainerPtr& container : all()) {
        if (container->record.running && !container->running && !container->ending)
            if (!co_await found_again(container)) co_await lost(container);
        if (container->record.endpoint) links.push_back(*container->record.endpoint);
    }
    co_await parts_.network.sweep(std::move(links));
    co_await sweep_intakes();
    work_.spawn(loop::with_stop(following_, follow_shim()));
    co_return Status();
}

// A container that the shim held while no engine was there.
Task<void> Containers::adopt(run::Adopted adopted) {
    if (SideProcesses* side = side_processes_of(adopted.id))
        co_return co_await side->adopt(std::move(adopted));
    auto at = by_id_.find(adopted.id);
    if (at == by_id_.end()) {
        // Started, but its record is gone: a removal was answered, or its create never was.
        base::log::warn("ending an unknown container={}", adopted.id);
        if (adopted.pidfd) (void)run::send_signal(adopted.pidfd, SIGKILL);  // gone is fine too
        if (adopted.ended) parts_.shim.acknowledge(adopted.id);
        co_return;
    }
    ContainerPtr container = at->second;
    ContainerRecord& record = container->record;
    auto cgroup = co_await parts_.workers.run(
        loop::Lane::quick,
        [](const sys::CgroupHost* host, std::string path) {
            return sys::Cgroup::open(*host, path);
        },
        &parts_.cgroups, cgroup_path(record));
    if (cgroup) {
        container->paused = cgroup->frozen();
        container->cgroup = std::move(*cgroup);
    }
    if (container->cgroup && record.oom_killed) {
        auto told = co_await parts_.workers.run(
            loop::Lane::quick, [](sys::Cgroup group) { return Result(group.oom_kills()); },
            *container->cgroup);
        if (told) container->oom_kills = *told;
    }
    if (record.endpoint) {
        Status taken = parts_.network.adopt(*record.endpoint);
        if (!taken)
            base::log::warn("address of container={}: {}", record.id, taken.error().message());
        if (!record.endpoint->ports.empty()) {
            taken = co_await parts_.network.adopt_ports(*record.endpoint);
            if (!taken)
                base::log::warn("ports of container={}: {}", record.id, taken.error().message());
        }
    }
    auto opened = co_await open_log_writer(*container, true);
    if (!opened)
        base::log::error("container output is not logged container={}: {}", record.id,
                         opened.error().message());
    std::optional<Console::Log> log;
    if (opened) log = std::move(*opened);
    if (adopted.spool && log) {
        SpooledOutput into(*log);
        Status spooled = co_await parts_.workers.run(
            loop::Lane::heavy, run::replay_spool, std::move(adopted.spool),
            run::SpoolSink([&into](int stream, std::string_view text, Time time) {
                return into.add(stream, text, time);
            }));
        if (!spooled)
            base::log::error("output of the meantime is lost container={}: {}", record.id,
                             spooled.error().message());
    }
    // The engine may have been killed between the start and its record.
    if (!record.running) {
        record.running = record.started = true;
        record.started_at = base::now();
    }
    record.pid = adopted.pid;
    record.process_mark = run::process_mark(adopted.pid);
    container->console.open(std::move(adopted.console), record.config.tty, std::move(log));
    container->pid = adopted.pid;
    container->pidfd = std::move(adopted.pidfd);
    container->running = true;
    if (!adopted.ended) {
        run_changed(container);
        base::log::info("container runs on container={}", record.id);
        watch_oom(container);
        co_return;
    }
    container->ending = true;
    run::Ended ended;
    ended.id = record.id;
    ended.exit = adopted.exit;
    co_await record_exit(container, std::move(ended));
    container->ending = false;
}

// Recorded as running, and no shim knows of it. When the shim and the engine both have died it may
// live all the same; its streams are gone with them.
Task<bool> Containers::found_again(ContainerPtr container) {
    const ContainerRecord& record = container->record;
    run::Adopted adopted;
    adopted.id = record.id;
    adopted.pid = static_cast<pid_t>(record.pid);
    adopted.pidfd = run::reopen_process(adopted.pid, record.process_mark);
    if (!adopted.pidfd) co_return false;
    auto copy = adopted.pidfd.duplicate();
    if (!copy) co_return false;
    base::log::warn("its output is lost, as the shim had died container={}", record.id);
    co_await adopt(std::move(adopted));
    Status held = co_await parts_.shim.foster(record.id, container->pid, std::move(*copy));
    if (!held) base::log::error("container={}: {}", record.id, held.error().message());
    co_return true;
}

// It has ended, and nobody saw how: the machine was off, or the shim and the engine had died.
Task<void> Containers::lost(ContainerPtr container) {
    constexpr int unknown_code = 255;
    ContainerRecord& record = container->record;
    record.running = false;
    leave_health(record.health);
    record.pid = 0;
    record.exit_code = unknown_code;
    record.finished_at = base::now();
    record.endpoint.reset();
    // What is left of it (its first process may be gone, others not) ends here.
    (void)co_await parts_.workers.run(
        loop::Lane::heavy,
        [](const sys::CgroupHost* host, std::string path) -> Status {
            auto left = sys::Cgroup::open(*host, path);
            if (!left) return {};
            TRY_DO(left->kill());
            return left->remove();
        },
        &parts_.cgroups, cgroup_path(record));
    Status kept = co_await commit(*container);
    if (!kept) base::log::error("container={}: {}", record.id, kept.error().message());
}

// Of containers that run no more.
Task<void> Containers::sweep_intakes() {
    std::vector<std::string> running;
    for (const auto& [id, container] : by_id_)
        if (container->running) running.push_back(id);
    Status swept = co_await parts_.workers.run(
        loop::Lane::quick,
        [](std::string folder, std::vector<std::string> kept) -> Status {
            TRY(Fd at, sys::open_folder(folder));
            TRY(std::vector<std::string> names, sys::list_names(at));
            for (const std::string& name : names)
                if (std::ranges::find(kept, name) == kept.end())
                    (void)::unlinkat(at.get(), name.c_str(), 0);
            return {};
        },
        parts_.intakes, std::move(running));
    if (!swept) base::log::warn("intakes: {}", swept.error().message());
}

bool Containers::restarts_at_boot(const Container& container) const {
    const ContainerRecord& record = container.record;
    // `on-failure` is about failures: one that was stopped did not fail. `always` starts it anyway.
    bool stopped = record.stopped_by_user && record.host_config.restart_policy.name == "on-failure";
    return record.started && !stopped && policy_restarts(record);
}

void Containers::begin_restarts() {
    for (const ContainerPtr& container : all()) {
        if (container->running) {
            // A commit may have been cut off, which had paused it.
            work_.spawn([](Containers* self, ContainerPtr frozen) -> Task<void> {
                std::string folder = self->folder_of(*frozen);
                auto cut = co_await self->workers().run(loop::Lane::quick, was_committing, folder);
                if (!cut || !*cut) co_return;
                (void)co_await self->unpause(frozen);  // not paused is fine
                (void)co_await self->workers().run(loop::Lane::quick, drop_kept, folder,
                                                   std::string(committing_name));
            }(this, container));
        }
        if (container->running) continue;
        if (container->record.removing ||
            (container->record.host_config.auto_remove && container->record.started)) {
            remove_soon(container);
        } else if (!container->restarting && restarts_at_boot(*container)) {
            container->restarting = true;
            work_.spawn(shield(restart_after_exit(container)));
        }
    }
}

// How long a container may take for its end when the engine ends, in seconds: what it asked for, else
// no longer than the daemon has patience. Negative: as long as it takes.
std::int64_t Containers::shutdown_patience(const Container& container) const {
    if (const auto& own = container.record.config.stop_timeout) return *own;
    std::int64_t usual = settings_.stop_timeout_s, most = settings_.shutdown_timeout_s;
    if (most < 0) return usual;
    return usual < 0 ? most : std::min(usual, most);
}

Task<void> Containers::stop_all() {
    shutting_down_ = true;
    // After its SIGKILL a process is gone within this, or hangs in the kernel.
    constexpr std::int64_t grace_s = 5, for_ever_s = std::int64_t(365) * 24 * 3600;
    std::int64_t limit_s = 0;
    Scope stopping(parts_.loop);
    for (const ContainerPtr& container : all()) {
        cancel_restart(*container);
        if (!container->running) continue;
        StopOrder order;
        order.timeout_s = shutdown_patience(*container);
        bool endless = *order.timeout_s < 0 || *order.timeout_s > for_ever_s;
        limit_s = std::max(limit_s, endless ? for_ever_s : *order.timeout_s + grace_s);
        stopping.spawn([](Containers* self, ContainerPtr running, StopOrder how) -> Task<void> {
            Status ended = co_await self->end_of(running, std::move(how));
            if (!ended)
                base::log::error("container={}: {}", running->id(), ended.error().message());
        }(this, container, std::move(order)));
    }
    auto all_stopped = [](Scope& scope) -> Task<Result<bool>> {
        co_await scope.join();
        co_return true;
    };
    auto ended = co_await loop::within(parts_.loop, std::chrono::seconds(limit_s),
                                       all_stopped(stopping));
    if (!ended) base::log::error("Force shutdown daemon: not all containers have ended");
    co_await stopping.close();
}

Task<void> Containers::close() {
    shutting_down_ = true;
    following_.request();
    for (const auto& [id, container] : by_id_) {
        container->restart_alarm.reset();
        container->changed.wake_all();
    }
    co_await work_.close();
    for (const auto& [id, container] : by_id_)
        co_await container->console.abandon();
}

}  // namespace engine
