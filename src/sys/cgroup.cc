#include "sys/cgroup.h"

#include "base/text.h"
#include "sys/cgroup_files.h"
#include "sys/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <thread>

namespace sys {

namespace {

using namespace std::chrono_literals;

constexpr auto busy_wait_max = 1s;     // rmdir of a group whose last process is just going
constexpr auto freeze_wait_max = 2s;   // a process in an uninterruptible call cannot freeze
constexpr std::size_t depth_max = 64;  // of groups that a container made below its own
constexpr std::size_t path_bytes_max = 4000;
constexpr std::size_t file_bytes_max = 4 * 1024 * 1024;  // cgroup.procs of 500,000 processes

// Enabled on the way down, where the host has them.
constexpr const char* v2_controllers[] = {"cpuset", "cpu", "io", "memory", "hugetlb", "pids"};

std::string_view trimmed(std::string_view text) {
    return base::trimmed(text, " \n");
}

std::optional<std::uint64_t> number_at(std::string_view text) {
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    return value;
}

// "" when it cannot be read.
std::string read_in(const Fd& folder, const char* file) {
    int opened = ::openat(folder.get(), file, O_RDONLY | O_CLOEXEC);
    if (opened < 0) return {};
    return read_all(Fd(opened), file_bytes_max).value_or({});
}

// mountinfo writes blanks and backslashes as \ooo.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] == '\\' && i + 3 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3) {
            out.push_back(static_cast<char>(code));
            i += 3;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

// What of a v1 superblock's options is not a controller.
bool is_flag(std::string_view option) {
    constexpr std::string_view flags[] = {"rw",      "ro",  "xattr",          "noprefix",
                                          "none",    "all", "clone_children", "cpuset_v2_mode",
                                          "relatime"};
    return std::ranges::find(flags, option) != std::end(flags) ||
           option.starts_with("release_agent=") || option.starts_with("favordynmods");
}

std::string controllers_in(std::string_view options) {
    std::string list;
    while (!options.empty()) {
        std::string_view option = next_word(options, ",");
        if (!option.empty() && !is_flag(option))
            list.append(list.empty() ? "" : ",").append(option);
    }
    return list;
}

struct MountLine {
    std::string mount_point;
    std::string type;
    std::string options;  // of the superblock
};

// id parent major:minor root mount_point options optional... - type source superblock_options
std::optional<MountLine> parse_mount(std::string_view line) {
    std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) return std::nullopt;
    std::string_view head = line.substr(0, dash), tail = line.substr(dash + 3);
    MountLine mount;
    for (int skip = 0; skip < 4; ++skip)
        next_word(head);
    mount.mount_point = unescaped(next_word(head));
    mount.type = next_word(tail);
    next_word(tail);
    mount.options = next_word(tail);
    return mount;
}

Status check_path(const std::string& path) {
    bool good = path.size() > 1 && path.front() == '/' && path.size() < path_bytes_max &&
                path.find('\n') == std::string::npos && path.find('\0') == std::string::npos;
    for (std::size_t at = 1; good && at <= path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string_view part = std::string_view(path).substr(at, end - at);
        good = !part.empty() && part != "." && part != "..";
        at = end + 1;
    }
    if (!good) return Error(Kind::invalid, "invalid cgroup path: " + path);
    return {};
}

// Lets the groups below `folder` have controllers. What cannot be had (a parent with processes of
// its own) shows when a limit is written.
void enable_controllers(const CgroupFolder& folder) {
    std::string have = folder.read("cgroup.controllers");
    std::string enabled = folder.read("cgroup.subtree_control");
    for (const char* name : v2_controllers)
        if (has_word(have, name) && !has_word(enabled, name))
            (void)folder.write("cgroup.subtree_control", std::string("+") + name);
}

// A v1 cpuset is born empty, and nothing can be put into an empty one.
Status fill_cpuset(const CgroupFolder& parent, const CgroupFolder& child) {
    for (const char* file : {"cpuset.cpus", "cpuset.mems"})
        if (trimmed(child.read(file)).empty())
            TRY_DO(child.write(file, trimmed(parent.read(file))));
    return {};
}

// The group in one hierarchy, with its parents.
Status make_group(const CgroupHost& host, const CgroupHost::Hierarchy& hierarchy,
                  const std::string& path) {
    TRY(Fd root, open_beneath(hierarchy.folder, "", O_PATH | O_DIRECTORY));
    CgroupFolder folder{std::move(root), hierarchy.mount_point};
    for (std::size_t at = 1; at <= path.size();) {
        std::size_t end = std::min(path.find('/', at), path.size());
        std::string name = path.substr(at, end - at);
        std::string where = folder.where + "/" + name;
        bool last = end == path.size();
        if (host.v2) enable_controllers(folder);
        int made = ::mkdirat(folder.fd.get(), name.c_str(), 0755);
        if (made != 0 && errno == EEXIST && last) {
            // Left over by a crash: with its old limits it is of no use.
            if (::unlinkat(folder.fd.get(), name.c_str(), AT_REMOVEDIR) != 0)
                return Error(Kind::conflict, fmt::format("cgroup {} is in use", where));
            made = ::mkdirat(folder.fd.get(), name.c_str(), 0755);
        }
        if (made != 0 && errno != EEXIST) return base::errno_error(errno, "mkdir " + where);
        TRY(Fd fd, open_beneath(folder.fd, name, O_PATH | O_DIRECTORY));
        CgroupFolder child{std::move(fd), std::move(where)};
        if (!host.v2 && hierarchy.has("cpuset")) TRY_DO(fill_cpuset(folder, child));
        folder = std::move(child);
        at = end + 1;
    }
    return {};
}

// Removes the group and those below it; EBUSY while processes are inside.
Status remove_group(const Fd& parent, const std::string& name, std::size_t depth = 0) {
    if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    int first_error = errno;
    if (first_error != EBUSY && first_error != ENOTEMPTY)
        return base::errno_error(first_error, "remove cgroup " + name);
    if (depth == depth_max) return Error(Kind::internal, "cgroup " + name + " is too deep");
    TRY(Fd folder, open_beneath(parent, name, O_PATH | O_DIRECTORY));
    TRY(std::vector<std::string> names, list_names(folder));
    for (const std::string& child : names) {
        struct stat status {};
        if (::fstatat(folder.get(), child.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode))
            TRY_DO(remove_group(folder, child, depth + 1));
    }
    if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno == EBUSY) return Error(Kind::conflict, "cgroup " + name + " is in use");
    return base::errno_error(errno, "remove cgroup " + name);
}

