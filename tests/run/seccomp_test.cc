// Filters: what the default profile answers a process, profiles in Docker's JSON, and every number
// against the program libseccomp makes of the same rules.
#include "run/capabilities.h"
#include "run/seccomp.h"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t x86_64 = AUDIT_ARCH_X86_64, i386 = AUDIT_ARCH_I386;

constexpr std::uint32_t denied(int error) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

using Program = std::vector<sock_filter>;

Program program_of(const Result<std::string>& text) {
    BOOST_REQUIRE_MESSAGE(text, (text ? "" : text.error().message()));
    BOOST_REQUIRE(text->size() % sizeof(sock_filter) == 0);
    Program program(text->size() / sizeof(sock_filter));
    std::memcpy(program.data(), text->data(), text->size());
    return program;
}

// The kernel's interpreter of classic BPF, as far as filters go.
std::uint32_t run(const Program& program, const seccomp_data& data) {
    std::uint32_t a = 0;
    for (std::size_t pc = 0; pc < program.size();) {
        const sock_filter& in = program[pc++];
        auto jump = [&](bool yes) { pc += yes ? in.jt : in.jf; };
        switch (in.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            std::memcpy(&a, reinterpret_cast<const char*>(&data) + in.k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= in.k;
            break;
        case BPF_JMP | BPF_JA:
            pc += in.k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            jump(a == in.k);
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            jump(a > in.k);
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            jump(a >= in.k);
            break;
        case BPF_RET | BPF_K:
            return in.k;
        default:
            BOOST_FAIL("instruction " << in.code);
        }
    }
    BOOST_FAIL("fell out of the program");
    return 0;
}

std::uint32_t ask(const Program& program, std::uint32_t arch, std::uint32_t number,
                  std::array<std::uint64_t, 6> arguments = {}) {
    seccomp_data data{};
    data.arch = arch;
    data.nr = static_cast<int>(number);
    std::ranges::copy(arguments, data.args);
    return run(program, data);
}

std::uint64_t with(std::initializer_list<const char*> names) {
    std::uint64_t mask = run::default_capabilities();
    for (const char* name : names)
        mask |= 1ULL << *run::capability_number(name);
    return mask;
}

std::string refusal(std::string_view profile) {
    auto compiled = run::compile_seccomp(profile, 0);
    BOOST_REQUIRE_MESSAGE(!compiled, profile);
    return compiled.error().message();
}

// In a child under the filter: errno of each call, 0 where it was let through to the kernel.
template <class Calls> int under_filter(Program& program, Calls calls) {
    pid_t pid = ::fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) {
        sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
            ::_exit(100);
        ::_exit(calls());
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(pid, &status, 0) == pid);
    BOOST_REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

template <class... Arguments> bool fails(int error, long number, Arguments... arguments) {
    errno = 0;
    return ::syscall(number, arguments...) == -1 && errno == error;
}

}  // namespace

#ifdef __x86_64__

