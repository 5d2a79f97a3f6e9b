// The little that the shim needs of a C library, for the processors listed in meson.build: system
// calls, strings, the entry. A static glibc would be 700 KB in the sealed copy, 450 KB of them
// touched at start; with this the whole program is 40 KB. Elsewhere the shim is linked with libc.
// Signatures are libc's own headers'; structures are the kernel's on 64 bits.
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert(sizeof(long) == 8);

namespace {

int error_number;

#if defined(__x86_64__)
long enter(long number, long a, long b, long c, long d, long e, long f) {
    long value;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(value)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return value;
}
#elif defined(__aarch64__)
long enter(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc 0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory");
    return x0;
}
#endif

long as_long(long value) {
    return value;
}
long as_long(const volatile void* pointer) {
    return reinterpret_cast<long>(pointer);
}

template <class... Args> long call(long number, Args... args) {
    long all[6] = {as_long(args)...};
    long value = enter(number, all[0], all[1], all[2], all[3], all[4], all[5]);
    if (value < 0 && value >= -4095) {
        error_number = static_cast<int>(-value);
        return -1;
    }
    return value;
}
template <class... Args> int call_int(long number, Args... args) {
    return static_cast<int>(call(number, args...));
}

// The kernel's struct sigaction; handlers of ours are only SIG_IGN and SIG_DFL.
struct KernelAction {
    void (*handler)(int);
    unsigned long flags;
    void* restorer;
    std::uint64_t mask;
};

constexpr long mask_bytes = 8;

}  // namespace