void collect_processes(const Fd& folder, std::vector<int>& into, std::size_t depth = 0) {
    std::string text = read_in(folder, "cgroup.procs");
    for (std::string_view rest = text; !rest.empty();)
        if (auto pid = number_at(next_word(rest, "\n"))) into.push_back(static_cast<int>(*pid));
    auto names = list_names(folder);
    if (!names || depth == depth_max) return;
    for (const std::string& name : *names) {
        // The files' names have a dot, what is without one may be a group.
        auto child = open_beneath(folder, name, O_PATH | O_DIRECTORY);
        if (child) collect_processes(*child, into, depth + 1);
    }
}

// Where a container's processes are counted and frozen.
const CgroupHost::Hierarchy* main_hierarchy(const CgroupHost& host) {
    for (const char* name : {"freezer", "pids", "memory"})
        if (const auto* hierarchy = host.find(name)) return hierarchy;
    return host.hierarchies.empty() ? nullptr : &host.hierarchies.front();
}

Result<CgroupFolder> group_of(const CgroupHost& host, std::string_view controller,
                              const std::string& path) {
    const auto* hierarchy = host.v2 ? &host.hierarchies.front() : host.find(controller);
    if (hierarchy == nullptr)
        return Error(Kind::unsupported, fmt::format("cgroup {} is not mounted", controller));
    return open_group(*hierarchy, path);
}