BOOST_AUTO_TEST_CASE(a_process_under_the_default_profile) {
    Program program = program_of(run::default_seccomp(run::default_capabilities()));
    int failed = under_filter(program, [] {
        if (!fails(EPERM, SYS_mount, "none", "/nowhere", "tmpfs", 0, nullptr)) return 1;
        if (!fails(ENOSYS, SYS_clone3, nullptr, 0)) return 2;
        if (!fails(EPERM, SYS_unshare, 0x10000000 /* CLONE_NEWUSER */)) return 3;
        if (!fails(EPERM, SYS_keyctl, 0, 0, 0, 0, 0)) return 4;
        if (!fails(EPERM, SYS_socket, AF_VSOCK, SOCK_STREAM, 0)) return 5;
        if (!fails(EPERM, SYS_socket, AF_ALG, SOCK_SEQPACKET, 0)) return 6;
        if (!fails(EPERM, SYS_socket, 0x100000000ULL | AF_ALG, SOCK_SEQPACKET, 0)) return 7;
        if (::syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0) < 0) return 8;
        if (::syscall(SYS_personality, 0xffffffff) < 0) return 9;
        if (!fails(EPERM, SYS_personality, 0x0040000)) return 10;  // ADDR_NO_RANDOMIZE
        if (!fails(EPERM, SYS_bpf, 0, nullptr, 0)) return 11;
        if (!fails(EPERM, 425 /* io_uring_setup */, 1, nullptr)) return 12;
        if (!fails(ENOSYS, 600)) return 13;  // a call of the future
        if (!fails(EPERM, SYS_clone, 0x10000000, nullptr, nullptr, nullptr, nullptr)) return 14;
        if (!fails(EPERM, SYS_reboot, 0, 0, 0, nullptr)) return 15;
        if (!fails(EINVAL, SYS_chroot, nullptr) && errno != EFAULT) return 16;  // allowed
        pid_t child = ::fork();
        if (child == 0) ::_exit(0);
        if (child < 0 || ::waitpid(child, nullptr, 0) != child) return 17;
        char text[] = "true";
        char* arguments[] = {text, nullptr};
        ::execv("/bin/true", arguments);  // libc, loader and all
        return 18;
    });
    BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(capabilities_open_calls) {
    struct Case {
        const char* capability;
        int call;
    };
    for (auto [capability, call] :
         std::initializer_list<Case>{{"SYS_ADMIN", SYS_mount},
                                     {"SYS_ADMIN", SYS_setns},
                                     {"SYS_ADMIN", SYS_bpf},
                                     {"SYS_ADMIN", 459},
                                     {"SYS_ADMIN", SYS_clone3},
                                     {"BPF", SYS_bpf},
                                     {"PERFMON", SYS_perf_event_open},
                                     {"SYSLOG", SYS_syslog},
                                     {"SYS_PTRACE", SYS_kcmp},
                                     {"SYS_PTRACE", SYS_pidfd_getfd},
                                     {"SYS_BOOT", SYS_reboot},
                                     {"SYS_MODULE", SYS_finit_module},
                                     {"SYS_PACCT", SYS_acct},
                                     {"SYS_RAWIO", SYS_iopl},
                                     {"SYS_TIME", SYS_clock_settime},
                                     {"SYS_TTY_CONFIG", SYS_vhangup},
                                     {"SYS_NICE", SYS_mbind},
                                     {"DAC_READ_SEARCH", SYS_open_by_handle_at}}) {
        auto number = static_cast<std::uint32_t>(call);
        Program without = program_of(run::default_seccomp(run::default_capabilities()));
        Program granted = program_of(run::default_seccomp(with({capability})));
        BOOST_TEST(ask(without, x86_64, number) == denied(call == SYS_clone3 ? ENOSYS : EPERM),
                   capability << " " << call);
        BOOST_TEST(ask(granted, x86_64, number) == allow, capability << " " << call);
        BOOST_TEST(ask(granted, x86_64, number | 0x40000000) == allow, capability << " " << call);
    }
    Program none = program_of(run::default_seccomp(0));
    BOOST_TEST(ask(none, x86_64, SYS_chroot) == denied(EPERM));
    BOOST_TEST(ask(none, x86_64, SYS_ptrace) == allow);
    Program all = program_of(run::default_seccomp(run::all_capabilities()));
    BOOST_TEST(ask(all, x86_64, SYS_clone, {0x10000000}) == allow);
    for (auto call : {SYS_keyctl, SYS_userfaultfd, SYS_kexec_load, SYS_swapon, SYS_add_key})
        BOOST_TEST(ask(all, x86_64, static_cast<std::uint32_t>(call)) == denied(EPERM));
}

BOOST_AUTO_TEST_CASE(all_abis_are_filtered) {
    Program program = program_of(run::default_seccomp(run::default_capabilities()));
    constexpr std::uint32_t x32 = 0x40000000;
    BOOST_TEST(ask(program, x86_64, 0) == allow);
    BOOST_TEST(ask(program, x86_64, x32 | 0) == allow);
    BOOST_TEST(ask(program, x86_64, x32 | 512) == allow);  // x32's own rt_sigaction
    BOOST_TEST(ask(program, x86_64, 512) == denied(ENOSYS));
    BOOST_TEST(ask(program, x86_64, x32 | 2000) == denied(ENOSYS));
    BOOST_TEST(ask(program, x86_64, x32 | SYS_mount) == denied(EPERM));
    BOOST_TEST(ask(program, i386, 3) == allow);               // read
    BOOST_TEST(ask(program, i386, 21) == denied(EPERM));      // mount
    BOOST_TEST(ask(program, i386, 102, {1}) == allow);        // socketcall
    BOOST_TEST(ask(program, i386, 359, {AF_INET}) == allow);  // socket
    BOOST_TEST(ask(program, i386, 359, {AF_ALG}) == denied(EPERM));
    BOOST_TEST(ask(program, i386, 359, {AF_VSOCK}) == denied(EPERM));
    BOOST_TEST(ask(program, i386, 384) == allow);         // arch_prctl
    BOOST_TEST(ask(program, i386, 51) == denied(EPERM));  // acct
    BOOST_TEST(ask(program, i386, 466) == allow);
    BOOST_TEST(ask(program, i386, 467) == denied(ENOSYS));
    BOOST_TEST(ask(program, AUDIT_ARCH_AARCH64, 63) == SECCOMP_RET_KILL_THREAD);
    BOOST_TEST(ask(program, x86_64, 335) == allow);  // uretprobe
    BOOST_TEST(ask(program, x86_64, 466) == allow);
    BOOST_TEST(ask(program, x86_64, 467) == denied(ENOSYS));
    BOOST_TEST(program.size() < 1500u);
}

