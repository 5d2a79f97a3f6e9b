#include "sys/cgroup_device.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

namespace {

constexpr std::size_t rules_max =
    4096;  // 4,096 rules of 10 instructions are far below the kernel's
constexpr std::size_t programs_max = 64;  // the kernel's bound on one attach point

std::string number_or_any(std::int64_t number) {
    return number < 0 ? "*" : fmt::format("{}", number);
}

Result<std::uint32_t> access_bits(const CgroupDeviceRule& rule) {
    std::uint32_t bits = 0;
    for (char c : rule.access) {
        if (c == 'r')
            bits |= BPF_DEVCG_ACC_READ;
        else if (c == 'w')
            bits |= BPF_DEVCG_ACC_WRITE;
        else if (c == 'm')
            bits |= BPF_DEVCG_ACC_MKNOD;
        else
            return Error(Kind::invalid, fmt::format("invalid device access: {}", rule.access));
    }
    if (bits == 0) return Error(Kind::invalid, "invalid device access: ");
    return bits;
}

bpf_insn instruction(unsigned code, unsigned to, unsigned from, int offset, std::int32_t value) {
    bpf_insn insn{};
    insn.code = static_cast<__u8>(code);
    insn.dst_reg = to & 15;
    insn.src_reg = from & 15;
    insn.off = static_cast<__s16>(offset);
    insn.imm = value;
    return insn;
}

// Registers: what is asked of which device, and what is still undecided of it.
enum Register : unsigned { answer = 0, context = 1, type = 2, wanted = 3, major = 4, minor = 5 };

bpf_insn load(Register to, std::size_t offset) {
    return instruction(BPF_LDX | BPF_MEM | BPF_W, to, context, static_cast<int>(offset), 0);
}
bpf_insn compute(unsigned operation, Register to, std::uint32_t value) {
    return instruction(BPF_ALU | operation | BPF_K, to, 0, 0, static_cast<std::int32_t>(value));
}
bpf_insn jump(unsigned condition, Register left, std::uint32_t right, int over) {
    return instruction(BPF_JMP32 | condition | BPF_K, left, 0, over,
                       static_cast<std::int32_t>(right));
}

// One rule. Jumps over the rest of it where it is not about this device.
Status add_rule(std::vector<bpf_insn>& program, const CgroupDeviceRule& rule) {
    TRY(std::uint32_t access, access_bits(rule));
    std::vector<bpf_insn> body;
    if (rule.allow) {
        // What it allows is decided; done when nothing is left.
        body.push_back(compute(BPF_AND, wanted, ~access));
        body.push_back(jump(BPF_JNE, wanted, 0, 2));
        body.push_back(compute(BPF_MOV, answer, 1));
    } else {
        body.push_back(jump(BPF_JSET, wanted, access, 1));
        body.push_back(instruction(BPF_JMP | BPF_JA, 0, 0, 2, 0));
        body.push_back(compute(BPF_MOV, answer, 0));
    }
    body.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));

    std::vector<bpf_insn> tests;
    if (rule.type != 'a') {
        if (rule.type != 'b' && rule.type != 'c')
            return Error(Kind::invalid, fmt::format("invalid device type: {}", rule.type));
        std::uint32_t kind = rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
        tests.push_back(jump(BPF_JNE, type, kind, 0));
        if (rule.major > UINT32_MAX || rule.minor > UINT32_MAX)
            return Error(Kind::invalid, "invalid device number");
        if (rule.major >= 0)
            tests.push_back(jump(BPF_JNE, major, static_cast<std::uint32_t>(rule.major), 0));
        if (rule.minor >= 0)
            tests.push_back(jump(BPF_JNE, minor, static_cast<std::uint32_t>(rule.minor), 0));
    }
    for (std::size_t i = 0; i < tests.size(); ++i)
        tests[i].off = static_cast<__s16>(tests.size() - i - 1 + body.size());
    program.insert(program.end(), tests.begin(), tests.end());
    program.insert(program.end(), body.begin(), body.end());
    return {};
}

int bpf(unsigned command, bpf_attr& attr) {
    for (int attempt = 0;; ++attempt) {
        int done = static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
        // EAGAIN: the verifier was interrupted by a signal.
        if (done >= 0 || errno != EAGAIN || attempt == 5) return done;
    }
}

Result<Fd> load_program(const std::vector<bpf_insn>& program) {
    bpf_attr attr;
    std::memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = reinterpret_cast<std::uint64_t>(program.data());
    attr.insn_cnt = static_cast<__u32>(program.size());
    attr.license = reinterpret_cast<std::uint64_t>("Apache-2.0");
    std::memcpy(attr.prog_name, "lighter_device", 14);
    int fd = bpf(BPF_PROG_LOAD, attr);
    if (fd < 0) return base::errno_error(errno, "load the device rules");
    return Fd(fd);
}

