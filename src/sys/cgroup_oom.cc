// Hearing of a control group's out-of-memory kills as they happen: an eventfd on v1, a watch of the
// group's events on v2.
#include "sys/cgroup.h"
#include "sys/cgroup_files.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

namespace sys {

Result<Fd> Cgroup::watch_oom() const {
    const auto* hierarchy = host_->v2 ? &host_->hierarchies.front() : host_->find("memory");
    if (hierarchy == nullptr) return Error(Kind::unsupported, "cgroup memory is not mounted");
    TRY(CgroupFolder folder, open_group(*hierarchy, path_));
    if (host_->v2) {
        Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        if (!watch) return base::errno_error(errno, "inotify");
        std::string path = fmt::format("{}/memory.events", folder.where);
        if (::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0)
            return base::errno_error(errno, "watch " + path);
        return watch;
    }
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return base::errno_error(errno, "eventfd");
    TRY(Fd control, open_beneath(folder.fd, "memory.oom_control", O_RDONLY));
    TRY_DO(folder.write("cgroup.event_control", fmt::format("{} {}", event.get(), control.get())));
    return event;
}

}  // namespace sys
