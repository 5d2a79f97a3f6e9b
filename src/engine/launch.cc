#include "engine/launch.h"

#include "base/text.h"
#include "engine/file_view.h"
#include "engine/limits.h"
#include "engine/security.h"
#include "run/failure.h"
#include "run/user.h"
#include "sys/file.h"
#include "sys/mount.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace engine {

namespace {

Result<Fd> mount_root(const LaunchPlan& plan) {
    // All layers lie in one folder, which their short names are relative to.
    std::vector<std::string> names;
    std::string layers;
    for (const std::string& lower : plan.lowers) {
        std::size_t id_end = lower.rfind('/');
        std::size_t id_begin = lower.rfind('/', id_end - 1);
        layers = lower.substr(0, id_begin);
        names.push_back(lower.substr(id_begin + 1));
    }
    TRY_DO(ensure_folders(plan.folder, plan.lowers.empty() ? "" : plan.lowers.front()));
    TRY(Fd layers_folder, sys::open_folder(layers));
    TRY(Fd upper, sys::open_folder(plan.folder + "/upper"));
    TRY(Fd work, sys::open_folder(plan.folder + "/work"));
    return sys::mount_overlay(layers_folder, names, upper, work);
}

// What Docker's init layer adds to an image besides mount points: the mark by which programs tell
// that they are in a container, and the place where old ones look for mounts. Before the first
// start only: a container may remove them. What the image has is kept.
Status add_init_files(const Fd& root) {
    if (::mknodat(root.get(), ".dockerenv", S_IFREG | 0755, 0) != 0) {
        if (errno != EEXIST) return base::errno_error(errno, "/.dockerenv");
    } else if (::fchmodat(root.get(), ".dockerenv", 0755, 0) != 0) {  // whatever the umask is
        return base::errno_error(errno, "/.dockerenv");
    }
    if (::mkdirat(root.get(), "etc", 0755) != 0 && errno != EEXIST)
        return base::errno_error(errno, "/etc");
    // An /etc that is no folder is refused where the files in it are mounted.
    auto etc = sys::open_in_root(root, "etc", O_PATH | O_DIRECTORY);
    if (etc && ::symlinkat("/proc/mounts", etc->get(), "mtab") != 0 && errno != EEXIST)
        return base::errno_error(errno, "/etc/mtab");
    return {};
}

void bind_file(run::ContainerSpec& spec, const LaunchPlan& plan, const char* name) {
    std::string destination = std::string("/etc/") + name;
    for (const UserMount& mount : plan.mounts)
        if (is_below(destination, mount.destination)) return;  // the user's own
    run::Mount mount;
    mount.type = "bind";
    mount.source = plan.etc_folder + "/" + name;
    mount.destination = destination;
    mount.options = {"rbind", "rprivate", plan.record.host_config.readonly_rootfs ? "ro" : "rw"};
    spec.mounts.push_back(std::move(mount));
}

// hosts, hostname and resolv.conf, as they are at this start.
Status write_files(const LaunchPlan& plan) {
    if (plan.etc_folder != plan.folder) return {};
    TRY(Fd folder, sys::open_folder(plan.folder));
    TRY_DO(sys::replace_file(folder, "hostname", plan.hostname + "\n", 0644));
    if (!plan.hosts.empty()) TRY_DO(sys::replace_file(folder, "hosts", plan.hosts, 0644));
    if (!plan.resolv_conf.empty())
        TRY_DO(sys::replace_file(folder, "resolv.conf", plan.resolv_conf, 0644));
    return {};
}

Status add_mounts(run::ContainerSpec& spec, const LaunchPlan& plan) {
    const wire::HostConfig& host = plan.record.host_config;
    spec.mounts = run::default_mounts(static_cast<std::uint64_t>(host.shm_size));
    if (host.ipc_mode == "none")
        std::erase_if(spec.mounts, [](const run::Mount& m) { return m.destination == "/dev/shm"; });
    if (host.ipc_mode == "host")
        for (run::Mount& mount : spec.mounts)
            if (mount.destination == "/dev/shm" || mount.destination == "/dev/mqueue") {
                mount.type = "bind";
                mount.source = mount.destination;
                mount.options = {"rbind", "rprivate", "nosuid", "nodev", "noexec"};
            }
    // A mount of the user's takes the place of ours, and hides what we would mount below it.
    for (const UserMount& mount : plan.mounts)
        std::erase_if(spec.mounts, [&](const run::Mount& m) {
            return is_below(m.destination, mount.destination);
        });
    TRY_DO(write_files(plan));
    for (const char* name : {"resolv.conf", "hostname", "hosts"})
        bind_file(spec, plan, name);
    TRY_DO(make_sources(plan.mounts));
    for (const UserMount& mount : plan.mounts)
        spec.mounts.push_back(run_mount(mount));
    return {};
}

run::Namespace mode_of(const std::string& mode) {
    if (mode == "host") return run::Namespace::host;
    if (mode.starts_with("container:")) return run::Namespace::join;
    return run::Namespace::fresh;
}

Status add_devices(run::ContainerSpec& spec, const wire::HostConfig& host) {
    for (const wire::DeviceMapping& mapping : host.devices) {
        std::string inside =
            mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
        TRY(std::vector<run::Device> devices, run::devices_at(mapping.path_on_host, inside));
        std::string access =
            mapping.cgroup_permissions.empty() ? "rwm" : mapping.cgroup_permissions;
        for (run::Device& device : devices) {
            sys::CgroupDeviceRule rule{true, device.type, device.major, device.minor, access};
            spec.linux_.resources.devices.push_back(std::move(rule));
            spec.linux_.devices.push_back(std::move(device));
        }
    }
    return {};
}

Status add_limits(run::ContainerSpec& spec, const LaunchPlan& plan) {
    const wire::HostConfig& host = plan.record.host_config;
    spec.linux_.resources = resources_of(host);
    spec.linux_.cgroups_path = plan.cgroup_path;
    if (!host.privileged) spec.linux_.resources.devices = sys::default_device_rules();
    TRY_DO(add_devices(spec, host));
    for (const std::string& text : host.device_cgroup_rules) {
        TRY(sys::CgroupDeviceRule rule, parse_device_rule(text));
        if (!host.privileged) spec.linux_.resources.devices.push_back(std::move(rule));
    }
    for (const auto& [key, value] : host.sysctls)
        spec.linux_.sysctl.emplace_back(key, value);
    if (host.oom_score_adj != 0) spec.process.oom_score_adj = static_cast<int>(host.oom_score_adj);
    TRY(spec.process.rlimits, rlimits_of(host));
    return {};
}

Status add_security(run::ContainerSpec& spec, const wire::HostConfig& host,
                    const ContainerSettings& settings) {
    TRY(Security security, security_of(host, settings));
    TRY(spec.linux_.seccomp, seccomp_filter(security));
    spec.process.no_new_privileges = security.no_new_privileges;
    spec.process.capabilities = run::capabilities_for(security.capabilities, spec.process.user.uid);
    spec.linux_.masked_paths = host.masked_paths ? *host.masked_paths : run::default_masked_paths();
    spec.linux_.readonly_paths =
        host.readonly_paths ? *host.readonly_paths : run::default_readonly_paths();
    if (host.privileged) run::make_privileged(spec);
    return {};
}

void add_process(run::ContainerSpec& spec, const LaunchPlan& plan) {
    const ContainerRecord& record = plan.record;
    run::Process& process = spec.process;
    process.terminal = record.config.tty;
    process.open_stdin = record.config.open_stdin;
    const auto& size = record.host_config.console_size;
    if (size.size() == 2) {
        process.console_size.height = static_cast<std::uint16_t>(size[0]);
        process.console_size.width = static_cast<std::uint16_t>(size[1]);
    }
    process.args.push_back(record.path);
    process.args.insert(process.args.end(), record.args.begin(), record.args.end());
    process.env = environment_of(record.config.env, record.config.tty, plan.hostname);
    if (!record.config.working_dir.empty()) process.cwd = clean_path(record.config.working_dir);
    process.init = record.host_config.init.value_or(plan.settings.init);
}

// The namespaces and the descriptors of those that are joined.
Status add_namespaces(run::ContainerSpec& spec, LaunchPlan& plan, run::StartFds& fds) {
    const wire::HostConfig& host = plan.record.host_config;
    run::Namespaces& spaces = spec.linux_.namespaces;
    auto open = [](pid_t pid, const char* name) -> Result<Fd> {
        std::string path = fmt::format("/proc/{}/ns/{}", pid, name);
        int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return base::errno_error(errno, "open " + path);
        return Fd(fd);
    };
    spaces.uts = mode_of(host.uts_mode);
    spaces.ipc = mode_of(host.ipc_mode);
    spaces.pid = mode_of(host.pid_mode);
    if (plan.pid_of != 0) {
        TRY(fds.pid_namespace, open(plan.pid_of, "pid"));
    }
    spaces.network = plan.host_network ? run::Namespace::host : run::Namespace::join;
    if (plan.network_of != 0) {
        TRY(fds.network_namespace, open(plan.network_of, "net"));
    } else {
        fds.network_namespace = std::move(plan.network_namespace);
    }
    spaces.cgroup = host.cgroupns_mode == "private" ? run::Namespace::fresh : run::Namespace::host;
    return {};
}

}  // namespace