#endif

BOOST_AUTO_TEST_CASE(compiling_is_cheap_and_cached) {
    auto start = std::chrono::steady_clock::now();
    auto first = *run::default_seccomp(with({"SYS_ADMIN", "NET_ADMIN"}));
    auto middle = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i)
        BOOST_TEST((*run::default_seccomp(with({"SYS_ADMIN", "NET_ADMIN"})) == first));
    auto end = std::chrono::steady_clock::now();
    auto microseconds = [](auto time) {
        return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    };
    BOOST_TEST_MESSAGE("compiled in " << microseconds(middle - start) << " us, then "
                                      << microseconds(end - middle) / 100 << " us");
    BOOST_TEST(microseconds(end - middle) / 100 < microseconds(middle - start));
}

namespace {

// The same profile through libseccomp.
Program by_libseccomp(std::uint32_t default_action, auto add_rules) {
    scmp_filter_ctx context = seccomp_init(default_action);
    BOOST_REQUIRE(context != nullptr);
    BOOST_REQUIRE(seccomp_arch_add(context, SCMP_ARCH_X86) == 0);
    BOOST_REQUIRE(seccomp_arch_add(context, SCMP_ARCH_X32) == 0);
    add_rules(context);
    int fd = ::memfd_create("filter", 0);
    BOOST_REQUIRE(seccomp_export_bpf(context, fd) == 0);
    seccomp_release(context);
    Program program(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)) / sizeof(sock_filter));
    BOOST_REQUIRE(::pread(fd, program.data(), program.size() * sizeof(sock_filter), 0) > 0);
    ::close(fd);
    return program;
}

}  // namespace

#ifdef __x86_64__

BOOST_AUTO_TEST_CASE(every_number_as_libseccomp_has_it) {
    const char* profile = R"({"defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
        "syscalls": [
            {"names": ["read", "mount", "bind", "semop", "no_such_call"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77,
             "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_GT"},
                      {"index": 2, "value": 4294967296, "op": "SCMP_CMP_LE"}]},
            {"name": "lseek", "action": "SCMP_ACT_TRAP",
             "args": [{"index": 1, "value": 255, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["dup"], "action": "SCMP_ACT_KILL",
             "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_LT"}]},
            {"names": ["dup2"], "action": "SCMP_ACT_LOG",
             "args": [{"index": 3, "value": 5, "op": "SCMP_CMP_NE"}]},
            {"names": ["close"], "action": "SCMP_ACT_TRACE", "errnoRet": 9,
             "args": [{"index": 5, "value": 4294967297, "op": "SCMP_CMP_GE"}]}]})";
    Program ours = program_of(run::compile_seccomp(profile, 0));
    Program theirs = by_libseccomp(SCMP_ACT_ALLOW, [](scmp_filter_ctx context) {
        for (const char* name : {"read", "mount", "bind", "semop"})
            BOOST_REQUIRE(seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM),
                                           seccomp_syscall_resolve_name(name), 0) == 0);
        auto add = [&](std::uint32_t action, const char* name, auto... conditions) {
            BOOST_REQUIRE(seccomp_rule_add(context, action, seccomp_syscall_resolve_name(name),
                                           sizeof...(conditions), conditions...) == 0);
        };
        add(SCMP_ACT_ERRNO(77), "write", SCMP_A0_64(SCMP_CMP_GT, 2),
            SCMP_A2_64(SCMP_CMP_LE, 4294967296));
        add(SCMP_ACT_TRAP, "lseek", SCMP_A1_64(SCMP_CMP_MASKED_EQ, 255, 16));
        add(SCMP_ACT_KILL, "dup", SCMP_A0_64(SCMP_CMP_LT, 5));
        add(SCMP_ACT_LOG, "dup2", SCMP_A3_64(SCMP_CMP_NE, 5));
        add(SCMP_ACT_TRACE(9), "close", SCMP_A5_64(SCMP_CMP_GE, 4294967297));
    });
    // 32-bit calls have no upper halves.
    std::uint64_t values[] = {0, 1, 2, 3, 4, 5, 6, 16, 272, 4294967295};
    std::uint64_t wide[] = {4294967296, 4294967297, 4294967298, 0x500000005, ~0ULL};
    for (std::uint32_t number = 0; number < 600; ++number)
        for (std::uint32_t arch : {x86_64, i386})
            for (std::uint32_t bit : {0u, 0x40000000u}) {
                if (arch == i386 && bit != 0) continue;
                auto compare = [&](std::uint64_t value) {
                    std::array<std::uint64_t, 6> same;
                    same.fill(value);
                    std::array<std::uint64_t, 6> first{value, 16, 3, 5, 0, 0};
                    for (const auto& arguments : {same, first})
                        if (ask(ours, arch, number | bit, arguments) !=
                            ask(theirs, arch, number | bit, arguments))
                            BOOST_ERROR(fmt::format("{:x} {} of {}: {:x} and {:x}", arch,
                                                    number | bit, value,
                                                    ask(ours, arch, number | bit, arguments),
                                                    ask(theirs, arch, number | bit, arguments)));
                };
                for (std::uint64_t value : values)
                    compare(value);
                if (arch == x86_64)
                    for (std::uint64_t value : wide)
                        compare(value);
            }
}

