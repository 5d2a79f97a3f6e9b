#include "engine/exec_launch.h"

#include "engine/kept_files.h"
#include "engine/launch.h"
#include "run/pidfd.h"
#include "run/user.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>

namespace engine {

namespace {

// The container's root as its processes see it, mounts and all. The number cannot have been given
// to another process when the pidfd is still alive afterwards.
Result<Fd> root_of(pid_t pid, const Fd& pidfd) {
    std::string path = fmt::format("/proc/{}/root", pid);
    Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return base::errno_error(errno, "open " + path);
    if (run::process_ended(pidfd)) return Error(Kind::conflict, "the container has ended");
    return root;
}

}  // namespace

Result<ExecPlan> plan_exec(const ExecRecord& exec, const ContainerRecord& container,
                           const std::string& hostname, const ContainerSettings& settings,
                           sys::Cgroup cgroup) {
    const wire::HostConfig& host = container.host_config;
    const wire::ExecConfig& config = exec.config;
    run::Process process;
    process.args.assign(config.cmd.begin(), config.cmd.end());
    process.env = environment_of(container.config.env, config.tty, hostname);
    merge_environment(process.env, config.env);
    process.cwd = config.working_dir.empty() ? container.config.working_dir : config.working_dir;
    if (process.cwd.empty()) process.cwd = "/";
    process.terminal = config.tty;
    process.open_stdin = config.attach_stdin;
    if (host.oom_score_adj != 0) process.oom_score_adj = static_cast<int>(host.oom_score_adj);
    TRY(process.rlimits, rlimits_of(host));
    TRY(Security security, security_of(host, settings));
    process.no_new_privileges = security.no_new_privileges;
    std::string user = config.user.empty() ? container.config.user : config.user;
    return ExecPlan{std::move(process),
                    exec.id,
                    container.id,
                    std::move(user),
                    host.group_add,
                    std::move(security),
                    config.privileged,
                    Fd(),
                    0,
                    std::move(cgroup),
                    "",
                    ""};
}

Result<run::Prepared> prepare_exec_launch(ExecPlan plan, const sys::CgroupHost* cgroups) {
    TRY_DO(write_kept(plan.folder, plan.id, plan.record_json));
    {
        TRY(Fd root, root_of(plan.pid, plan.pidfd));
        TRY(plan.process.user, run::resolve_user(root, plan.user, plan.group_add));
    }
    // --privileged gives capabilities and nothing else: the container's filter stays.
    std::uint64_t mask = plan.privileged ? run::all_capabilities() : plan.security.capabilities;
    plan.process.capabilities = run::capabilities_for(mask, plan.process.user.uid);
    TRY(std::string filter, seccomp_filter(plan.security));
    return run::prepare_exec(std::string(exec_prefix) + plan.id, plan.container_id,
                             std::move(plan.process), std::move(filter), std::move(plan.pidfd),
                             *cgroups, plan.cgroup);
}

}  // namespace engine
