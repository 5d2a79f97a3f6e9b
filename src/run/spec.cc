#include "run/spec.h"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace run {
namespace {

// A hostile or odd /dev does not fill the specification.
constexpr std::size_t devices_max = 8192;
constexpr int depth_max = 8;

bool add_device(const std::string& host_path, const std::string& path, std::vector<Device>& all) {
    struct stat info;
    if (::stat(host_path.c_str(), &info) < 0) return false;
    Device device;
    device.path = path;
    if (S_ISCHR(info.st_mode))
        device.type = 'c';
    else if (S_ISBLK(info.st_mode))
        device.type = 'b';
    else
        return false;
    device.major = ::major(info.st_rdev);
    device.minor = ::minor(info.st_rdev);
    device.file_mode = info.st_mode & 07777;
    device.uid = info.st_uid;
    device.gid = info.st_gid;
    all.push_back(std::move(device));
    return true;
}

// What runc leaves out when it takes over the host's: mounts and links of the container's own.
bool is_own(const std::string& path) {
    static constexpr std::string_view own[] = {"/dev/pts",    "/dev/shm",    "/dev/fd",
                                               "/dev/mqueue", "/dev/.lxc",   "/dev/.lxd-mounts",
                                               "/dev/.udev",  "/dev/console"};
    return std::find(std::begin(own), std::end(own), path) != std::end(own);
}

void add_folder(const std::string& host_path, const std::string& path, std::vector<Device>& all,
                int depth) {
    DIR* folder = ::opendir(host_path.c_str());
    if (folder == nullptr) return;
    while (const dirent* entry = ::readdir(folder)) {
        std::string_view name = entry->d_name;
        if (name == "." || name == ".." || all.size() >= devices_max) continue;
        std::string below = fmt::format("{}/{}", host_path, name);
        std::string inside = fmt::format("{}/{}", path, name);
        if (is_own(below)) continue;
        struct stat info;
        if (::lstat(below.c_str(), &info) < 0) continue;
        if (S_ISDIR(info.st_mode) && depth < depth_max)
            add_folder(below, inside, all, depth + 1);
        else if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
            add_device(below, inside, all);
    }
    ::closedir(folder);
}

}  // namespace

std::vector<Mount> default_mounts(std::uint64_t shm_bytes) {
    return {
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts",
         "devpts",
         "devpts",
         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/dev/shm",
         "tmpfs",
         "shm",
         {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", shm_bytes)}},
    };
}

std::vector<std::string> default_masked_paths() {
    std::vector<std::string> paths{"/proc/acpi",
                                   "/proc/asound",
                                   "/proc/interrupts",
                                   "/proc/kcore",
                                   "/proc/keys",
                                   "/proc/latency_stats",
                                   "/proc/sched_debug",
                                   "/proc/scsi",
                                   "/proc/timer_list",
                                   "/proc/timer_stats",
                                   "/sys/devices/virtual/powercap",
                                   "/sys/firmware"};
    // One per processor that has it; its counters are a side channel.
    if (DIR* folder = ::opendir("/sys/devices/system/cpu")) {
        while (const dirent* entry = ::readdir(folder)) {
            std::string_view name = entry->d_name;
            bool numbered = name.starts_with("cpu") && name.size() > 3 &&
                            name.find_first_not_of("0123456789", 3) == std::string_view::npos;
            if (!numbered) continue;
            std::string path = fmt::format("/sys/devices/system/cpu/{}/thermal_throttle", name);
            if (::access(path.c_str(), F_OK) == 0) paths.push_back(std::move(path));
        }
        ::closedir(folder);
    }
    return paths;
}

std::vector<std::string> default_readonly_paths() {
    return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<Device> host_devices() {
    std::vector<Device> all;
    add_folder("/dev", "/dev", all, 0);
    return all;
}

Result<std::vector<Device>> devices_at(const std::string& host_path,
                                       const std::string& container_path) {
    struct stat info;
    if (::stat(host_path.c_str(), &info) < 0)
        return Error(Kind::invalid,
                     fmt::format("error gathering device information while adding custom device "
                                 "\"{}\": no such file or directory",
                                 host_path));
    std::vector<Device> all;
    if (S_ISDIR(info.st_mode))
        add_folder(host_path, container_path, all, 0);
    else
        add_device(host_path, container_path, all);
    if (all.empty())
        return Error(Kind::invalid,
                     fmt::format("error gathering device information while adding custom device "
                                 "\"{}\": not a device node",
                                 host_path));
    return all;
}

void make_privileged(ContainerSpec& spec) {
    for (Mount& mount : spec.mounts)
        if (mount.type == "sysfs" || mount.type == "cgroup")
            std::replace(mount.options.begin(), mount.options.end(), std::string("ro"),
                         std::string("rw"));
    spec.linux_.masked_paths.clear();
    spec.linux_.readonly_paths.clear();
    std::vector<Device> devices = host_devices();
    spec.linux_.devices.insert(spec.linux_.devices.end(), devices.begin(), devices.end());
}

}  // namespace run
