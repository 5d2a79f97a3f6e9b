// What lighterd and lighter-shim say to each other: fixed messages on a SOCK_SEQPACKET socket, and
// the flat specification in a sealed memfd. Shared by both sides; libc only, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace run::protocol {

inline constexpr std::uint32_t version = 2;
inline constexpr std::uint32_t spec_magic = 0x3143544c;  // "LTC1"
inline constexpr std::size_t id_bytes_max = 79;
inline constexpr std::size_t text_bytes_max = 383;
inline constexpr std::size_t fds_max = 250;  // the kernel's SCM_MAX_FD is 253
inline constexpr std::size_t spec_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t list_items_max = 65536;
inline constexpr std::size_t processes_max = 4096;  // containers and execs at once

// ---- The specification ----

// Bytes in the specification followed by a NUL that is not counted; none inside. at 0: absent.
struct Text {
    std::uint32_t at = 0;
    std::uint32_t bytes = 0;
};

// `count` values of T, 8-aligned.
template <class T> struct List {
    std::uint32_t at = 0;
    std::uint32_t count = 0;
};

enum class MountKind : std::uint32_t { filesystem, bind };

enum MountFlags : std::uint32_t {
    mount_attributes_recursive = 1,  // apply attributes to the whole tree of a bind
    mount_target_is_file = 2,        // the source is no folder
    mount_no_symlinks = 4,     // the target is a real folder, whatever the image says (/proc, /sys)
    mount_is_proc = 8,         // the private proc handle itself goes here
    mount_readonly_late = 16,  // read-only once every other mount has its place
    mount_on_proc = 32,        // the target may lie inside procfs (known harmless files)
};

struct MountEntry {
    Text destination;
    Text type;                         // for fsopen
    List<Text> options;                // "key=value" or "flag" for fsconfig; "source=..." too
    std::uint64_t attributes_set = 0;  // MOUNT_ATTR_*
    std::uint64_t attributes_clear = 0;
    std::uint64_t propagation = 0;  // MS_PRIVATE, MS_SLAVE, MS_SHARED
    MountKind kind = MountKind::filesystem;
    std::uint32_t flags = 0;
    std::int32_t source_fd = -1;  // index into the message's descriptors
    std::uint32_t reserved = 0;
};

struct DeviceEntry {
    Text path;
    std::uint32_t mode = 0;  // with S_IFCHR or S_IFBLK or S_IFIFO
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t major = 0;
    std::uint32_t minor = 0;
    std::uint32_t reserved = 0;
};

struct LinkEntry {  // a symbolic link: /dev/fd, /dev/ptmx
    Text path;
    Text target;
};

struct RlimitEntry {
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    std::uint32_t resource = 0;
    std::uint32_t reserved = 0;
};

struct SysctlEntry {
    Text path;  // "net/ipv4/ip_forward"
    Text value;
};

struct FilterEntry {  // struct sock_filter
    std::uint16_t code;
    std::uint8_t jt, jf;
    std::uint32_t k;
};

enum SpecFlags : std::uint32_t {
    spec_terminal = 1,
    spec_open_stdin = 2,
    spec_no_new_privileges = 4,
    spec_init = 8,
    spec_readonly_root = 16,
    spec_fresh_pid = 32,
    spec_fresh_ipc = 64,
    spec_fresh_uts = 128,
    spec_fresh_network = 256,
    spec_fresh_cgroup = 512,
    spec_clone_into_cgroup = 1024,  // the first attach descriptor is a v2 folder
    spec_exec = 2048,               // a further process: joins namespaces of spec.join_pidfd
    spec_fresh_dev = 4096,          // /dev is ours: with a terminal /dev/console is made
};

struct Spec {
    std::uint32_t magic = spec_magic;
    std::uint32_t version = protocol::version;
    std::uint32_t bytes = 0;  // of the whole
    std::uint32_t flags = 0;
    // Indexes into the descriptors that came with the message behind the specification, -1: none.
    std::int32_t rootfs = -1;
    std::int32_t network = -1;
    std::int32_t pid_namespace = -1;
    std::int32_t ipc = -1;
    std::int32_t uts = -1;
    std::int32_t join_pidfd = -1;
    std::int32_t attach_first = 0;
    std::int32_t attach_count = 0;
    // The process.
    List<Text> args;
    List<Text> env;
    Text cwd;
    List<std::uint32_t> gids;
    List<RlimitEntry> rlimits;
    std::uint64_t bounding = 0;
    std::uint64_t permitted = 0;
    std::uint64_t effective = 0;
    std::uint64_t inheritable = 0;
    std::uint64_t ambient = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t umask = 022;
    std::int32_t oom_score_adj = 0;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
    std::uint32_t reserved = 0;
    List<FilterEntry> seccomp;
    // The container around it.
    Text target;  // spec_exec: the id of the container that is joined
    Text hostname;
    Text domainname;
    List<MountEntry> mounts;
    List<DeviceEntry> devices;
    List<LinkEntry> links;
    List<SysctlEntry> sysctls;
    List<Text> masked;
    List<Text> readonly;
};
static_assert(sizeof(Spec) % 8 == 0);

