// From the engine's words to what the shim takes: descriptors for everything outside, one flat
// specification for the rest.
#include "run/container.h"
#include "run/encode.h"
#include "run/failure.h"
#include "run/mount_options.h"
#include "run/sysctl.h"
#include "sys/mount.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace run {

using namespace protocol;

namespace {

constexpr std::uint64_t private_mount = 1U << 18;  // MS_PRIVATE

struct Limit {
    std::string_view name;
    int resource;
};
constexpr Limit limits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

class Preparation {
public:
    Preparation(ContainerSpec spec, StartFds fds, const sys::CgroupHost& host,
                const sys::Cgroup& cgroup)
        : spec_(std::move(spec)), given_(std::move(fds)), host_(host), cgroup_(cgroup) {}

    Result<Prepared> run() {
        TRY_DO(check_texts());
        out_.rootfs = give(std::move(given_.rootfs));
        TRY_DO(namespaces());
        TRY_DO(attach_points());
        TRY_DO(mounts());
        TRY_DO(process());
        devices();
        TRY_DO(surroundings());
        return finish();
    }

    Result<Prepared> run_exec(std::string_view container_id, Fd pidfd) {
        out_.flags |= spec_exec;
        out_.join_pidfd = give(std::move(pidfd));
        out_.target = encoder_.text(container_id);
        TRY_DO(check_texts());
        TRY_DO(attach_points());
        TRY_DO(process());
        TRY(Prepared prepared, finish());
        prepared.exec = true;
        return prepared;
    }

private:
    Result<Prepared> finish() {
        if (fds_.size() > fds_max - 1)
            return start_error(Kind::invalid, fmt::format("too many mounts: {}", fds_.size()));
        if (encoder_.size() > spec_bytes_max)
            return start_error(Kind::invalid, "argument list too long");
        TRY(Fd sealed, seal(encoder_.finish(out_)));
        return Prepared{std::move(spec_.id), std::move(sealed), std::move(fds_)};
    }

    std::int32_t give(Fd fd) {
        if (!fd) return -1;
        fds_.push_back(std::move(fd));
        return static_cast<std::int32_t>(fds_.size()) - 1;
    }

    // A NUL would cut a text in silence.
    Status check_texts() const {
        auto clean = [](const std::string& text) { return text.find('\0') == std::string::npos; };
        const Process& process = spec_.process;
        bool good = clean(process.cwd) && clean(spec_.hostname) && clean(spec_.domainname) &&
                    std::all_of(process.args.begin(), process.args.end(), clean) &&
                    std::all_of(process.env.begin(), process.env.end(), clean);
        for (const Mount& mount : spec_.mounts)
            good = good && clean(mount.destination) && clean(mount.source) && clean(mount.type) &&
                   std::all_of(mount.options.begin(), mount.options.end(), clean);
        for (const auto& [key, value] : spec_.linux_.sysctl)
            good = good && clean(key) && clean(value);
        if (!good) return Error(Kind::invalid, "invalid character: NUL in the configuration");
        if (spec_.id.empty() || spec_.id.size() > id_bytes_max || !clean(spec_.id))
            return Error(Kind::invalid, fmt::format("invalid container id: {}", spec_.id));
        if (process.args.empty() || process.args[0].empty())
            return Error(Kind::invalid, "no command specified");
        return {};
    }

    Status namespaces() {
        Namespaces& wanted = spec_.linux_.namespaces;
        struct Kinds {
            Namespace how;
            std::uint32_t flag;
            Fd& fd;
            std::int32_t& index;
            std::string_view name;
        } all[] = {
            {wanted.pid, spec_fresh_pid, given_.pid_namespace, out_.pid_namespace, "pid"},
            {wanted.ipc, spec_fresh_ipc, given_.ipc_namespace, out_.ipc, "ipc"},
            {wanted.uts, spec_fresh_uts, given_.uts_namespace, out_.uts, "uts"},
            {wanted.network, spec_fresh_network, given_.network_namespace, out_.network, "network"},
        };
        for (Kinds& one : all) {
            if (one.how == Namespace::fresh) out_.flags |= one.flag;
            if (one.how != Namespace::join) continue;
            if (!one.fd)
                return Error(Kind::internal, fmt::format("no {} namespace to join", one.name));
            one.index = give(std::move(one.fd));
        }
        if (wanted.cgroup == Namespace::fresh) out_.flags |= spec_fresh_cgroup;
        return {};
    }

