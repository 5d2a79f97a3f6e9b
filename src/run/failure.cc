#include "run/failure.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace run {

using protocol::Step;

namespace {

// The shim tells the path below /proc/sys.
std::string sysctl_text(int error, std::string_view path) {
    std::string key(path);
    std::ranges::replace(key, '/', '.');
    bool opening = error == ENOENT || error == EACCES || error == ENOTDIR || error == EISDIR;
    return fmt::format("write sysctl key {}: {} /proc/sys/{}: {}", key, opening ? "open" : "write",
                       path, base::errno_text(error));
}

// Steps that fail because of what was asked for, with the text for them; else an empty text.
std::string told_by_user(Step step, int error, std::string_view text) {
    std::string why = base::errno_text(error);
    if (step == Step::lookup && error == 0)
        return fmt::format("exec: \"{}\": executable file not found in $PATH", text);
    if (step == Step::lookup && (error == ENOENT || error == ENOTDIR))
        return fmt::format("exec: \"{}\": stat {}: {}", text, text, why);
    if (step == Step::lookup) return fmt::format("exec: \"{}\": {}", text, why);
    if (step == Step::exec) return fmt::format("exec {}: {}", text, why);
    if (step == Step::cwd)
        return fmt::format("chdir to cwd (\"{}\") set in config.json failed: {}", text, why);
    if (step == Step::cwd_make) return fmt::format("mkdir {}: {}", text, why);
    if (step == Step::rlimit) return fmt::format("error setting rlimit type {}: {}", text, why);
    if (step == Step::sysctl) return sysctl_text(error, text);
    return "";
}

std::string_view name(Step step) {
    switch (step) {
    case Step::receive:
        return "reading the specification";
    case Step::terminal:
        return "opening the terminal";
    case Step::clone:
        return "fork";
    case Step::cgroup:
        return "unable to apply cgroup configuration";
    case Step::join:
        return "joining namespaces";
    case Step::hostname:
        return "sethostname";
    case Step::proc:
        return "mounting proc";
    case Step::oom_score:
        return "write oom_score_adj";
    case Step::rootfs:
        return "preparing rootfs";
    case Step::device:
        return "error creating device nodes";
    case Step::console:
        return "error setting up console";
    case Step::paths:
        return "can't mask path";
    case Step::readonly:
        return "error making rootfs read-only";
    case Step::pivot:
        return "error jailing process inside rootfs";
    case Step::stdio:
        return "error setting up stdio";
    case Step::user:
        return "error setting the user";
    case Step::capabilities:
        return "unable to apply caps";
    case Step::seccomp:
        return "unable to init seccomp";
    default:
        return "starting";
    }
}

}  // namespace

Error start_error(Kind kind, std::string_view what) {
    return Error(kind, fmt::format("failed to create task for container: failed to create shim "
                                   "task: OCI runtime create failed: runc create failed: unable to "
                                   "start container process: error during container init: {}: "
                                   "unknown",
                                   what));
}

Error start_error(Step step, int error, std::string_view text, bool exec) {
    auto wrap = [exec](Kind kind, const std::string& what) {
        if (!exec) return start_error(kind, what);
        return Error(kind, fmt::format("OCI runtime exec failed: exec failed: unable to start "
                                       "container process: {}: unknown",
                                       what));
    };
    std::string asked = told_by_user(step, error, text);
    if (!asked.empty()) return wrap(Kind::invalid, asked);
    std::string why = base::errno_text(error);
    bool asked_for = step == Step::mount && error == EINVAL;
    if (step == Step::mount && error == EPERM) why = "the target is inside /proc";
    if (step == Step::mount && error == ENOTDIR)
        return Error(
            Kind::invalid,
            wrap(Kind::invalid, fmt::format("error mounting to rootfs at \"{}\": {}", text, why))
                    .message() +
                ": Are you trying to mount a directory onto a file (or vice-versa)? Check "
                "if the specified host path exists and is the expected type");
    if (step == Step::mount)
        return wrap(asked_for ? Kind::invalid : Kind::internal,
                    fmt::format("error mounting to rootfs at \"{}\": {}", text, why));
    return wrap(Kind::internal, fmt::format("{}: {}: {}", name(step), text, why));
}

}  // namespace run
