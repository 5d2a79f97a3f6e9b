#include "engine/system.h"

#include "base/hex.h"
#include "sys/file.h"

#include <dirent.h>
#include <fmt/core.h>
#include <memory>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace engine {

namespace {

constexpr std::size_t small_file_bytes_max = 64 * 1024;

// The value of `key` in an os-release(5) file, without its quotes.
std::string release_value(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (!line.starts_with(key) || line.substr(key.size(), 1) != "=") continue;
        line.remove_prefix(key.size() + 1);
        if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') &&
            line.back() == line.front())
            line = line.substr(1, line.size() - 2);
        return std::string(line);
    }
    return {};
}

void read_os_release(HostFacts& host) {
    auto text = sys::read_file("/etc/os-release", small_file_bytes_max);
    if (!text) text = sys::read_file("/usr/lib/os-release", small_file_bytes_max);
    if (text) host.operating_system = release_value(*text, "PRETTY_NAME");
    if (text) host.os_version = release_value(*text, "VERSION_ID");
    if (host.operating_system.empty()) host.operating_system = "Linux";
}

// By the magic numbers of statfs(2), under the names dockerd shows.
std::string filesystem_name(const std::string& path) {
    struct statfs info {};
    if (::statfs(path.c_str(), &info) != 0) return "<unknown>";
    switch (static_cast<unsigned long>(info.f_type)) {
    case 0xef53:
        return "extfs";
    case 0x58465342:
        return "xfs";
    case 0x9123683e:
        return "btrfs";
    case 0x01021994:
        return "tmpfs";
    case 0x794c7630:
        return "overlayfs";
    case 0xf2f52010:
        return "f2fs";
    case 0x2fc12fc1:
        return "zfs";
    default:
        return "<unknown>";
    }
}

// Asks for every limit and looks which are left.
void probe_limits(HostFacts& host, const sys::CgroupHost& cgroups) {
    sys::CgroupLimits limits;
    limits.memory_limit = limits.memory_swap = 1;
    limits.disable_oom_killer = true;
    limits.cpu_shares = 2;
    limits.cpu_quota = 1000;
    limits.cpuset_cpus = "0";
    limits.pids_limit = 1;
    (void)cgroups.drop_unsupported(limits);
    host.cgroup_v2 = cgroups.v2;
    host.memory_limit = limits.memory_limit.has_value();
    host.swap_limit = limits.memory_swap.has_value();
    host.oom_kill_disable = limits.disable_oom_killer;
    host.cpu_shares = limits.cpu_shares.has_value();
    host.cpu_cfs = limits.cpu_quota.has_value();
    host.cpu_set = !limits.cpuset_cpus.empty();
    host.pids_limit = limits.pids_limit.has_value();
}

// 8-4-4-4-12 hex digits, version 4 (random).
std::string random_uuid() {
    std::string hex = base::random_id().substr(0, 32);
    hex[12] = '4';
    hex[16] = "89ab"[hex[16] % 4];
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !base::is_hex(text.substr(i, 1))) return false;
    }
    return true;
}

}  // namespace

HostFacts read_host(const sys::CgroupHost* cgroups, const std::string& data_root) {
    HostFacts host;
    utsname names{};
    ::uname(&names);
    host.kernel_version = names.release;
    host.architecture = names.machine;
    read_os_release(host);
    host.backing_filesystem = filesystem_name(data_root);
    host.cpus = std::max(1U, std::thread::hardware_concurrency());
    struct sysinfo memory {};
    if (::sysinfo(&memory) == 0)
        host.memory_bytes = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
    if (cgroups) probe_limits(host, *cgroups);
    host.seccomp = ::access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0;
    host.cgroup_namespaces = ::access("/proc/self/ns/cgroup", F_OK) == 0;
    return host;
}

Result<std::string> engine_id(const std::string& data_root) {
    TRY(Fd folder, sys::open_folder(data_root));
    if (auto text = sys::read_file(data_root + "/engine-id", small_file_bytes_max);
        text && is_uuid(*text))
        return std::move(*text);
    std::string id = random_uuid();
    TRY_DO(sys::replace_durably(folder, "engine-id", id, 0600));
    return id;
}

std::vector<std::string> host_warnings(const HostFacts& host) {
    std::vector<std::string> warnings;
    auto add = [&](bool there, const char* text) {
        if (!there) warnings.emplace_back(text);
    };
    add(host.memory_limit, "WARNING: No memory limit support");
    add(host.swap_limit, "WARNING: No swap limit support");
    // The second version of control groups has no such switch.
    add(host.oom_kill_disable || host.cgroup_v2, "WARNING: No oom kill disable support");
    add(host.cpu_cfs, "WARNING: No cpu cfs quota support");
    add(host.cpu_cfs, "WARNING: No cpu cfs period support");
    add(host.cpu_shares, "WARNING: No cpu shares support");
    add(host.cpu_set, "WARNING: No cpuset support");
    add(host.pids_limit, "WARNING: No pids limit support");
    add(host.seccomp, "WARNING: No seccomp support");
    add(ipv4_forwarding(), "WARNING: IPv4 forwarding is disabled");
    return warnings;
}

bool ipv4_forwarding() {
    auto text = sys::read_file("/proc/sys/net/ipv4/ip_forward", small_file_bytes_max);
    return text && text->starts_with('1');
}

std::size_t open_descriptors() {
    std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    if (!folder) return 0;
    std::size_t count = 0;
    while (const dirent* entry = ::readdir(folder.get()))
        count += entry->d_name[0] != '.';
    return count - 1;  // the one that reads
}

std::string host_name() {
    utsname names{};
    ::uname(&names);
    return names.nodename;
}

}  // namespace engine