BOOST_AUTO_TEST_CASE(rules_are_for_some_containers) {
    const char* profile = R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5, "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["write"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["close"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "999.0"}},
        {"names": ["stat"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
        {"names": ["fstat"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
                  {"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]},
        {"names": ["lstat"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}}]})";
    Program plain = program_of(run::compile_seccomp(profile, 0));
    Program admin = program_of(run::compile_seccomp(profile, 1ULL << 21));
    BOOST_TEST(ask(plain, x86_64, 0) == denied(5));
    BOOST_TEST(ask(admin, x86_64, 0) == allow);
    BOOST_TEST(ask(plain, x86_64, 1) == allow);
    BOOST_TEST(ask(admin, x86_64, 1) == denied(5));
    BOOST_TEST(ask(plain, x86_64, 2) == allow);
    BOOST_TEST(ask(plain, x86_64, 3) == denied(5));
    BOOST_TEST(ask(plain, x86_64, 4) == denied(5));
    BOOST_TEST(ask(plain, x86_64, 5) == allow);
    BOOST_TEST(ask(plain, x86_64, 6) == denied(5));
    // Alternatives, as runc takes several conditions on one argument.
    BOOST_TEST(ask(plain, x86_64, 41, {1}) == allow);
    BOOST_TEST(ask(plain, x86_64, 41, {3}) == allow);
    BOOST_TEST(ask(plain, x86_64, 41, {2}) == denied(5));
    // Beyond what the profile names; ABIs it does not name.
    BOOST_TEST(ask(plain, x86_64, 42) == denied(ENOSYS));
    BOOST_TEST(ask(plain, i386, 3) == SECCOMP_RET_KILL_THREAD);
    BOOST_TEST(ask(plain, x86_64, 0x40000001) == SECCOMP_RET_KILL_THREAD);
}

#endif

BOOST_AUTO_TEST_CASE(bad_profiles_are_refused) {
    BOOST_TEST(refusal("{").find("Decoding seccomp profile failed: ") == 0u);
    BOOST_TEST(refusal(R"({"defaultAction": 5})").find("Decoding seccomp profile failed: ") == 0u);
    BOOST_TEST(refusal(R"({"defaultAction": "x"})") ==
               "string x is not a valid action for seccomp");
    BOOST_TEST(refusal(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x"]})") ==
               "string x is not a valid arch for seccomp");
    auto rule = [](const char* text) {
        return fmt::format(R"({{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{}]}})", text);
    };
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "action": ""})")) ==
               "string  is not a valid action for seccomp");
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "name": "read", "action": "SCMP_ACT_ALLOW"})"))
                   .find("use either 'name' or 'names'") != std::string::npos);
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]})"))
                   .find("index 6") != std::string::npos);
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                "args": [{"index": 0, "op": "=="}]})")) ==
               "string == is not a valid operator for seccomp");
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                "includes": {"minKernel": "4"}})")) ==
               "Decoding seccomp profile failed: invalid kernel version: 4, expected "
               "\"<kernel>.<major>\"");
    BOOST_TEST(refusal(rule(R"({"names": ["read"], "action": "SCMP_ACT_NOTIFY"})"))
                   .find("not supported") != std::string::npos);
    // Longer than the kernel takes.
    std::string many;
    for (int i = 0; i < 3000; ++i)
        many += fmt::format(R"({}{{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                              "args": [{{"index": 0, "value": {}, "op": "SCMP_CMP_EQ"}}]}})",
                            i == 0 ? "" : ",", i);
    BOOST_TEST(
        refusal(fmt::format(R"({{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}})", many))
            .find("too long") != std::string::npos);
    // Nothing said: nothing confined.
    BOOST_TEST(run::compile_seccomp("{}", 0).value().empty());
}
