// What a container is to the kernel, in the OCI runtime-spec's own words (snake_case): the engine
// fills it, the client encodes it for the shim, and it can be written out as config.json.
#pragma once

#include "run/capabilities.h"
#include "run/resources.h"
#include "run/user.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace run {

struct Rlimit {
    std::string type;  // "RLIMIT_NOFILE"
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

struct ConsoleSize {
    std::uint16_t height = 0;  // 0: leave the kernel's default
    std::uint16_t width = 0;
};

struct Process {
    bool terminal = false;
    ConsoleSize console_size;
    bool open_stdin = false;  // without a terminal: a pipe; else stdin is /dev/null
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;  // HOME is added from user.home when absent, TERM with a terminal
    std::string cwd = "/";         // made (root, 0755) if it is not there
    Capabilities capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::optional<int> oom_score_adj;  // absent: 0
    unsigned umask = 022;
    bool init = false;  // --init: the shim's own binary is pid 1 and reaps
};

// One mount, made in order. type "bind" takes its source from a path of the host or, better, from
// a descriptor in StartFds::mount_sources. options are mount(8)'s: ro, rw, nosuid, nodev, noexec,
// bind, rbind, private/rprivate, slave/rslave, shared/rshared, relatime, noatime..., and the file
// system's own ("size=64m", "mode=1777"). "ro" on an rbind is recursive unless "ro-non-recursive".
struct Mount {
    std::string destination;
    std::string type;
    std::string source;
    std::vector<std::string> options;
};

struct Device {
    std::string path;  // in the container
    char type = 'c';   // c, b, p
    std::int64_t major = 0;
    std::int64_t minor = 0;
    unsigned file_mode = 0666;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

enum class Namespace { fresh, host, join };  // join: the descriptor is in StartFds

struct Namespaces {
    Namespace pid = Namespace::fresh;
    Namespace ipc = Namespace::fresh;
    Namespace uts = Namespace::fresh;
    Namespace network = Namespace::fresh;
    Namespace cgroup = Namespace::host;  // fresh on cgroup v2 (Docker's default there)
};

struct Linux {
    Namespaces namespaces;
    std::string cgroups_path;  // "/lighter/<id>", below every controller's mount point
    Resources resources;
    std::vector<Device> devices;  // beyond the default nodes
    std::vector<std::pair<std::string, std::string>> sysctl;
    // none: unconfined. Else a filter compiled by run/seccomp.h.
    std::string seccomp;
    std::vector<std::string> masked_paths;
    std::vector<std::string> readonly_paths;
};

struct Root {
    bool readonly = false;
};

struct ContainerSpec {
    std::string id;  // 64 hex digits; the name of the container towards the shim
    Process process;
    Root root;
    std::string hostname;
    std::string domainname;
    std::vector<Mount> mounts;
    Linux linux_;  // `linux` is a macro of the compiler
};

// Docker's defaults. Mounts: /proc /dev /dev/pts /sys /sys/fs/cgroup /dev/mqueue /dev/shm in this
// order.
std::vector<Mount> default_mounts(std::uint64_t shm_bytes);
std::vector<std::string> default_masked_paths();
std::vector<std::string> default_readonly_paths();
// Every device node of the host's /dev (--privileged), and one of `--device
// HOST[:CONTAINER[:rwm]]`: a node gives one, a folder gives all below it.
std::vector<Device> host_devices();
Result<std::vector<Device>> devices_at(const std::string& host_path,
                                       const std::string& container_path);
// --privileged: /sys and /proc writable, nothing masked, all devices; capabilities and seccomp are
// the caller's.
void make_privileged(ContainerSpec& spec);

}  // namespace run