Status freeze_v2(const CgroupFolder& folder) {
    TRY(Fd events, open_beneath(folder.fd, "cgroup.events", O_RDONLY));
    TRY_DO(folder.write("cgroup.freeze", "1"));
    auto deadline = std::chrono::steady_clock::now() + freeze_wait_max;
    while (folder.field("cgroup.events", "frozen") != 1) {
        if (std::chrono::steady_clock::now() > deadline) {
            (void)folder.write("cgroup.freeze", "0");
            return Error(Kind::internal, "unable to freeze");
        }
        // A change of the file wakes; the limit is for one between the reading and the waiting.
        struct pollfd wait {
            events.get(), POLLPRI, 0
        };
        (void)::poll(&wait, 1, 20);
    }
    return {};
}

Status freeze_v1(const CgroupFolder& folder) {
    auto deadline = std::chrono::steady_clock::now() + freeze_wait_max;
    for (int attempt = 1;; ++attempt) {
        // Written again each time: a process forked meanwhile leaves the state at FREEZING.
        TRY_DO(folder.write("freezer.state", "FROZEN"));
        if (trimmed(folder.read("freezer.state")) == "FROZEN") return {};
        if (std::chrono::steady_clock::now() > deadline) {
            (void)folder.write("freezer.state", "THAWED");
            return Error(Kind::internal, "unable to freeze");
        }
        // Frozen processes may hold what the others wait for: let them run now and then.
        if (attempt % 25 == 0) (void)folder.write("freezer.state", "THAWED");
        std::this_thread::sleep_for(attempt < 10 ? 50us : 1ms);
    }
}

}  // namespace

std::string_view next_word(std::string_view& rest, std::string_view separators) {
    std::size_t first = std::min(rest.find_first_not_of(separators), rest.size());
    std::size_t last = std::min(rest.find_first_of(separators, first), rest.size());
    std::string_view word = rest.substr(first, last - first);
    rest.remove_prefix(last);
    return word;
}

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty())
        if (next_word(list, " ,\n") == word) return true;
    return false;
}

bool CgroupFolder::has(const char* file) const {
    return ::faccessat(fd.get(), file, F_OK, 0) == 0;
}

Status CgroupFolder::write(const char* file, std::string_view text) const {
    int opened = ::openat(fd.get(), file, O_WRONLY | O_TRUNC | O_CLOEXEC);
    int problem = opened < 0 ? errno : 0;
    if (opened >= 0) {
        Fd owned(opened);
        // One write: the kernel takes each as a whole value.
        ssize_t done;
        do
            done = ::write(opened, text.data(), text.size());
        while (done < 0 && errno == EINTR);
        if (done < 0) problem = errno;
    }
    if (problem == 0) return {};
    Error failed = base::errno_error(
        problem, fmt::format("failed to write \"{}\": write {}/{}", text, where, file));
    // The kernel's word that a value is none it can keep to.
    bool refused = problem == EINVAL || problem == ERANGE || problem == E2BIG;
    return refused ? Error(Kind::invalid, failed.message()) : failed;
}

std::string CgroupFolder::read(const char* file) const {
    return read_in(fd, file);
}

std::optional<std::uint64_t> CgroupFolder::number(const char* file) const {
    return number_at(read(file));
}

std::optional<std::uint64_t> CgroupFolder::field(const char* file, std::string_view key) const {
    std::string text = read(file);
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = next_word(rest, "\n");
        if (next_word(line) == key) return number_at(next_word(line));
    }
    return std::nullopt;
}

Result<CgroupFolder> open_group(const CgroupHost::Hierarchy& hierarchy, const std::string& path) {
    TRY(Fd fd, open_beneath(hierarchy.folder, path.substr(1), O_PATH | O_DIRECTORY));
    return CgroupFolder{std::move(fd), hierarchy.mount_point + path};
}

bool CgroupHost::Hierarchy::has(std::string_view controller) const {
    return has_word(controllers, controller);
}

const CgroupHost::Hierarchy* CgroupHost::find(std::string_view controller) const {
    for (const Hierarchy& hierarchy : hierarchies)
        if (hierarchy.has(controller)) return &hierarchy;
    return nullptr;
}