    Status attach_points() {
        TRY(std::vector<Fd> points, cgroup_.attach_points());
        out_.attach_first = static_cast<std::int32_t>(fds_.size());
        out_.attach_count = static_cast<std::int32_t>(points.size());
        if (host_.v2 && points.size() == 1) out_.flags |= spec_clone_into_cgroup;
        for (Fd& point : points)
            give(std::move(point));
        return {};
    }

    // ---- Mounts ----

    Status mounts() {
        for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
            const Mount& mount = spec_.mounts[i];
            TRY(std::string target, clean_target(mount.destination));
            MountOptions options = parse_mount_options(mount.options);
            if (target == "/dev") fresh_dev_ = mount.type == "tmpfs" && !options.bind;
            if (mount.type == "bind" || options.bind)
                TRY_DO(bind(i, target, options));
            else if (mount.type == "cgroup")
                TRY_DO(cgroup(target, options));
            else
                TRY_DO(user_filesystem(mount, target, options));
        }
        out_.mounts = encoder_.list(entries_);
        return {};
    }

    MountEntry entry(const std::string& target, const MountOptions& options) {
        MountEntry entry;
        entry.destination = encoder_.text(target);
        entry.attributes_set = options.set;
        entry.attributes_clear = options.clear;
        return entry;
    }

    void filesystem(const Mount& mount, const std::string& target, MountOptions options) {
        MountEntry made = entry(target, options);
        made.type = encoder_.text(mount.type);
        if (!mount.source.empty()) options.rest.push_back("source=" + mount.source);
        made.options = encoder_.texts(options.rest);
        made.propagation = options.propagation;
        // Real folders at the top of the root, whatever links an image has there.
        if (target == "/proc" || target == "/sys") made.flags |= mount_no_symlinks;
        if (mount.type == "proc" && target == "/proc") made.flags |= mount_is_proc;
        if (mount.type == "tmpfs" && (options.set & MOUNT_ATTR_RDONLY) != 0) {
            made.attributes_set &= ~std::uint64_t(MOUNT_ATTR_RDONLY);
            made.flags |= mount_readonly_late;
        }
        entries_.push_back(made);
    }

    Status user_filesystem(const Mount& mount, const std::string& target,
                           const MountOptions& options) {
        if (mount.type != "proc") TRY_DO(check_proc(mount.source, target));
        filesystem(mount, target, options);
        return {};
    }

    static Status check_proc(const std::string& source, const std::string& target) {
        if (target != "/proc" && (!target.starts_with("/proc/") || allowed_on_proc(target)))
            return {};
        return start_error(Kind::invalid,
                           fmt::format("error mounting \"{}\" to rootfs at \"{}\": \"{}\" "
                                       "cannot be mounted because it is inside /proc",
                                       source, target, target));
    }

    Status bind(std::size_t index, const std::string& target, const MountOptions& options) {
        const Mount& mount = spec_.mounts[index];
        if (!options.rest.empty())
            return start_error(Kind::invalid,
                               fmt::format("error mounting \"{}\" to rootfs at \"{}\": invalid "
                                           "option \"{}\"",
                                           mount.source, target, options.rest[0]));
        TRY_DO(check_proc(mount.source, target));
        Fd source;
        for (auto& [given, fd] : given_.mount_sources)
            if (given == index) source = std::move(fd);
        if (!source) {
            TRY(source, sys::clone_mount(mount.source, options.recursive_bind));
        }
        return place_bind(std::move(source), target, options);
    }

    Status place_bind(Fd source, const std::string& target, const MountOptions& options) {
        struct stat info;
        if (::fstat(source.get(), &info) < 0) return base::errno_error(errno, "stat of a mount");
        MountEntry made = entry(target, options);
        made.kind = MountKind::bind;
        made.propagation = options.propagation == 0 ? private_mount : options.propagation;
        if (!S_ISDIR(info.st_mode)) made.flags |= mount_target_is_file;
        if (options.recursive_bind && options.read_only_recursive)
            made.flags |= mount_attributes_recursive;
        if (target.starts_with("/proc/")) made.flags |= mount_on_proc;
        made.source_fd = give(std::move(source));
        entries_.push_back(made);
        return {};
    }

