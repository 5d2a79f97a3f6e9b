#include "run/seccomp.h"

#include "run/seccomp_rules.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <fmt/core.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <map>
#include <mutex>
#include <optional>
#include <seccomp.h>
#include <sys/utsname.h>

namespace run::seccomp {

namespace {

constexpr std::uint32_t x32_bit = 0x40000000;  // in the number, while the architecture is x86_64's
constexpr std::size_t filters_cached_max = 64;

// ---- Names to numbers ----

// Calls younger than Debian 12's libseccomp: one number for all ABIs since 5.1.
struct Young {
    std::string_view name;
    int number;
};
constexpr Young young[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};

// i386 has calls that go by socketcall(2) or ipc(2) and, since 4.3 and 5.1, numbers of their own
// too. libseccomp answers -100-n and -200-n for the n-th call of those two.
constexpr int socketcall_number = 102, ipc_number = 117;
constexpr Young i386_direct[] = {
    {"socket", 359},      {"socketpair", 360},  {"bind", 361},       {"connect", 362},
    {"listen", 363},      {"accept4", 364},     {"getsockopt", 365}, {"setsockopt", 366},
    {"getsockname", 367}, {"getpeername", 368}, {"sendto", 369},     {"sendmsg", 370},
    {"recvfrom", 371},    {"recvmsg", 372},     {"shutdown", 373},   {"recvmmsg", 337},
    {"sendmmsg", 345},    {"semget", 393},      {"semctl", 394},     {"shmget", 395},
    {"shmctl", 396},      {"shmat", 397},       {"shmdt", 398},      {"msgget", 399},
    {"msgsnd", 400},      {"msgrcv", 401},      {"msgctl", 402},
};

template <std::size_t count> int number_in(const Young (&table)[count], std::string_view name) {
    auto found = std::ranges::find(table, name, &Young::name);
    return found == std::end(table) ? -1 : found->number;
}

// Nothing below zero but what libseccomp's multiplexed calls answer on i386.
int number_of(std::uint32_t abi, std::string_view name) {
    int number = seccomp_syscall_resolve_name_arch(abi, std::string(name).c_str());
    if (number != __NR_SCMP_ERROR) return number;
    if (name == "uretprobe") return abi == SCMP_ARCH_X86_64 ? 335 : -1;
    if (name == "riscv_hwprobe") return abi == SCMP_ARCH_RISCV64 ? 258 : -1;
    number = number_in(young, name);
    return number >= 0 && abi == SCMP_ARCH_X32 ? number | static_cast<int>(x32_bit) : number;
}

// ---- Rules by number ----

struct Branch {
    std::vector<Condition> conditions;
    std::uint32_t action = 0;
    friend bool operator==(const Branch&, const Branch&) = default;
};

// What happens to one number: the first branch whose conditions hold, else the last resort.
struct Decision {
    std::vector<Branch> branches;
    std::uint32_t otherwise = 0;
    bool settled = false;  // a rule without conditions has set `otherwise`
    friend bool operator==(const Decision& a, const Decision& b) {
        return a.branches == b.branches && a.otherwise == b.otherwise;
    }
};

using Decisions = std::map<std::uint32_t, Decision>;

void decide(Decisions& decisions, std::uint32_t number, const std::vector<Condition>& conditions,
            std::uint32_t action, std::uint32_t default_action) {
    auto [at, fresh] = decisions.try_emplace(number, Decision{{}, default_action, false});
    Decision& decision = at->second;
    // As libseccomp has it, a rule without conditions stands over those with.
    if (decision.settled) return;
    if (conditions.empty())
        decision = {{}, action, true};
    else
        decision.branches.push_back({conditions, action});
}

// Of x32's registers, too, libseccomp looks at the lower half alone.
bool has_32_bits(std::uint32_t abi) {
    return abi == SCMP_ARCH_X32 || (abi & __AUDIT_ARCH_64BIT) == 0;
}

void decide_by_name(Decisions& decisions, std::uint32_t abi, std::string_view name,
                    const Rule& rule, std::uint32_t default_action) {
    auto add = [&](int number, std::vector<Condition> conditions) {
        if (number < 0) return;
        for (Condition& condition : conditions)
            condition.is_int = condition.is_int || has_32_bits(abi);
        decide(decisions, static_cast<std::uint32_t>(number), conditions, rule.action,
               default_action);
    };
    int number = number_of(abi, name);
    if (abi != SCMP_ARCH_X86 || number > -100 || number < -299) return add(number, rule.conditions);
    add(number_in(i386_direct, name), rule.conditions);
    // The arguments of a multiplexed call are behind a pointer: only a rule without conditions can
    // be told in terms of it.
    if (!rule.conditions.empty()) return;
    bool is_socket = number > -200;
    auto which = static_cast<std::uint64_t>(-number - (is_socket ? 100 : 200));
    add(is_socket ? socketcall_number : ipc_number, {{.argument = 0, .value = which}});
}

// ---- Ranges ----

// From `first` to the next segment's.
struct Segment {
    std::uint32_t first = 0;
    Decision decision;
};

void append(std::vector<Segment>& segments, std::uint32_t first, Decision decision) {
    if (!segments.empty() && segments.back().first == first) segments.pop_back();
    if (segments.empty() || !(segments.back().decision == decision))
        segments.push_back({first, std::move(decision)});
}

// Numbers of one ABI begin at `base`. What is younger than the youngest call the profile names does
// not exist: a libc that knows more than the profile falls back on ENOSYS, but not on EPERM.
void append_abi(std::vector<Segment>& segments, const Decisions& decisions, std::uint32_t base,
                std::uint32_t default_action) {
    Decision fallback{{}, default_action, true};
    append(segments, base, fallback);
    std::uint32_t next = base;
    for (const auto& [number, decision] : decisions) {
        if (number != next) append(segments, next, fallback);
        append(segments, number, decision);
        next = number + 1;
    }
    std::uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;
    bool permissive = kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG ||
                      kind == SECCOMP_RET_TRACE || decisions.empty();
    append(segments, next, permissive ? fallback : Decision{{}, SECCOMP_RET_ERRNO | ENOSYS, true});
}

// ---- Instructions ----

using Program = std::vector<sock_filter>;

sock_filter load(std::size_t offset) {
    return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
}
sock_filter answer(std::uint32_t action) {
    return {BPF_RET | BPF_K, 0, 0, action};
}
sock_filter skip(std::size_t count) {
    return {BPF_JMP | BPF_JA | BPF_K, 0, 0, static_cast<std::uint32_t>(count)};
}
std::size_t argument_offset(unsigned index, bool upper) {
    bool second = upper == (std::endian::native == std::endian::little);
    return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t) + (second ? 4 : 0);
}

// Where a comparison goes on: behind the condition, to the next branch, or to the next instruction.
enum class Target { holds, fails, next };
struct Step {
    sock_filter code;
    Target yes = Target::next, no = Target::next;
};

void compare_steps(std::vector<Step>& steps, const Condition& condition) {
    using enum Target;
    auto upper = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); };
    auto lower = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    auto jump = [&](unsigned short test, std::uint32_t value, Target yes, Target no) {
        steps.push_back(
            {{static_cast<unsigned short>(BPF_JMP | test | BPF_K), 0, 0, value}, yes, no});
    };
    auto take = [&](bool is_upper, std::optional<std::uint32_t> mask) {
        steps.push_back({load(argument_offset(condition.argument, is_upper))});
        if (mask) steps.push_back({{BPF_ALU | BPF_AND | BPF_K, 0, 0, *mask}});
    };
    auto equal = [&](std::uint64_t value, std::optional<std::uint64_t> mask, Target yes,
                     Target no) {
        if (!condition.is_int) {
            take(true, mask ? std::optional(upper(*mask)) : std::nullopt);
            jump(BPF_JEQ, upper(value), next, no);
        }
        take(false, mask ? std::optional(lower(*mask)) : std::nullopt);
        jump(BPF_JEQ, lower(value), yes, no);
    };
    auto above = [&](unsigned short test, Target yes, Target no) {
        if (!condition.is_int) {
            take(true, std::nullopt);
            jump(BPF_JGT, upper(condition.value), yes, next);
            jump(BPF_JEQ, upper(condition.value), next, no);
        }
        take(false, std::nullopt);
        jump(test, lower(condition.value), yes, no);
    };
    switch (condition.compare) {
    case Compare::eq:
        return equal(condition.value, std::nullopt, holds, fails);
    case Compare::ne:
        return equal(condition.value, std::nullopt, fails, holds);
    case Compare::masked_eq:
        return equal(condition.datum, condition.value, holds, fails);
    case Compare::gt:
        return above(BPF_JGT, holds, fails);
    case Compare::ge:
        return above(BPF_JGE, holds, fails);
    case Compare::lt:
        return above(BPF_JGE, fails, holds);
    case Compare::le:
        return above(BPF_JGT, fails, holds);
    }
}