run::Resources resources_of(const wire::HostConfig& host) {
    run::Resources out;
    if (host.memory > 0) out.memory_limit = host.memory;
    if (host.memory_reservation > 0) out.memory_reservation = host.memory_reservation;
    if (host.memory_swap != 0)
        out.memory_swap = host.memory_swap;
    else if (host.memory > 0)
        out.memory_swap = default_memory_swap(host.memory);
    if (host.memory_swappiness && *host.memory_swappiness >= 0)
        out.memory_swappiness = static_cast<std::uint64_t>(*host.memory_swappiness);
    out.disable_oom_killer = host.oom_kill_disable.value_or(false);
    if (host.cpu_shares > 0) out.cpu_shares = static_cast<std::uint64_t>(host.cpu_shares);
    if (host.nano_cpus > 0) {
        constexpr std::int64_t period = 100'000;
        out.cpu_period = static_cast<std::uint64_t>(period);
        out.cpu_quota = host.nano_cpus * period / 1'000'000'000;
    }
    if (host.cpu_quota != 0) out.cpu_quota = host.cpu_quota;
    if (host.cpu_period != 0) out.cpu_period = static_cast<std::uint64_t>(host.cpu_period);
    out.cpuset_cpus = host.cpuset_cpus;
    out.cpuset_mems = host.cpuset_mems;
    if (host.pids_limit && *host.pids_limit > 0) out.pids_limit = *host.pids_limit;
    if (host.blkio_weight > 0) out.blkio_weight = host.blkio_weight;
    return out;
}

