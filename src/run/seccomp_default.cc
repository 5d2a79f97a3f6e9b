// Docker's default profile as a table: what is allowed always, and with which capability.
#include "run/capabilities.h"
#include "run/seccomp_rules.h"

#include <cerrno>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/socket.h>

namespace run::seccomp {

namespace {

// Names that an ABI does not have are passed over.
constexpr std::string_view always =
    // files and folders
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown "
    "fchown32 fchownat fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 fstatfs fstatfs64 "
    "fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 ioctl lchown lchown32 link "
    "linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat "
    "open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink "
    "readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 "
    "statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 "
    "umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev "
    "listmount statmount cachestat "
    // extended attributes
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
    "listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat "
    // waiting and telling
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 "
    "select "
    "signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
    "timerfd_settime64 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
    "io_setup io_submit "
    // memory
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 "
    "mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
    "pkey_free "
    "pkey_mprotect process_mrelease remap_file_pages "
    // processes, threads and who they are
    "capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid geteuid32 "
    "getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid "
    "getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid get_thread_area "
    "gettid getuid getuid32 ioprio_get ioprio_set pidfd_open prctl prlimit64 restart_syscall rseq "
    "sched_getaffinity sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min "
    "sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
    "sched_setattr sched_setparam sched_setscheduler sched_yield setfsgid setfsgid32 setfsuid "
    "setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 "
    "setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit set_robust_list "
    "setsid set_thread_area set_tid_address setuid setuid32 ugetrlimit uretprobe vfork wait4 "
    "waitid "
    "waitpid futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake "
    // confining oneself further
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp "
    // signals
    "alarm kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sigaltstack sigprocmask sigreturn tgkill tkill "
    // time
    "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
    "setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 times "
    // sockets, all but socket itself
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall "
    "socketpair "
    // System V and POSIX messages
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
    "semtimedop_time64 shmat shmctl shmdt shmget "
    // the machine
    "getrandom sysinfo uname riscv_hwprobe";

// What one capability allows besides. A call in several rows needs one of them.
struct Grant {
    const char* capability;
    std::string_view names;
};
constexpr Grant grants[] = {
    {"DAC_READ_SEARCH", "open_by_handle_at"},
    {"SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie "
     "lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount "
     "open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount "
     "umount2 unshare"},
    {"SYS_BOOT", "reboot"},
    {"SYS_CHROOT", "chroot"},
    {"SYS_MODULE", "delete_module init_module finit_module"},
    {"SYS_PACCT", "acct"},
    {"SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"SYS_RAWIO", "iopl ioperm"},
    {"SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
    {"SYS_TTY_CONFIG", "vhangup"},
    {"SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"SYSLOG", "syslog"},
    {"BPF", "bpf"},
    {"PERFMON", "perf_event_open"},
};

std::string_view machine_names() {
    switch (machine_abis().front()) {
    case SCMP_ARCH_X86_64:
        return "arch_prctl modify_ldt";
    case SCMP_ARCH_X86:
        return "modify_ldt";
    case SCMP_ARCH_AARCH64:
    case SCMP_ARCH_ARM:
        return "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush "
               "set_tls";
    case SCMP_ARCH_RISCV64:
        return "riscv_flush_icache";
    case SCMP_ARCH_PPC64LE:
        return "sync_file_range2 swapcontext";
    case SCMP_ARCH_S390X:
        return "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr";
    default:
        return "";
    }
}

Rule allow(std::string_view names, std::vector<Condition> conditions = {}) {
    Rule rule{.names = {}, .conditions = std::move(conditions), .action = SECCOMP_RET_ALLOW};
    while (!names.empty()) {
        std::size_t end = std::min(names.find(' '), names.size());
        if (end > 0) rule.names.push_back(names.substr(0, end));
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return rule;
}

bool has(std::uint64_t capabilities, const char* name) {
    return (capabilities >> *capability_number(name) & 1) != 0;
}

}  // namespace

Rules default_rules(std::uint64_t capabilities) {
    Rules result{.default_action = SECCOMP_RET_ERRNO | EPERM, .abis = machine_abis(), .rules = {}};
    auto add = [&](std::string_view names, std::vector<Condition> conditions = {}) {
        result.rules.push_back(allow(names, std::move(conditions)));
    };
    add(always);
    add(machine_names());
    // Before 4.8 a tracer could change the call behind the filter's back.
    if (kernel_at_least(4, 8)) add("process_vm_readv process_vm_writev ptrace");
    for (const Grant& grant : grants)
        if (has(capabilities, grant.capability)) add(grant.names);

    // All families but AF_ALG and AF_VSOCK. As an int: the kernel drops the upper half, and with it
    // 1<<32 | AF_ALG would look like a family above both.
    auto family = [&](Compare compare, std::uint64_t value) {
        add("socket", {{.argument = 0, .compare = compare, .value = value, .is_int = true}});
    };
    static_assert(AF_ALG + 2 == AF_VSOCK);
    family(Compare::lt, AF_ALG);
    family(Compare::eq, AF_ALG + 1);
    family(Compare::gt, AF_VSOCK);
    // PER_LINUX, PER_LINUX32, each with UNAME26, and the question what it is.
    for (std::uint64_t value : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
        add("personality", {{.argument = 0, .value = value, .is_int = true}});

    if (!has(capabilities, "SYS_ADMIN")) {
        constexpr std::uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                                             CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                             CLONE_NEWCGROUP;
        // s390 has the flags second.
        unsigned flags = machine_abis().front() == SCMP_ARCH_S390X ? 1 : 0;
        add("clone", {{.argument = flags, .compare = Compare::masked_eq, .value = namespaces}});
        // Its flags stand in memory, where no filter reads: libc falls back to clone.
        Rule absent = allow("clone3");
        absent.action = SECCOMP_RET_ERRNO | ENOSYS;
        result.rules.push_back(std::move(absent));
    }
    return result;
}

}  // namespace run::seccomp