// At most six conditions of seven instructions: every jump in it is short.
void append_branch(Program& program, const Branch& branch) {
    std::vector<Step> steps;
    std::vector<std::size_t> ends;  // per step: where its condition ends
    for (const Condition& condition : branch.conditions) {
        compare_steps(steps, condition);
        ends.resize(steps.size(), steps.size());
    }
    for (std::size_t at = 0; at < steps.size(); ++at) {
        auto distance = [&](Target target) -> std::uint8_t {
            if (target == Target::next) return 0;
            // The answer stands behind the last step, the next branch behind the answer.
            std::size_t to = target == Target::holds ? ends[at] : steps.size() + 1;
            return static_cast<std::uint8_t>(to - at - 1);
        };
        sock_filter code = steps[at].code;
        code.jt = distance(steps[at].yes);
        code.jf = distance(steps[at].no);
        program.push_back(code);
    }
    program.push_back(answer(branch.action));
}

// A balanced tree over the segments [first, last) while the number is in the accumulator.
Program tree(const std::vector<Segment>& segments, std::size_t first, std::size_t last) {
    Program program;
    if (last - first == 1) {
        const Decision& decision = segments[first].decision;
        for (const Branch& branch : decision.branches)
            append_branch(program, branch);
        program.push_back(answer(decision.otherwise));
        return program;
    }
    std::size_t middle = (first + last) / 2;
    Program left = tree(segments, first, middle), right = tree(segments, middle, last);
    auto test = static_cast<unsigned short>(BPF_JMP | BPF_JGE | BPF_K);
    if (left.size() <= 255) {
        program.push_back(
            {test, static_cast<std::uint8_t>(left.size()), 0, segments[middle].first});
    } else {
        program.push_back({test, 0, 1, segments[middle].first});
        program.push_back(skip(left.size()));
    }
    program.insert(program.end(), left.begin(), left.end());
    program.insert(program.end(), right.begin(), right.end());
    return program;
}