// A specification whose every offset, count, text and descriptor index was found good.
class View {
public:
    // Null pointer inside when `data` (8-aligned) is no valid specification for `fd_count`
    // descriptors.
    static View check(const void* data, std::size_t bytes, std::size_t fd_count);
    explicit operator bool() const { return base_ != nullptr; }
    const Spec& spec() const { return *reinterpret_cast<const Spec*>(base_); }
    const char* text(Text text) const { return text.at == 0 ? "" : base_ + text.at; }
    template <class T> const T* items(List<T> list) const {
        return reinterpret_cast<const T*>(base_ + list.at);
    }
    bool has(std::uint32_t flag) const { return (spec().flags & flag) != 0; }

private:
    const char* base_ = nullptr;
};

// ---- Messages ----

enum class Type : std::uint32_t {
    // lighterd asks
    hello = 1,    // first message; answered by listed... and list_end
    start,        // descriptors: the specification, then those it names
    close_stdin,  // drop the duplicate of the stdin pipe
    acknowledge,  // an end was recorded: forget the process
    foster,       // the shim that had started it is gone: watch it, keep its streams
    // the shim answers
    listed = 100,
    list_end,
    started,
    failed,
    exited,
};

struct Request {
    Type type = Type::hello;
    std::uint32_t version = protocol::version;
    std::uint32_t fds = 0;  // foster: ReplyFds, the pidfd among them
    std::int32_t pid = 0;   // foster
    char id[id_bytes_max + 1] = {};
};

// Which descriptors came with a reply, in this order.
enum ReplyFds : std::uint32_t {
    fd_pidfd = 1,
    fd_pty = 2,
    fd_stdin = 4,
    fd_stdout = 8,
    fd_stderr = 16,
    fd_spool = 32,
    fd_mount_namespace = 64,
};
inline constexpr std::size_t reply_fds_max = 8;

// The numbered steps of a start; a failure names the one it happened in.
enum class Step : std::uint32_t {
    none = 0,
    receive = 1,   // the specification
    terminal = 2,  // devpts and pty, or pipes
    clone = 3,     // with the namespaces
    cgroup = 4,    // the child attaches itself
    join = 5,      // namespaces of others, session keyring
    hostname = 6,
    proc = 7,  // the private handle, before anything of the container can be in its way
    sysctl = 8,
    oom_score = 9,
    rootfs = 10,  // attach the rootfs
    mount = 11,   // every mount of the specification
    device = 12,  // nodes and links
    console = 13,
    cwd_make = 14,
    paths = 15,     // masked and read-only
    readonly = 16,  // the rootfs
    pivot = 17,
    rlimit = 18,
    stdio = 19,
    user = 20,          // bounding set, groups, gid, uid
    capabilities = 21,  // as the process will have them
    cwd = 22,
    lookup = 23,  // args[0] in PATH
    seccomp = 24,
    exec = 25,
};

struct Reply {
    Type type = Type::failed;
    std::uint32_t version = protocol::version;
    std::uint32_t fds = 0;    // ReplyFds
    std::uint32_t ended = 0;  // listed: it has ended, wait_status and time are set
    std::int32_t pid = 0;
    std::int32_t wait_status = 0;  // as waitpid(2) gives it
    Step step = Step::none;        // failed
    std::int32_t error = 0;        // failed: errno
    std::int64_t time_ns = 0;      // exited: CLOCK_REALTIME
    char id[id_bytes_max + 1] = {};
    char text[text_bytes_max + 1] = {};  // failed: what it was about
};
static_assert(sizeof(Reply) <= 1024 && sizeof(Request) <= 128);

// What a failing child writes to its parent.
struct Failure {
    Step step = Step::none;
    std::int32_t error = 0;
    char text[text_bytes_max + 1] = {};
};

// ---- The spool: output while no lighterd was connected ----

// Records one after the other: a header, then `bytes` bytes.
struct SpoolRecord {
    std::int64_t time_ns = 0;  // CLOCK_REALTIME when it was read
    std::uint32_t bytes = 0;
    std::uint32_t stream = 1;  // 1 stdout or terminal, 2 stderr
};
inline constexpr std::size_t spool_bytes_max = 8 * 1024 * 1024;  // per container; then it blocks

}  // namespace run::protocol
