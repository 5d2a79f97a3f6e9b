#include "run/capabilities.h"

#include "base/text.h"
#include "sys/file.h"

#include <array>
#include <charconv>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace run {
namespace {

// In the kernel's order (linux/capability.h).
constexpr std::array<std::string_view, 41> names{"CHOWN",
                                                 "DAC_OVERRIDE",
                                                 "DAC_READ_SEARCH",
                                                 "FOWNER",
                                                 "FSETID",
                                                 "KILL",
                                                 "SETGID",
                                                 "SETUID",
                                                 "SETPCAP",
                                                 "LINUX_IMMUTABLE",
                                                 "NET_BIND_SERVICE",
                                                 "NET_BROADCAST",
                                                 "NET_ADMIN",
                                                 "NET_RAW",
                                                 "IPC_LOCK",
                                                 "IPC_OWNER",
                                                 "SYS_MODULE",
                                                 "SYS_RAWIO",
                                                 "SYS_CHROOT",
                                                 "SYS_PTRACE",
                                                 "SYS_PACCT",
                                                 "SYS_ADMIN",
                                                 "SYS_BOOT",
                                                 "SYS_NICE",
                                                 "SYS_RESOURCE",
                                                 "SYS_TIME",
                                                 "SYS_TTY_CONFIG",
                                                 "MKNOD",
                                                 "LEASE",
                                                 "AUDIT_WRITE",
                                                 "AUDIT_CONTROL",
                                                 "SETFCAP",
                                                 "MAC_OVERRIDE",
                                                 "MAC_ADMIN",
                                                 "SYSLOG",
                                                 "WAKE_ALARM",
                                                 "BLOCK_SUSPEND",
                                                 "AUDIT_READ",
                                                 "PERFMON",
                                                 "BPF",
                                                 "CHECKPOINT_RESTORE"};

struct Named {
    std::uint64_t mask = 0;
    bool all = false;
};

Result<Named> named(const std::vector<std::string>& list, std::string_view what) {
    Named result;
    for (const std::string& name : list) {
        if (base::uppered(name) == "ALL") {
            result.all = true;
            continue;
        }
        auto number = capability_number(name);
        if (!number) return std::move(number).error().context(what);
        result.mask |= std::uint64_t{1} << *number;
    }
    return result;
}

}  // namespace

Result<int> capability_number(std::string_view name) {
    std::string full = base::uppered(name);
    if (!full.starts_with("CAP_")) full.insert(0, "CAP_");
    for (std::size_t i = 0; i < names.size(); ++i)
        if (full.substr(4) == names[i]) return static_cast<int>(i);
    return Error(Kind::invalid, "unknown capability: \"" + full + "\"");
}

std::string capability_name(int number) {
    if (number < 0 || number >= static_cast<int>(names.size()))
        return "CAP_" + std::to_string(number);
    return "CAP_" + std::string(names[static_cast<std::size_t>(number)]);
}

namespace {

// What this process could give away at all: in a container of its own, or on a host that takes some
// from everybody, that is less than the kernel knows.
std::uint64_t own_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) < 0) return ~std::uint64_t{0};
    return data[0].permitted | std::uint64_t{data[1].permitted} << 32;
}

std::uint64_t known_capabilities() {
    int last = static_cast<int>(names.size()) - 1;
    if (auto text = sys::read_file("/proc/sys/kernel/cap_last_cap", 64)) {
        int told = 0;
        auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), told);
        if (error == std::errc() && told >= 0 && told < 63) last = told;
    }
    return (std::uint64_t{2} << last) - 1;
}

}  // namespace

std::uint64_t all_capabilities() {
    // Not root: the masks are only looked at.
    std::uint64_t own = ::geteuid() == 0 ? own_capabilities() : ~std::uint64_t{0};
    return known_capabilities() & own;
}

std::uint64_t default_capabilities() {
    std::uint64_t mask = 0;
    for (int number : {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
        mask |= std::uint64_t{1} << number;
    return mask;
}

Result<std::uint64_t> capability_mask(const std::vector<std::string>& add,
                                      const std::vector<std::string>& drop, bool privileged) {
    if (privileged) return all_capabilities();
    TRY(Named dropped, named(drop, "invalid CapDrop"));
    TRY(Named added, named(add, "invalid CapAdd"));
    std::uint64_t known = all_capabilities();
    for (int number = 0; number < 64; ++number)
        if (((added.mask & ~known) >> number & 1) != 0)
            return Error(Kind::invalid,
                         "invalid CapAdd: capability not supported by your kernel or not available "
                         "in the current environment: \"" +
                             capability_name(number) + "\"");
    if (added.all) return known & ~dropped.mask;
    if (dropped.all) return added.mask & known;
    return ((default_capabilities() & ~dropped.mask) | added.mask) & known;
}

Capabilities capabilities_for(std::uint64_t mask, std::uint32_t uid) {
    std::uint64_t held = uid == 0 ? mask : 0;
    return {.bounding = mask, .permitted = held, .effective = held};
}

}  // namespace run
