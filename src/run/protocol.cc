#include "run/protocol.h"

#include <cstring>
#include <initializer_list>

namespace run::protocol {

namespace {

struct Checker {
    const char* base;
    std::size_t bytes;
    std::size_t fd_count;

    bool range(std::uint32_t at, std::size_t length) const {
        return at >= sizeof(Spec) && at <= bytes && length <= bytes - at;
    }
    bool text(Text text) const {
        if (text.at == 0) return text.bytes == 0;
        if (!range(text.at, std::size_t(text.bytes) + 1)) return false;
        return std::memchr(base + text.at, 0, std::size_t(text.bytes) + 1) ==
               base + text.at + text.bytes;
    }
    template <class T> bool list(List<T> list) const {
        if (list.count == 0) return true;
        return list.count <= list_items_max && list.at % 8 == 0 &&
               range(list.at, std::size_t(list.count) * sizeof(T));
    }
    template <class T> const T* items(List<T> list) const {
        return reinterpret_cast<const T*>(base + list.at);
    }
    bool texts(List<Text> all) const {
        if (!list(all)) return false;
        for (std::uint32_t i = 0; i < all.count; ++i)
            if (!text(items(all)[i])) return false;
        return true;
    }
    bool fd(std::int32_t index) const {
        return index >= -1 && (index < 0 || std::size_t(index) < fd_count);
    }
};

bool check_container(const Checker& c, const Spec& spec) {
    if (!c.text(spec.hostname) || !c.text(spec.domainname) || !c.text(spec.target)) return false;
    if (!c.texts(spec.masked) || !c.texts(spec.readonly)) return false;
    if (!c.list(spec.mounts) || !c.list(spec.devices) || !c.list(spec.links) ||
        !c.list(spec.sysctls))
        return false;
    for (std::uint32_t i = 0; i < spec.mounts.count; ++i) {
        const MountEntry& mount = c.items(spec.mounts)[i];
        if (!c.text(mount.destination) || !c.text(mount.type) || !c.texts(mount.options))
            return false;
        if (!c.fd(mount.source_fd) || mount.kind > MountKind::bind) return false;
        if (mount.kind != MountKind::filesystem && mount.source_fd < 0) return false;
    }
    for (std::uint32_t i = 0; i < spec.devices.count; ++i)
        if (!c.text(c.items(spec.devices)[i].path)) return false;
    for (std::uint32_t i = 0; i < spec.links.count; ++i) {
        const LinkEntry& link = c.items(spec.links)[i];
        if (!c.text(link.path) || !c.text(link.target)) return false;
    }
    for (std::uint32_t i = 0; i < spec.sysctls.count; ++i) {
        const SysctlEntry& sysctl = c.items(spec.sysctls)[i];
        if (!c.text(sysctl.path) || !c.text(sysctl.value)) return false;
    }
    return true;
}

}  // namespace

View View::check(const void* data, std::size_t bytes, std::size_t fd_count) {
    View none;
    if (bytes < sizeof(Spec) || bytes > spec_bytes_max) return none;
    const Spec& spec = *static_cast<const Spec*>(data);
    if (spec.magic != spec_magic || spec.version != version || spec.bytes != bytes) return none;
    Checker c{static_cast<const char*>(data), bytes, fd_count};
    for (std::int32_t index :
         {spec.rootfs, spec.network, spec.pid_namespace, spec.ipc, spec.uts, spec.join_pidfd})
        if (!c.fd(index)) return none;
    if (spec.attach_first < 0 || spec.attach_count < 0 ||
        spec.attach_count > std::int32_t(fds_max) ||
        std::size_t(spec.attach_first) + std::size_t(spec.attach_count) > fd_count)
        return none;
    if ((spec.flags & spec_clone_into_cgroup) != 0 && spec.attach_count != 1) return none;
    if ((spec.flags & spec_exec) != 0 ? spec.join_pidfd < 0 : spec.rootfs < 0) return none;
    if (!c.texts(spec.args) || spec.args.count == 0 || !c.texts(spec.env) || !c.text(spec.cwd))
        return none;
    if (!c.list(spec.gids) || !c.list(spec.rlimits) || !c.list(spec.seccomp)) return none;
    // The kernel takes at most BPF_MAXINSNS instructions.
    if (spec.seccomp.count > 4096) return none;
    if (!check_container(c, spec)) return none;
    View view;
    view.base_ = static_cast<const char*>(data);
    return view;
}

}  // namespace run::protocol
