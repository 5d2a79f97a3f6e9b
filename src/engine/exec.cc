// The index of execs, create, find, resize. How they start and end: exec_run.cc.
#include "engine/exec.h"

#include "base/hex.h"
#include "base/log.h"
#include "codec/json.h"
#include "engine/exec_launch.h"
#include "engine/kept_files.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

namespace {

constexpr loop::Milliseconds kept_after_end = std::chrono::minutes(5);
constexpr loop::Milliseconds start_wait_max = std::chrono::seconds(10);
// In the index, with those that have ended: what one misbehaving client can pile up.
constexpr std::size_t execs_max = 8192;

Error no_such(const std::string& id) {
    return Error(Kind::missing, fmt::format("No such exec instance: {}", id));
}

// Whether an exec can run in it now.
Status check_runs(const Container& container) {
    if (container.restarting) return is_restarting(container);
    if (!container.running || !container.cgroup) return not_running(container);
    if (container.paused)
        return Error(Kind::conflict,
                     fmt::format("container {} is paused, unpause the container before exec",
                                 container.id()));
    return {};
}

loop::Milliseconds clock_now() {
    return std::chrono::duration_cast<loop::Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

Task<Result<bool>> launched(ExecPtr exec) {
    while (!exec->launched)
        CO_TRY_DO(co_await exec->changed.wait());
    co_return true;
}

}  // namespace

Execs::Execs(ExecParts parts) : parts_(std::move(parts)), work_(parts_.loop) {
    parts_.containers.set_side_processes(std::string(exec_prefix), *this);
}

Execs::~Execs() = default;

Task<Status> Execs::load() {
    CO_TRY(std::vector<ExecRecord> records,
           co_await parts_.workers.run(loop::Lane::quick, read_execs, parts_.folder));
    for (ExecRecord& record : records) {
        std::string id = record.id;
        std::string folder = parts_.containers.folder_of(record.container_id);
        auto exec = std::make_shared<Exec>(parts_.loop, parts_.workers, std::move(record),
                                           std::move(folder));
        exec->launched = exec->record.started;
        by_id_.emplace(std::move(id), std::move(exec));
    }
    co_return Status();
}

void Execs::settle() {
    constexpr int unknown_code = 255;
    std::vector<std::string> gone;
    for (const auto& [id, exec] : by_id_) {
        auto container = parts_.containers.find(exec->record.container_id);
        bool ended = exec->record.exit_code.has_value();
        if (!container || (!ended && !exec->record.started && !(*container)->running))
            gone.push_back(id);
        else if (ended)
            finished_.emplace_back(clock_now(), id);
        else if (exec->record.started && !exec->running)
            finish(*exec, unknown_code, base::now());  // the shim had died as well
    }
    for (const std::string& id : gone)
        forget(id);
    plan_sweep();
}

Task<void> Execs::close() {
    sweep_.reset();
    co_await work_.close();
    for (const auto& [id, exec] : by_id_)
        co_await exec->console.abandon();
}

Result<ExecPtr> Execs::find(const std::string& id) const {
    auto at = by_id_.find(id);
    if (at == by_id_.end()) return no_such(id);
    auto container = parts_.containers.find(at->second->record.container_id);
    if (!container) return no_such(id);
    return at->second;
}

Result<ExecPtr> Execs::find_running(const std::string& id) const {
    TRY(ExecPtr exec, find(id));
    TRY(ContainerPtr container, parts_.containers.find(exec->record.container_id));
    TRY_DO(check_runs(*container));
    return exec;
}

Task<Result<std::string>> Execs::create(ContainerPtr container, wire::ExecConfig config,
                                        bool check) {
    // Also of an image's healthcheck, which nobody has looked at.
    CO_TRY_DO(check_command(config));
    CO_TRY_DO(check_runs(*container));
    if (by_id_.size() >= execs_max && !finished_.empty()) forget(finished_.front().second);
    if (by_id_.size() >= execs_max)
        co_return Error(Kind::unavailable, fmt::format("too many exec instances: {}", execs_max));
    ExecRecord record;
    record.id = base::random_id();
    record.container_id = container->id();
    record.config = std::move(config);
    record.check = check;
    std::string id = record.id;
    auto exec = std::make_shared<Exec>(parts_.loop, parts_.workers, std::move(record),
                                       parts_.containers.folder_of(*container));
    by_id_.emplace(id, exec);
    Status kept = co_await shield(keep(*exec));
    if (!kept) {
        by_id_.erase(id);
        co_return kept.error();
    }
    publish(*exec, "exec_create");
    co_return id;
}

Task<Status> Execs::resize(ExecPtr exec, unsigned height, unsigned width) {
    auto started = co_await loop::within(parts_.loop, start_wait_max, launched(exec));
    if (!started && started.error().kind() == Kind::timeout)
        co_return Error(Kind::internal, "timeout waiting for exec session ready");
    if (!started) co_return started.error();
    if (!exec->running) co_return Error(Kind::invalid, "exec process is not started");
    // As with Docker, a process without a terminal has any size.
    if (exec->record.config.tty) co_return exec->console.resize(height, width);
    co_return Status();
}

std::vector<std::string> Execs::ids_of(const std::string& container_id) const {
    std::vector<std::string> ids;
    for (const auto& [id, exec] : by_id_)
        if (exec->record.container_id == container_id && !exec->record.exit_code) ids.push_back(id);
    return ids;
}

void Execs::run_over(const std::string& container_id) {
    std::vector<std::string> gone;
    for (const auto& [id, exec] : by_id_)
        if (exec->record.container_id == container_id && !exec->record.started) gone.push_back(id);
    for (const std::string& id : gone)
        forget(id);
}

Task<Status> Execs::keep(Exec& exec) {
    return parts_.workers.run(
        loop::Lane::quick,
        [](std::string folder, std::string id, std::string json) {
            return write_kept(folder, id, json);
        },
        parts_.folder, exec.id(), json::write(exec.record));
}

void Execs::finish(Exec& exec, std::int64_t code, Time at) {
    exec.record.exit_code = code;
    exec.record.ended_at = at;
    exec.running = false;
    exec.launched = true;
    exec.changed.wake_all();
    finished_.emplace_back(clock_now(), exec.id());
    plan_sweep();
}

// Its file goes later: one that is left over names an exec nobody can ask for, and goes with time.
void Execs::forget(const std::string& id) {
    std::erase_if(finished_, [&](const auto& one) { return one.second == id; });
    by_id_.erase(id);
    work_.spawn([](Execs* self, std::string name) -> Task<void> {
        (void)co_await shield(self->parts_.workers.run(
            loop::Lane::quick,
            [](std::string folder, std::string gone) { return drop_kept(folder, gone); },
            self->parts_.folder, name));
    }(this, id));
}

void Execs::plan_sweep() {
    if (sweep_ || finished_.empty()) return;
    loop::Milliseconds due = finished_.front().first + kept_after_end;
    loop::Milliseconds left = std::max(due - clock_now(), loop::Milliseconds(1));
    sweep_.emplace(parts_.loop, left, [this] {
        work_.spawn([](Execs* self) -> Task<void> {
            self->sweep_.reset();
            while (!self->finished_.empty() &&
                   self->finished_.front().first + kept_after_end <= clock_now()) {
                std::string id = self->finished_.front().second;
                self->forget(id);
            }
            self->plan_sweep();
            co_return;
        }(this));
    });
}

void Execs::publish(const Exec& exec, const std::string& action, wire::StringMap more) {
    auto container = parts_.containers.find(exec.record.container_id);
    if (!container) return;
    std::string text = action;
    if (action == "exec_create" || action == "exec_start") {
        const wire::Words& cmd = exec.record.config.cmd;
        text += fmt::format(": {} {}", cmd[0], fmt::join(cmd.begin() + 1, cmd.end(), " "));
    }
    more["execID"] = exec.id();
    parts_.containers.publish(**container, std::move(text), std::move(more));
}

}  // namespace engine