    // v2: the group as the container's own root, or the host's tree. v1: a tmpfs with the
    // container's own folder of each hierarchy, as runc lays it out.
    Status cgroup(const std::string& target, const MountOptions& options) {
        if (host_.v2 && (out_.flags & spec_fresh_cgroup) != 0) {
            filesystem({target, "cgroup2", "cgroup", {}}, target, options);
            return {};
        }
        if (host_.v2) {
            if (host_.hierarchies.empty()) return {};
            TRY(Fd tree, sys::clone_mount(host_.hierarchies[0].mount_point, true));
            MountOptions recursive = options;
            recursive.recursive_bind = true;
            return place_bind(std::move(tree), target, recursive);
        }
        MountOptions folder = options;
        folder.rest = {"mode=755"};
        filesystem({target, "tmpfs", "tmpfs", {}}, target, folder);
        std::string below = cgroup_.path().substr(cgroup_.path().find_first_not_of('/'));
        for (const sys::CgroupHost::Hierarchy& hierarchy : host_.hierarchies) {
            auto own = sys::clone_mount_at(hierarchy.folder, below, false);
            if (!own) continue;  // a hierarchy we have no folder in
            std::string name =
                hierarchy.mount_point.substr(hierarchy.mount_point.find_last_of('/') + 1);
            TRY_DO(place_bind(std::move(*own), fmt::format("{}/{}", target, name), options));
            link_controllers(target, name);
        }
        return {};
    }

    // "cpu,cpuacct" is found as cpu and as cpuacct too.
    void link_controllers(const std::string& target, const std::string& name) {
        if (name.find(',') == std::string::npos) return;
        std::size_t at = 0;
        while (at <= name.size()) {
            std::size_t end = std::min(name.find(',', at), name.size());
            links_.emplace_back(fmt::format("{}/{}", target, name.substr(at, end - at)), name);
            at = end + 1;
        }
    }

    // ---- The process ----

    Status process() {
        Process& process = spec_.process;
        if (process.terminal) out_.flags |= spec_terminal;
        if (process.open_stdin) out_.flags |= spec_open_stdin;
        if (process.no_new_privileges) out_.flags |= spec_no_new_privileges;
        if (process.init) out_.flags |= spec_init;
        auto has = [&](std::string_view name) {
            return std::any_of(process.env.begin(), process.env.end(),
                               [&](const std::string& one) { return one.starts_with(name); });
        };
        if (process.terminal && !has("TERM=")) process.env.emplace_back("TERM=xterm");
        if (!has("HOME=")) process.env.push_back("HOME=" + process.user.home);
        out_.args = encoder_.texts(process.args);
        out_.env = encoder_.texts(process.env);
        if (out_.args.count > list_items_max || out_.env.count > list_items_max)
            return start_error(Kind::invalid, "argument list too long");
        out_.cwd = encoder_.text(process.cwd.empty() ? "/" : process.cwd);
        out_.uid = process.user.uid;
        out_.gid = process.user.gid;
        std::vector<std::uint32_t> gids = process.user.additional_gids;
        out_.gids = encoder_.list(gids);
        std::vector<RlimitEntry> rlimits;
        for (const Rlimit& rlimit : process.rlimits) {
            const Limit* known =
                std::find_if(std::begin(limits), std::end(limits),
                             [&](const Limit& l) { return l.name == rlimit.type; });
            if (known == std::end(limits))
                return Error(Kind::invalid, fmt::format("invalid rlimit type: {}", rlimit.type));
            rlimits.push_back(
                {rlimit.soft, rlimit.hard, static_cast<std::uint32_t>(known->resource), 0});
        }
        out_.rlimits = encoder_.list(rlimits);
        const Capabilities& capabilities = process.capabilities;
        out_.bounding = capabilities.bounding;
        out_.permitted = capabilities.permitted;
        out_.effective = capabilities.effective;
        out_.inheritable = capabilities.inheritable;
        out_.ambient = capabilities.ambient;
        out_.umask = process.umask;
        out_.oom_score_adj = process.oom_score_adj.value_or(0);
        out_.rows = process.console_size.height;
        out_.columns = process.console_size.width;
        out_.seccomp = encoder_.list_of_bytes<FilterEntry>(spec_.linux_.seccomp);
        return {};
    }

    // ---- What is around it ----

