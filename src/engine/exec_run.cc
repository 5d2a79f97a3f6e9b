// How an exec starts, what its client sees, and what follows its end.
#include "base/log.h"
#include "codec/detach_keys.h"
#include "engine/console_client.h"
#include "engine/exec.h"
#include "engine/exec_launch.h"
#include "engine/launch.h"
#include "engine/system.h"
#include "run/pidfd.h"

#include <csignal>
#include <fmt/format.h>

namespace engine {

namespace {

std::string shim_name(const Exec& exec) {
    return std::string(exec_prefix) + exec.id();
}

// A start that has begun is one that happens.
Status claim(Exec& exec) {
    if (exec.record.exit_code)
        return Error(Kind::conflict,
                     fmt::format("Error: Exec command {} has already run", exec.id()));
    if (exec.record.started)
        return Error(Kind::conflict,
                     fmt::format("Error: Exec command {} is already running", exec.id()));
    exec.record.started = true;
    return {};
}

run::ConsoleSize window(const wire::ConsoleSize& size) {
    run::ConsoleSize out;
    if (size.size() != 2) return out;
    out.height = static_cast<std::uint16_t>(size[0]);
    out.width = static_cast<std::uint16_t>(size[1]);
    return out;
}

}  // namespace

Task<Result<run::Started>> Execs::launch(ExecPtr exec, ContainerPtr container,
                                         wire::ConsoleSize size) {
    std::string hostname = container->record.config.hostname;
    if (hostname.empty()) hostname = host_name();
    if (!container->running || !container->cgroup) co_return not_running(*container);
    CO_TRY(ExecPlan plan, plan_exec(exec->record, container->record, hostname,
                                    parts_.containers.settings(), *container->cgroup));
    plan.process.console_size = window(size.size() == 2 ? size : exec->record.config.console_size);
    CO_TRY(plan.pidfd, container->pidfd.duplicate());
    plan.pid = container->pid;
    plan.folder = parts_.folder;
    plan.record_json = json::write(exec->record);
    CO_TRY(run::Prepared prepared,
           co_await parts_.workers.run(loop::Lane::heavy, prepare_exec_launch, std::move(plan),
                                       &parts_.cgroups));
    co_return co_await parts_.shim.start(std::move(prepared));
}

Task<Status> Execs::start(ExecPtr exec, wire::ConsoleSize size) {
    CO_TRY_DO(claim(*exec));
    CO_TRY(ContainerPtr container, parts_.containers.find(exec->record.container_id));
    publish(*exec, "exec_start");
    Result<run::Started> started =
        co_await shield(launch(exec, std::move(container), std::move(size)));
    if (!started) {
        co_await shield(failed(exec, started.error().message()));
        co_return started.error();
    }
    exec->running = exec->launched = true;
    exec->pid = started->pid;
    exec->pidfd = std::move(started->pidfd);
    exec->console.open(std::move(started->console), exec->record.config.tty, std::nullopt);
    exec->changed.wake_all();
    co_return Status();
}

Task<void> Execs::failed(ExecPtr exec, std::string message) {
    constexpr std::int64_t not_executable = 126;
    finish(*exec, start_failure_code(message, not_executable), base::now());
    Status kept = co_await keep(*exec);
    if (!kept) base::log::error("exec={}: {}", exec->id(), kept.error().message());
}

Task<void> Execs::input_ended(ExecPtr exec) {
    if (exec->console.close_stdin()) parts_.shim.close_stdin(shim_name(*exec));
    co_return;
}

Task<Status> Execs::start_attached(ExecPtr exec, wire::ConsoleSize size, bool framed,
                                   Stream& client) {
    const wire::ExecConfig& config = exec->record.config;
    auto viewer = exec->console.view(config.attach_stdout, config.attach_stderr);
    // The client may go while the process starts: it starts all the same.
    Status started = co_await shield(start(exec, std::move(size)));
    if (!started) {
        viewer->leave();
        std::string text = started.error().message() + "\r\n";
        co_return co_await send_output(client, framed, codec::Stdio::out, Slice::copy_of(text));
    }
    ClientOptions options{.in = config.attach_stdin, .framed = framed, .terminal = config.tty};
    // Keys that do not parse were refused at create.
    if (auto keys = codec::parse_detach_keys(config.detach_keys)) options.detach_keys = *keys;
    ConsoleClient session(parts_.loop, exec->console, viewer, std::move(options),
                          [this, exec] { return input_ended(exec); });
    Status ended = co_await session.run(client);
    viewer->leave();
    if (session.detached()) publish(*exec, "exec_detach");
    co_return ended;
}

void Execs::ended(run::Ended ended) {
    auto at = by_id_.find(ended.id.substr(exec_prefix.size()));
    if (at == by_id_.end()) {
        parts_.shim.acknowledge(ended.id);
        return;
    }
    work_.spawn(shield(record_end(at->second, std::move(ended))));
}

// Clients ask for the code when the stream has ended, and the shim forgets it: it is kept first.
Task<void> Execs::record_end(ExecPtr exec, run::Ended ended) {
    // The shim told of the start before the end, but who asked for the start may not have run yet.
    while (!exec->launched)
        (void)co_await exec->changed.wait();
    finish(*exec, ended.exit.code, ended.exit.time);
    Status kept = co_await keep(*exec);
    if (!kept) base::log::error("exec={}: {}", exec->id(), kept.error().message());
    parts_.shim.acknowledge(ended.id);
    co_await exec->console.drain();
    exec->pidfd.reset();
    publish(*exec, "exec_die", {{"exitCode", std::to_string(ended.exit.code)}});
}

// What it put out meanwhile was for a client that has gone with the daemon.
Task<void> Execs::adopt(run::Adopted adopted) {
    auto at = by_id_.find(adopted.id.substr(exec_prefix.size()));
    if (at == by_id_.end()) {
        // A check of its health has children, too.
        if (adopted.pidfd) (void)run::send_signal_to_group(adopted.pidfd, SIGKILL);
        if (adopted.ended) parts_.shim.acknowledge(adopted.id);
        co_return;
    }
    ExecPtr exec = at->second;
    exec->record.started = exec->launched = exec->running = true;
    exec->pid = adopted.pid;
    exec->pidfd = std::move(adopted.pidfd);
    if (adopted.spool) (void)::ftruncate(adopted.spool.get(), 0);
    exec->console.open(std::move(adopted.console), exec->record.config.tty, std::nullopt);
    if (!adopted.ended) co_return;
    run::Ended ended;
    ended.id = adopted.id;
    ended.exit = adopted.exit;
    co_await record_end(exec, std::move(ended));
}

std::optional<run::Console> Execs::lend(std::string_view name) {
    auto at = by_id_.find(std::string(name.substr(exec_prefix.size())));
    if (at == by_id_.end() || !at->second->running) return std::nullopt;
    return at->second->console.lend();
}

}  // namespace engine
