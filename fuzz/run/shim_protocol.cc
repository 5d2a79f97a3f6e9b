// The flat specification: whatever bytes come, check() reads nothing outside of them, and what it
// accepts can be read to the last text. The first byte is how many descriptors came along.
#include "run/protocol.h"

#include <cstdlib>
#include <cstring>
#include <vector>

using namespace run::protocol;

namespace {

std::size_t total;

void read(const View& view, Text text) {
    if (std::strlen(view.text(text)) != text.bytes) std::abort();
}

void read(const View& view, List<Text> texts) {
    for (std::uint32_t i = 0; i < texts.count; ++i)
        read(view, view.items(texts)[i]);
}

template <class T> void sum(const View& view, List<T> list) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(view.items(list));
    for (std::size_t i = 0; i < list.count * sizeof(T); ++i)
        total += bytes[i];
}

void read_all(const View& view, std::int32_t fds) {
    const Spec& spec = view.spec();
    for (Text text : {spec.cwd, spec.target, spec.hostname, spec.domainname})
        read(view, text);
    for (List<Text> texts : {spec.args, spec.env, spec.masked, spec.readonly})
        read(view, texts);
    sum(view, spec.gids);
    sum(view, spec.rlimits);
    sum(view, spec.seccomp);
    for (std::uint32_t i = 0; i < spec.mounts.count; ++i) {
        const MountEntry& mount = view.items(spec.mounts)[i];
        read(view, mount.destination);
        read(view, mount.type);
        read(view, mount.options);
        if (mount.source_fd >= fds) std::abort();
        if (mount.kind == MountKind::bind && mount.source_fd < 0) std::abort();
    }
    for (std::uint32_t i = 0; i < spec.devices.count; ++i)
        read(view, view.items(spec.devices)[i].path);
    for (std::uint32_t i = 0; i < spec.links.count; ++i) {
        read(view, view.items(spec.links)[i].path);
        read(view, view.items(spec.links)[i].target);
    }
    for (std::uint32_t i = 0; i < spec.sysctls.count; ++i) {
        read(view, view.items(spec.sysctls)[i].path);
        read(view, view.items(spec.sysctls)[i].value);
    }
    for (std::int32_t index : {spec.rootfs, spec.network, spec.pid_namespace, spec.ipc, spec.uts,
                               spec.join_pidfd, spec.attach_first + spec.attach_count - 1})
        if (index >= fds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::int32_t fds = data[0];
    // A block of exactly this size, so that the sanitizer sees the first byte too many.
    std::size_t bytes = size - 1;
    void* block = std::malloc(bytes == 0 ? 1 : bytes);
    std::memcpy(block, data + 1, bytes);
    if (View view = View::check(block, bytes, std::size_t(fds))) read_all(view, fds);
    std::free(block);
    return 0;
}