Decisions decisions_of(const Rules& rules, std::uint32_t abi) {
    Decisions decisions;
    for (const Rule& rule : rules.rules)
        for (std::string_view name : rule.names)
            decide_by_name(decisions, abi, name, rule, rules.default_action);
    return decisions;
}

}  // namespace

std::vector<std::uint32_t> machine_abis() {
    switch (std::uint32_t native = seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
        return {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};
    case SCMP_ARCH_AARCH64:
        return {SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
    case SCMP_ARCH_S390X:
        return {SCMP_ARCH_S390X, SCMP_ARCH_S390};
    default:
        return {native};
    }
}

bool kernel_at_least(unsigned major, unsigned minor) {
    utsname name{};
    unsigned have_major = 0, have_minor = 0;
    if (::uname(&name) != 0 || std::sscanf(name.release, "%u.%u", &have_major, &have_minor) != 2)
        return false;
    return have_major != major ? have_major > major : have_minor >= minor;
}

Result<std::string> compile(const Rules& rules) {
    auto wants = [&](std::uint32_t abi) {
        return std::ranges::find(rules.abis, abi) != rules.abis.end();
    };
    Program program{load(offsetof(seccomp_data, arch))};
    for (std::uint32_t abi : rules.abis) {
        if (abi == SCMP_ARCH_X32) continue;
        std::vector<Segment> segments;
        append_abi(segments, decisions_of(rules, abi), 0, rules.default_action);
        if (abi == SCMP_ARCH_X86_64) {
            if (wants(SCMP_ARCH_X32))
                append_abi(segments, decisions_of(rules, SCMP_ARCH_X32), x32_bit,
                           rules.default_action);
            else
                append(segments, x32_bit, Decision{{}, SECCOMP_RET_KILL_THREAD, true});
        }
        Program body = tree(segments, 0, segments.size());
        program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, abi});
        program.push_back(skip(body.size() + 1));
        program.push_back(load(offsetof(seccomp_data, nr)));
        program.insert(program.end(), body.begin(), body.end());
    }
    // An ABI that the profile does not know.
    program.push_back(answer(SECCOMP_RET_KILL_THREAD));
    if (program.size() > BPF_MAXINSNS)
        return Error(Kind::invalid,
                     fmt::format("seccomp filter is too long: {} instructions", program.size()));
    return std::string(reinterpret_cast<const char*>(program.data()),
                       program.size() * sizeof(sock_filter));
}

}  // namespace run::seccomp

namespace run {

Result<std::string> default_seccomp(std::uint64_t capabilities) {
    // Pure of its argument; compiling anew at each start would cost more than the start's clone.
    static std::mutex mutex;
    static std::map<std::uint64_t, std::string> cache;
    std::lock_guard lock(mutex);
    if (auto found = cache.find(capabilities); found != cache.end()) return found->second;
    TRY(std::string program, seccomp::compile(seccomp::default_rules(capabilities)));
    if (cache.size() >= seccomp::filters_cached_max) cache.clear();
    return cache.emplace(capabilities, std::move(program)).first->second;
}

}  // namespace run