Result<CgroupHost> CgroupHost::detect(const std::string& mountinfo) {
    TRY(std::string text, read_file(mountinfo, file_bytes_max));
    CgroupHost v1, v2;
    for (std::string_view rest = text; !rest.empty();) {
        auto mount = parse_mount(next_word(rest, "\n"));
        if (!mount || (mount->type != "cgroup" && mount->type != "cgroup2")) continue;
        bool unified = mount->type == "cgroup2";
        std::string controllers = unified ? "" : controllers_in(mount->options);
        CgroupHost& host = unified ? v2 : v1;
        // A hierarchy may be mounted more than once; the first place is as good as the others.
        if (unified ? !v2.hierarchies.empty()
                    : std::ranges::any_of(v1.hierarchies, [&](const Hierarchy& hierarchy) {
                          return hierarchy.controllers == controllers;
                      }))
            continue;
        TRY(Fd folder, open_folder(mount->mount_point));
        if (unified) controllers = trimmed(read_in(folder, "cgroup.controllers"));
        host.hierarchies.push_back({controllers, mount->mount_point, std::move(folder)});
    }
    v2.v2 = true;
    // Programs mount net_cls and the like beside a unified host: only what limits decides.
    bool v1_limits =
        std::ranges::any_of(std::to_array({"memory", "cpu", "pids", "devices"}),
                            [&](const char* name) { return v1.find(name) != nullptr; });
    if (v1_limits) return v1;
    if (!v2.hierarchies.empty()) return v2;
    return Error(Kind::missing, "no control groups are mounted");
}

std::string CgroupHost::cpus() const {
    const Hierarchy* hierarchy = find("cpuset");
    if (hierarchy == nullptr) return {};
    const char* file = v2 ? "cpuset.cpus.effective" : "cpuset.cpus";
    return std::string(trimmed(read_in(hierarchy->folder, file)));
}

std::string CgroupHost::mems() const {
    const Hierarchy* hierarchy = find("cpuset");
    if (hierarchy == nullptr) return {};
    const char* file = v2 ? "cpuset.mems.effective" : "cpuset.mems";
    return std::string(trimmed(read_in(hierarchy->folder, file)));
}

Result<Cgroup> Cgroup::create(const CgroupHost& host, const std::string& path,
                              const CgroupLimits& limits) {
    TRY_DO(check_path(path));
    Cgroup group(host, path);
    Status done;
    for (const auto& hierarchy : host.hierarchies) {
        done = make_group(host, hierarchy, path);
        // Another engine that ended took the empty parent away between two steps of ours.
        if (!done && done.error().kind() == Kind::missing) done = make_group(host, hierarchy, path);
        if (!done) break;
    }
    if (done) done = group.update(limits);
    if (!done) {
        if (done.error().kind() != Kind::conflict) (void)group.remove();
        return std::move(done).error();
    }
    return group;
}

void CgroupHost::remove_if_empty(const std::string& path) const {
    if (!check_path(path)) return;
    for (const Hierarchy& hierarchy : hierarchies)
        (void)::unlinkat(hierarchy.folder.get(), path.c_str() + 1, AT_REMOVEDIR);
}

Result<Cgroup> Cgroup::open(const CgroupHost& host, const std::string& path) {
    TRY_DO(check_path(path));
    for (const auto& hierarchy : host.hierarchies)
        if (open_group(hierarchy, path)) return Cgroup(host, path);
    return Error(Kind::missing, fmt::format("no cgroup {}", path));
}

Result<std::vector<Fd>> Cgroup::attach_points() const {
    std::vector<Fd> points;
    for (const auto& hierarchy : host_->hierarchies) {
        TRY(CgroupFolder folder, open_group(hierarchy, path_));
        int flags = host_->v2 ? O_RDONLY | O_DIRECTORY : O_WRONLY;
        TRY(Fd point, open_beneath(folder.fd, host_->v2 ? "" : "tasks", flags));
        points.push_back(std::move(point));
    }
    return points;
}