    void devices() {
        std::vector<DeviceEntry> entries;
        auto add = [&](const Device& device) {
            mode_t type = device.type == 'b' ? S_IFBLK : device.type == 'p' ? S_IFIFO : S_IFCHR;
            DeviceEntry entry;
            entry.path = encoder_.text(device.path);
            entry.mode = type | (device.file_mode & 07777);
            entry.uid = device.uid;
            entry.gid = device.gid;
            entry.major = static_cast<std::uint32_t>(device.major);
            entry.minor = static_cast<std::uint32_t>(device.minor);
            entries.push_back(entry);
        };
        if (fresh_dev_) {
            out_.flags |= spec_fresh_dev;
            for (const Device& device : default_devices)
                add(device);
            links_.insert(links_.end(), std::begin(default_links), std::end(default_links));
        }
        for (const Device& device : spec_.linux_.devices)
            add(device);
        out_.devices = encoder_.list(entries);
        std::vector<LinkEntry> links;
        for (const auto& [path, target] : links_)
            links.push_back({encoder_.text(path), encoder_.text(target)});
        out_.links = encoder_.list(links);
    }

    Status surroundings() {
        if (spec_.root.readonly) out_.flags |= spec_readonly_root;
        out_.hostname = encoder_.text(spec_.hostname);
        out_.domainname = encoder_.text(spec_.domainname);
        std::vector<SysctlEntry> sysctls;
        for (const auto& [key, value] : spec_.linux_.sysctl) {
            if (Status fine = check_sysctl(key, value, spec_.linux_.namespaces); !fine)
                return start_error(Kind::invalid, fine.error().message());
            std::string path = key;
            std::replace(path.begin(), path.end(), '.', '/');
            sysctls.push_back({encoder_.text(path), encoder_.text(value)});
        }
        out_.sysctls = encoder_.list(sysctls);
        out_.masked = encoder_.texts(spec_.linux_.masked_paths);
        out_.readonly = encoder_.texts(spec_.linux_.readonly_paths);
        return {};
    }

    static Result<Fd> seal(const std::string& bytes) {
        Fd memory(::memfd_create("lighter-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        if (!memory) return base::errno_error(errno, "memfd_create");
        std::size_t done = 0;
        while (done < bytes.size()) {
            ssize_t wrote = ::write(memory.get(), bytes.data() + done, bytes.size() - done);
            if (wrote < 0) return base::errno_error(errno, "writing the specification");
            done += static_cast<std::size_t>(wrote);
        }
        if (::fcntl(memory.get(), F_ADD_SEALS,
                    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
            return base::errno_error(errno, "sealing the specification");
        return memory;
    }

    static inline const Device default_devices[] = {
        {"/dev/null", 'c', 1, 3},   {"/dev/zero", 'c', 1, 5},    {"/dev/full", 'c', 1, 7},
        {"/dev/random", 'c', 1, 8}, {"/dev/urandom", 'c', 1, 9}, {"/dev/tty", 'c', 5, 0},
    };
    static inline const std::pair<std::string, std::string> default_links[] = {
        {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
        {"/dev/core", "/proc/kcore"},       {"/dev/ptmx", "pts/ptmx"},
    };

    ContainerSpec spec_;
    StartFds given_;
    const sys::CgroupHost& host_;
    const sys::Cgroup& cgroup_;
    Encoder encoder_;
    Spec out_;
    std::vector<Fd> fds_;
    std::vector<MountEntry> entries_;
    std::vector<std::pair<std::string, std::string>> links_;
    bool fresh_dev_ = false;
};

}  // namespace

Result<Prepared> prepare(ContainerSpec spec, StartFds fds, const sys::CgroupHost& host,
                         const sys::Cgroup& cgroup) {
    return Preparation(std::move(spec), std::move(fds), host, cgroup).run();
}

Result<Prepared> prepare_exec(std::string id, std::string container_id, Process process,
                              std::string seccomp, Fd pidfd, const sys::CgroupHost& host,
                              const sys::Cgroup& cgroup) {
    if (!pidfd) return Error(Kind::internal, "no process to join");
    ContainerSpec spec;
    spec.id = std::move(id);
    spec.process = std::move(process);
    spec.linux_.seccomp = std::move(seccomp);
    return Preparation(std::move(spec), {}, host, cgroup).run_exec(container_id, std::move(pidfd));
}

}  // namespace run