std::vector<std::string> environment_of(const wire::Strings& own, bool tty,
                                        const std::string& hostname) {
    std::vector<std::string> env;
    env.push_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    env.push_back("HOSTNAME=" + hostname);
    if (tty) env.push_back("TERM=xterm");
    merge_environment(env, own);
    return env;
}

void merge_environment(std::vector<std::string>& env, const wire::Strings& more) {
    for (const std::string& variable : more) {
        std::size_t equals = variable.find('=');
        if (equals == std::string::npos) {
            std::erase_if(env, [&](const std::string& v) { return v.starts_with(variable + "="); });
            continue;
        }
        std::string_view key(variable.data(), equals + 1);
        auto same =
            std::ranges::find_if(env, [&](const std::string& v) { return v.starts_with(key); });
        if (same != env.end())
            *same = variable;
        else
            env.push_back(variable);
    }
}

std::int64_t start_failure_code(const std::string& message, std::int64_t other) {
    auto has = [&](std::string_view words) { return message.find(words) != std::string::npos; };
    constexpr std::int64_t not_found = 127, not_executable = 126;
    if (has("executable file not found") || has("no such file or directory")) return not_found;
    if (has("permission denied") || has("is a directory")) return not_executable;
    return other;
}

Result<std::vector<run::Rlimit>> rlimits_of(const wire::HostConfig& host) {
    constexpr std::string_view known[] = {
        "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
        "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
    std::vector<run::Rlimit> out;
    for (const wire::Ulimit& limit : host.ulimits) {
        std::string name = base::lowered(limit.name);
        if (std::ranges::find(known, name) == std::end(known))
            return Error(Kind::invalid, fmt::format("invalid ulimit type: {}", limit.name));
        name = base::uppered(name);
        run::Rlimit one;
        one.type = "RLIMIT_" + name;
        auto value = [](std::int64_t v) {
            return v < 0 ? RLIM_INFINITY : static_cast<std::uint64_t>(v);
        };
        one.soft = value(limit.soft);
        one.hard = value(limit.hard);
        out.push_back(std::move(one));
    }
    return out;
}

Result<Launch> prepare_launch(LaunchPlan plan, const sys::CgroupHost* cgroups) {
    const wire::HostConfig& host = plan.record.host_config;
    run::StartFds fds;
    TRY(fds.rootfs, mount_root(plan));
    if (plan.record.started_at.is_never()) TRY_DO(add_init_files(fds.rootfs));
    run::ContainerSpec spec;
    spec.id = plan.record.id;
    spec.hostname = host.uts_mode == "host" ? "" : plan.hostname;
    spec.domainname = plan.record.config.domainname;
    spec.root.readonly = host.readonly_rootfs;
    add_process(spec, plan);
    TRY(spec.process.user, run::resolve_user(fds.rootfs, plan.record.config.user, host.group_add));
    TRY_DO(add_mounts(spec, plan));
    TRY_DO(add_limits(spec, plan));
    TRY_DO(add_security(spec, host, plan.settings));
    TRY_DO(add_namespaces(spec, plan, fds));
    // What the host cannot limit was told at create.
    (void)cgroups->drop_unsupported(spec.linux_.resources);
    Result<sys::Cgroup> made =
        sys::Cgroup::create(*cgroups, plan.cgroup_path, spec.linux_.resources);
    if (!made)
        return run::start_error(
            made.error().kind() == Kind::invalid ? Kind::invalid : Kind::internal,
            "error setting cgroup config for procHooks process: " + made.error().message());
    sys::Cgroup cgroup = std::move(*made);
    Result<run::Prepared> prepared =
        run::prepare(std::move(spec), std::move(fds), *cgroups, cgroup);
    if (!prepared) {
        (void)cgroup.remove();  // the failure that counts is the other
        return std::move(prepared).error();
    }
    return Launch{std::move(*prepared), std::move(cgroup)};
}

}  // namespace engine