Status Cgroup::update(const CgroupLimits& limits) const {
    if (!host_->v2) return write_limits_v1(*host_, path_, limits);
    TRY(CgroupFolder folder, open_group(host_->hierarchies.front(), path_));
    return write_limits_v2(folder, limits);
}

Status Cgroup::freeze() const {
    TRY(CgroupFolder folder, group_of(*host_, "freezer", path_));
    return host_->v2 ? freeze_v2(folder) : freeze_v1(folder);
}

Status Cgroup::thaw() const {
    TRY(CgroupFolder folder, group_of(*host_, "freezer", path_));
    return host_->v2 ? folder.write("cgroup.freeze", "0") : folder.write("freezer.state", "THAWED");
}

bool Cgroup::frozen() const {
    auto folder = group_of(*host_, "freezer", path_);
    if (!folder) return false;
    return host_->v2 ? folder->number("cgroup.freeze") == 1
                     : trimmed(folder->read("freezer.state")) != "THAWED";
}

Status Cgroup::kill() const {
    if (host_->v2) {
        TRY(CgroupFolder folder, open_group(host_->hierarchies.front(), path_));
        if (folder.has("cgroup.kill")) return folder.write("cgroup.kill", "1");
    }
    // Frozen they neither fork nor go, so that one pass reaches all; without a freezer again and
    // again. A frozen process takes the signal when it is thawed.
    for (int attempt = 0; attempt < 100; ++attempt) {
        Status frozen = freeze();
        std::vector<int> pids = processes();
        for (int pid : pids)
            if (pid > 0) ::kill(pid, SIGKILL);
        (void)thaw();
        if (frozen || pids.empty()) return {};
        std::this_thread::sleep_for(1ms);
    }
    return Error(Kind::internal, "processes go on in cgroup " + path_);
}

std::vector<int> Cgroup::processes() const {
    std::vector<int> pids;
    const auto* hierarchy = main_hierarchy(*host_);
    if (hierarchy == nullptr) return pids;
    if (auto folder = open_group(*hierarchy, path_)) collect_processes(folder->fd, pids);
    return pids;
}

std::uint64_t Cgroup::oom_kills() const {
    auto folder = group_of(*host_, "memory", path_);
    if (!folder) return 0;
    return folder->field(host_->v2 ? "memory.events" : "memory.oom_control", "oom_kill")
        .value_or(0);
}

CgroupUsage Cgroup::usage() const {
    CgroupUsage usage;
    if (auto memory = group_of(*host_, "memory", path_)) {
        usage.memory_bytes =
            memory->number(host_->v2 ? "memory.current" : "memory.usage_in_bytes").value_or(0);
        usage.memory_inactive_file =
            memory->field("memory.stat", host_->v2 ? "inactive_file" : "total_inactive_file")
                .value_or(0);
    }
    if (auto cpu = group_of(*host_, "cpuacct", path_))
        usage.cpu_ns = host_->v2 ? cpu->field("cpu.stat", "usage_usec").value_or(0) * 1000
                                 : cpu->number("cpuacct.usage").value_or(0);
    if (auto pids = group_of(*host_, "pids", path_))
        usage.pids = pids->number("pids.current").value_or(0);
    return usage;
}

Status Cgroup::remove() {
    Status first;
    auto deadline = std::chrono::steady_clock::now() + busy_wait_max;
    for (const auto& hierarchy : host_->hierarchies) {
        auto pause = std::chrono::microseconds(200);
        for (;;) {
            Status removed = remove_group(hierarchy.folder, path_.substr(1));
            bool again = !removed && removed.error().kind() == Kind::conflict &&
                         std::chrono::steady_clock::now() < deadline;
            if (!again) {
                if (!removed && first) first = std::move(removed);
                break;
            }
            std::this_thread::sleep_for(pause);
            pause = std::min<std::chrono::microseconds>(pause * 2, 50ms);
        }
    }
    return first;
}

}  // namespace sys