extern "C" {

int main(int, char**, char**);

[[noreturn]] void lighter_entry(long* stack) {
    int argc = static_cast<int>(stack[0]);
    auto** argv = reinterpret_cast<char**>(stack + 1);
    ::_exit(main(argc, argv, argv + argc + 1));
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n"
    " call lighter_entry\n hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n bl lighter_entry\n"
    " brk #0\n");
#endif

int* __errno_location() noexcept {
    return &error_number;
}

void _exit(int code) {
    for (;;)
        enter(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

// Arguments that were not given are read as whatever is there; the kernel does not look at them.
long syscall(long number, ...) noexcept {
    va_list list;
    va_start(list, number);
    long all[6];
    for (long& one : all)
        one = va_arg(list, long);
    va_end(list);
    return call(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

// ---- Files ----

int open(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    long mode = va_arg(list, int);
    va_end(list);
    return call_int(SYS_openat, AT_FDCWD, path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    long mode = va_arg(list, int);
    va_end(list);
    return call_int(SYS_openat, folder, path, flags, mode);
}
int fcntl(int fd, int command, ...) {
    va_list list;
    va_start(list, command);
    long argument = va_arg(list, long);
    va_end(list);
    return call_int(SYS_fcntl, fd, command, argument);
}
int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list list;
    va_start(list, request);
    long argument = va_arg(list, long);
    va_end(list);
    return call_int(SYS_ioctl, fd, static_cast<long>(request), argument);
}
int close(int fd) {
    return call_int(SYS_close, fd);
}
int close_range(unsigned first, unsigned last, int flags) noexcept {
    return call_int(SYS_close_range, first, last, flags);
}
ssize_t read(int fd, void* bytes, std::size_t size) {
    return call(SYS_read, fd, bytes, long(size));
}
ssize_t write(int fd, const void* bytes, std::size_t size) {
    return call(SYS_write, fd, bytes, long(size));
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
    return call(SYS_pwritev, fd, parts, count, at, 0L);
}
ssize_t sendfile(int out, int in, off_t* at, std::size_t size) noexcept {
    return call(SYS_sendfile, out, in, at, long(size));
}
int ftruncate(int fd, off_t size) noexcept {
    return call_int(SYS_ftruncate, fd, size);
}
int pipe2(int* pair, int flags) noexcept {
    return call_int(SYS_pipe2, pair, flags);
}
int dup2(int from, int to) noexcept {
    return from == to ? to : call_int(SYS_dup3, from, to, 0);
}
int dup3(int from, int to, int flags) noexcept {
    return call_int(SYS_dup3, from, to, flags);
}
int fstat(int fd, struct stat* info) noexcept {
    return call_int(SYS_newfstatat, fd, "", info, AT_EMPTY_PATH);
}
int stat(const char* path, struct stat* info) noexcept {
    return call_int(SYS_newfstatat, AT_FDCWD, path, info, 0);
}
int fstatfs(int fd, struct statfs* info) noexcept {
    return call_int(SYS_fstatfs, fd, info);
}
int mkdirat(int folder, const char* name, mode_t mode) noexcept {
    return call_int(SYS_mkdirat, folder, name, mode);
}
int mknodat(int folder, const char* name, mode_t mode, dev_t device) noexcept {
    return call_int(SYS_mknodat, folder, name, mode, long(device));
}
int symlinkat(const char* target, int folder, const char* name) noexcept {
    return call_int(SYS_symlinkat, target, folder, name);
}
int unlinkat(int folder, const char* name, int flags) noexcept {
    return call_int(SYS_unlinkat, folder, name, flags);
}
ssize_t readlinkat(int folder, const char* name, char* bytes, std::size_t size) noexcept {
    return call(SYS_readlinkat, folder, name, bytes, long(size));
}
int fchown(int fd, uid_t uid, gid_t gid) noexcept {
    return call_int(SYS_fchown, fd, uid, gid);
}
int fchownat(int folder, const char* name, uid_t uid, gid_t gid, int flags) noexcept {
    return call_int(SYS_fchownat, folder, name, uid, gid, flags);
}
int chdir(const char* path) noexcept {
    return call_int(SYS_chdir, path);
}
int fchdir(int fd) noexcept {
    return call_int(SYS_fchdir, fd);
}
mode_t umask(mode_t mask) noexcept {
    return static_cast<mode_t>(call(SYS_umask, mask));
}
int memfd_create(const char* name, unsigned flags) noexcept {
    return call_int(SYS_memfd_create, name, flags);
}
void* mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) noexcept {
    return reinterpret_cast<void*>(call(SYS_mmap, at, long(size), protection, flags, fd, offset));
}
int munmap(void* at, std::size_t size) noexcept {
    return call_int(SYS_munmap, at, long(size));
}
unsigned long long gnu_dev_makedev(unsigned major, unsigned minor) noexcept {
    auto high = static_cast<unsigned long long>(major);
    auto low = static_cast<unsigned long long>(minor);
    return (low & 0xff) | (high & 0xfff) << 8 | (low & ~0xffULL) << 12 | (high & ~0xfffULL) << 32;
}

// ---- Mounts ----

int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data) noexcept {
    return call_int(SYS_mount, source, target, type, long(flags), data);
}
int umount2(const char* target, int flags) noexcept {
    return call_int(SYS_umount2, target, flags);
}
int fsopen(const char* type, unsigned flags) noexcept {
    return call_int(SYS_fsopen, type, flags);
}
int fsconfig(int fd, unsigned command, const char* key, const void* value, int aux) noexcept {
    return call_int(SYS_fsconfig, fd, command, key, value, aux);
}
int fsmount(int fd, unsigned flags, unsigned attributes) noexcept {
    return call_int(SYS_fsmount, fd, flags, attributes);
}
int open_tree(int folder, const char* path, unsigned flags) noexcept {
    return call_int(SYS_open_tree, folder, path, flags);
}
int move_mount(int from, const char* from_path, int to, const char* to_path,
               unsigned flags) noexcept {
    return call_int(SYS_move_mount, from, from_path, to, to_path, flags);
}
int mount_setattr(int folder, const char* path, unsigned flags, struct mount_attr* attributes,
                  std::size_t size) noexcept {
    return call_int(SYS_mount_setattr, folder, path, flags, attributes, long(size));
}

// ---- Processes ----

pid_t fork() noexcept {
    return call_int(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
}
pid_t getpid() noexcept {
    return call_int(SYS_getpid);
}
pid_t setsid() noexcept {
    return call_int(SYS_setsid);
}
int setpgid(pid_t pid, pid_t group) noexcept {
    return call_int(SYS_setpgid, pid, group);
}
int tcsetpgrp(int fd, pid_t group) noexcept {
    return call_int(SYS_ioctl, fd, TIOCSPGRP, &group);
}
pid_t waitpid(pid_t pid, int* status, int options) {
    return call_int(SYS_wait4, pid, status, options, 0L);
}
int execve(const char* path, char* const* args, char* const* env) noexcept {
    return call_int(SYS_execve, path, args, env);
}
int kill(pid_t pid, int signal) noexcept {
    return call_int(SYS_kill, pid, signal);
}
int prctl(int option, ...) noexcept {
    va_list list;
    va_start(list, option);
    long all[4];
    for (long& one : all)
        one = va_arg(list, long);
    va_end(list);
    return call_int(SYS_prctl, option, all[0], all[1], all[2], all[3]);
}
int unshare(int flags) noexcept {
    return call_int(SYS_unshare, flags);
}
int setns(int fd, int type) noexcept {
    return call_int(SYS_setns, fd, type);
}
uid_t geteuid() noexcept {
    return static_cast<uid_t>(call(SYS_geteuid));
}
int setresuid(uid_t real, uid_t effective, uid_t saved) noexcept {
    return call_int(SYS_setresuid, real, effective, saved);
}
int setresgid(gid_t real, gid_t effective, gid_t saved) noexcept {
    return call_int(SYS_setresgid, real, effective, saved);
}
int setgroups(std::size_t count, const gid_t* groups) noexcept {
    return call_int(SYS_setgroups, long(count), groups);
}
int sethostname(const char* name, std::size_t size) noexcept {
    return call_int(SYS_sethostname, name, long(size));
}
int setdomainname(const char* name, std::size_t size) noexcept {
    return call_int(SYS_setdomainname, name, long(size));
}
int getrlimit(__rlimit_resource_t resource, rlimit* limit) noexcept {
    return call_int(SYS_prlimit64, 0, int(resource), 0L, limit);
}
int setrlimit(__rlimit_resource_t resource, const rlimit* limit) noexcept {
    return call_int(SYS_prlimit64, 0, int(resource), limit, 0L);
}
int clock_gettime(clockid_t clock, timespec* time) noexcept {
    return call_int(SYS_clock_gettime, clock, time);
}

// ---- Signals: the kernel's set is the first word of libc's ----

int sigemptyset(sigset_t* set) noexcept {
    set->__val[0] = 0;
    return 0;
}
int sigfillset(sigset_t* set) noexcept {
    set->__val[0] = ~0UL;
    return 0;
}
int sigaddset(sigset_t* set, int signal) noexcept {
    set->__val[0] |= 1UL << (signal - 1);
    return 0;
}
int sigdelset(sigset_t* set, int signal) noexcept {
    set->__val[0] &= ~(1UL << (signal - 1));
    return 0;
}
int sigprocmask(int how, const sigset_t* set, sigset_t* before) noexcept {
    return call_int(SYS_rt_sigprocmask, how, set, before, mask_bytes);
}
int sigaction(int signal, const struct sigaction* action, struct sigaction*) noexcept {
    KernelAction wanted{action->sa_handler, 0, nullptr, 0};
    return call_int(SYS_rt_sigaction, signal, &wanted, 0L, mask_bytes);
}
int sigwait(const sigset_t* set, int* signal) {
    *signal = call_int(SYS_rt_sigtimedwait, set, 0L, 0L, mask_bytes);
    return *signal > 0 ? 0 : error_number;
}
int signalfd(int fd, const sigset_t* set, int flags) noexcept {
    return call_int(SYS_signalfd4, fd, set, mask_bytes, flags);
}

// ---- Sockets and epoll ----

int socket(int family, int type, int protocol) noexcept {
    return call_int(SYS_socket, family, type, protocol);
}
int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
    return call_int(SYS_accept4, fd, address, size, flags);
}
int getsockopt(int fd, int level, int option, void* value, socklen_t* size) noexcept {
    return call_int(SYS_getsockopt, fd, level, option, value, size);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    return call(SYS_sendmsg, fd, message, flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
    return call(SYS_recvmsg, fd, message, flags);
}
cmsghdr* __cmsg_nxthdr(msghdr* message, cmsghdr* head) noexcept {
    auto* end = static_cast<unsigned char*>(message->msg_control) + message->msg_controllen;
    auto* next = reinterpret_cast<unsigned char*>(head) + CMSG_ALIGN(head->cmsg_len);
    if (head->cmsg_len < sizeof(cmsghdr) || next + sizeof(cmsghdr) > end) return nullptr;
    return reinterpret_cast<cmsghdr*>(next);
}
int epoll_create1(int flags) noexcept {
    return call_int(SYS_epoll_create1, flags);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
    return call_int(SYS_epoll_ctl, epoll, operation, fd, event);
}
int epoll_wait(int epoll, epoll_event* events, int count, int milliseconds) {
    return call_int(SYS_epoll_pwait, epoll, events, count, milliseconds, 0L, mask_bytes);
}

// ---- Bytes and strings (also called by the compiler itself) ----

void* memcpy(void* to, const void* from, std::size_t size) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    while (size-- > 0)
        *out++ = *in++;
    return to;
}
void* memmove(void* to, const void* from, std::size_t size) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    const auto* in = static_cast<const unsigned char*>(from);
    if (out < in) return memcpy(to, from, size);
    while (size-- > 0)
        out[size] = in[size];
    return to;
}
void* memset(void* to, int value, std::size_t size) noexcept {
    auto* out = static_cast<unsigned char*>(to);
    while (size-- > 0)
        *out++ = static_cast<unsigned char>(value);
    return to;
}
int memcmp(const void* a, const void* b, std::size_t size) noexcept {
    const auto* x = static_cast<const unsigned char*>(a);
    const auto* y = static_cast<const unsigned char*>(b);
    for (std::size_t i = 0; i < size; ++i)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}
int bcmp(const void* a, const void* b, std::size_t size) noexcept {
    return memcmp(a, b, size);
}
void* lighter_memchr(const void* bytes, int value, std::size_t size) asm("memchr");
void* lighter_memchr(const void* bytes, int value, std::size_t size) {
    auto* at = static_cast<unsigned char*>(const_cast<void*>(bytes));
    for (; size-- > 0; ++at)
        if (*at == static_cast<unsigned char>(value)) return at;
    return nullptr;
}
std::size_t strlen(const char* text) noexcept {
    std::size_t size = 0;
    while (text[size] != 0)
        ++size;
    return size;
}
char* strcpy(char* to, const char* from) noexcept {
    return static_cast<char*>(memcpy(to, from, strlen(from) + 1));
}
int strncmp(const char* a, const char* b, std::size_t size) noexcept {
    for (; size-- > 0; ++a, ++b) {
        if (*a != *b)
            return static_cast<unsigned char>(*a) < static_cast<unsigned char>(*b) ? -1 : 1;
        if (*a == 0) return 0;
    }
    return 0;
}
int strcmp(const char* a, const char* b) noexcept {
    return strncmp(a, b, ~std::size_t(0));
}
char* lighter_strchr(const char* text, int value) asm("strchr");
char* lighter_strchr(const char* text, int value) {
    for (;; ++text) {
        if (*text == static_cast<char>(value)) return const_cast<char*>(text);
        if (*text == 0) return nullptr;
    }
}
char* lighter_strrchr(const char* text, int value) asm("strrchr");
char* lighter_strrchr(const char* text, int value) {
    const char* found = nullptr;
    for (;; ++text) {
        if (*text == static_cast<char>(value)) found = text;
        if (*text == 0) return const_cast<char*>(found);
    }
}
std::size_t strspn(const char* text, const char* set) noexcept {
    std::size_t size = 0;
    while (text[size] != 0 && lighter_strchr(set, text[size]) != nullptr)
        ++size;
    return size;
}
std::size_t strcspn(const char* text, const char* set) noexcept {
    std::size_t size = 0;
    while (text[size] != 0 && lighter_strchr(set, text[size]) == nullptr)
        ++size;
    return size;
}

}  // extern "C"