std::vector<std::uint32_t> attached_programs(const Fd& group) {
    std::vector<std::uint32_t> ids(programs_max);
    bpf_attr attr;
    std::memset(&attr, 0, sizeof attr);
    attr.query.target_fd = static_cast<__u32>(group.get());
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = reinterpret_cast<std::uint64_t>(ids.data());
    attr.query.prog_cnt = static_cast<__u32>(ids.size());
    ids.resize(bpf(BPF_PROG_QUERY, attr) == 0
                   ? std::min<std::size_t>(attr.query.prog_cnt, programs_max)
                   : 0);
    return ids;
}

void detach_program(const Fd& group, std::uint32_t id) {
    bpf_attr attr;
    std::memset(&attr, 0, sizeof attr);
    attr.prog_id = id;
    Fd program(bpf(BPF_PROG_GET_FD_BY_ID, attr));
    if (!program) return;
    std::memset(&attr, 0, sizeof attr);
    attr.target_fd = static_cast<__u32>(group.get());
    attr.attach_bpf_fd = static_cast<__u32>(program.get());
    attr.attach_type = BPF_CGROUP_DEVICE;
    (void)bpf(BPF_PROG_DETACH, attr);
}

}  // namespace

std::vector<CgroupDeviceRule> default_device_rules() {
    // Nodes of every kind may be made, only these opened. OCI's list, and Docker's /dev/console.
    return {
        {.allow = false, .type = 'a'},
        {.type = 'c', .access = "m"},
        {.type = 'b', .access = "m"},
        {.type = 'c', .major = 1, .minor = 3},    // null
        {.type = 'c', .major = 1, .minor = 5},    // zero
        {.type = 'c', .major = 1, .minor = 7},    // full
        {.type = 'c', .major = 1, .minor = 8},    // random
        {.type = 'c', .major = 1, .minor = 9},    // urandom
        {.type = 'c', .major = 5, .minor = 0},    // tty
        {.type = 'c', .major = 5, .minor = 1},    // console
        {.type = 'c', .major = 5, .minor = 2},    // ptmx
        {.type = 'c', .major = 136, .minor = -1}  // pts
    };
}

std::string device_line(const CgroupDeviceRule& rule) {
    if (rule.type == 'a') return "a";
    return fmt::format("{} {}:{} {}", rule.type, number_or_any(rule.major),
                       number_or_any(rule.minor), rule.access);
}

Result<std::vector<bpf_insn>> device_program(const std::vector<CgroupDeviceRule>& rules) {
    if (rules.size() > rules_max)
        return Error(Kind::invalid, fmt::format("more than {} device rules", rules_max));
    std::vector<bpf_insn> program{
        load(type, offsetof(bpf_cgroup_dev_ctx, access_type)),
        load(wanted, offsetof(bpf_cgroup_dev_ctx, access_type)),
        compute(BPF_AND, type, 0xffff),
        compute(BPF_RSH, wanted, 16),
        load(major, offsetof(bpf_cgroup_dev_ctx, major)),
        load(minor, offsetof(bpf_cgroup_dev_ctx, minor)),
    };
    bool decided = false;
    for (auto rule = rules.rbegin(); rule != rules.rend() && !decided; ++rule) {
        // v1's "a" is about everything; the verifier refuses what nothing can reach behind it.
        decided = rule->type == 'a';
        if (decided) {
            program.push_back(compute(BPF_MOV, answer, rule->allow ? 1 : 0));
        } else {
            TRY_DO(add_rule(program, *rule));
        }
    }
    if (!decided) program.push_back(compute(BPF_MOV, answer, 1));
    program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return program;
}

Status attach_device_rules(const Fd& group, const std::vector<CgroupDeviceRule>& rules) {
    TRY(std::vector<bpf_insn> instructions, device_program(rules));
    TRY(Fd program, load_program(instructions));
    std::vector<std::uint32_t> before = attached_programs(group);
    bpf_attr attr;
    std::memset(&attr, 0, sizeof attr);
    attr.target_fd = static_cast<__u32>(group.get());
    attr.attach_bpf_fd = static_cast<__u32>(program.get());
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf(BPF_PROG_ATTACH, attr) != 0) return base::errno_error(errno, "attach the device rules");
    for (std::uint32_t id : before)
        detach_program(group, id);
    return {};
}

}  // namespace sys
