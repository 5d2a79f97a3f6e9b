// Profiles in Docker's JSON format, to rules.
#include "codec/json.h"
#include "run/capabilities.h"
#include "run/seccomp.h"
#include "run/seccomp_rules.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/core.h>
#include <linux/seccomp.h>
#include <optional>
#include <seccomp.h>

namespace run::seccomp {

struct ProfileArchitecture {
    std::string architecture;
    std::vector<std::string> sub_architectures;
};
struct ProfileArgument {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    std::string op;
};
struct ProfileFilter {
    std::vector<std::string> caps;
    std::vector<std::string> arches;
    std::string min_kernel;
};
struct ProfileRule {
    std::vector<std::string> names;
    std::string name;
    std::string action;
    std::optional<std::uint32_t> errno_ret;
    std::vector<ProfileArgument> args;
    std::optional<ProfileFilter> includes;
    std::optional<ProfileFilter> excludes;
};
struct Profile {
    std::string default_action;
    std::optional<std::uint32_t> default_errno_ret;
    std::vector<std::string> architectures;
    std::vector<ProfileArchitecture> arch_map;
    std::vector<ProfileRule> syscalls;
    std::string listener_path;
};

namespace {

using json::field;

constexpr json::Field architecture_fields[] = {
    field<&ProfileArchitecture::architecture>("architecture"),
    field<&ProfileArchitecture::sub_architectures>("subArchitectures")};
constexpr json::Field argument_fields[] = {
    field<&ProfileArgument::index>("index"), field<&ProfileArgument::value>("value"),
    field<&ProfileArgument::value_two>("valueTwo"), field<&ProfileArgument::op>("op")};
constexpr json::Field filter_fields[] = {field<&ProfileFilter::caps>("caps"),
                                         field<&ProfileFilter::arches>("arches"),
                                         field<&ProfileFilter::min_kernel>("minKernel")};
constexpr json::Field rule_fields[] = {
    field<&ProfileRule::names>("names"),      field<&ProfileRule::name>("name"),
    field<&ProfileRule::action>("action"),    field<&ProfileRule::errno_ret>("errnoRet"),
    field<&ProfileRule::args>("args"),        field<&ProfileRule::includes>("includes"),
    field<&ProfileRule::excludes>("excludes")};
constexpr json::Field profile_fields[] = {field<&Profile::default_action>("defaultAction"),
                                          field<&Profile::default_errno_ret>("defaultErrnoRet"),
                                          field<&Profile::architectures>("architectures"),
                                          field<&Profile::arch_map>("archMap"),
                                          field<&Profile::syscalls>("syscalls"),
                                          field<&Profile::listener_path>("listenerPath")};
constinit const json::Table architecture_table{architecture_fields};
constinit const json::Table argument_table{argument_fields};
constinit const json::Table filter_table{filter_fields};
constinit const json::Table rule_table{rule_fields};
constinit const json::Table profile_table{profile_fields};

}  // namespace

const json::Table& json_table(const ProfileArchitecture*) {
    return architecture_table;
}
const json::Table& json_table(const ProfileArgument*) {
    return argument_table;
}
const json::Table& json_table(const ProfileFilter*) {
    return filter_table;
}
const json::Table& json_table(const ProfileRule*) {
    return rule_table;
}
const json::Table& json_table(const Profile*) {
    return profile_table;
}

namespace {

template <class Value> struct Named {
    std::string_view name;
    Value value;
};

constexpr Named<std::uint32_t> actions[] = {
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
};
constexpr Named<Compare> operators[] = {
    {"SCMP_CMP_NE", Compare::ne},
    {"SCMP_CMP_LT", Compare::lt},
    {"SCMP_CMP_LE", Compare::le},
    {"SCMP_CMP_EQ", Compare::eq},
    {"SCMP_CMP_GE", Compare::ge},
    {"SCMP_CMP_GT", Compare::gt},
    {"SCMP_CMP_MASKED_EQ", Compare::masked_eq},
};
// The specification's names. Filters are made for those this machine can run.
constexpr Named<std::uint32_t> architectures[] = {
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    {"SCMP_ARCH_LOONGARCH64", 0xc0000102},
    {"SCMP_ARCH_M68K", 4},
    {"SCMP_ARCH_SH", 42},
    {"SCMP_ARCH_SHEB", 0x80002a},
};

template <class Value, std::size_t count>
std::optional<Value> find(const Named<Value> (&table)[count], std::string_view name) {
    auto found = std::ranges::find(table, name, &Named<Value>::name);
    if (found == std::end(table)) return std::nullopt;
    return found->value;
}

// GOARCH, which includes and excludes speak.
std::string_view go_architecture() {
    switch (machine_abis().front()) {
    case SCMP_ARCH_X86_64:
        return "amd64";
    case SCMP_ARCH_X86:
        return "386";
    case SCMP_ARCH_AARCH64:
        return "arm64";
    case SCMP_ARCH_ARM:
        return "arm";
    case SCMP_ARCH_RISCV64:
        return "riscv64";
    case SCMP_ARCH_PPC64LE:
        return "ppc64le";
    case SCMP_ARCH_S390X:
        return "s390x";
    default:
        return "";
    }
}

Result<bool> kernel_reaches(const std::string& version) {
    unsigned major = 0, minor = 0;
    int end = 0;
    bool parsed = std::sscanf(version.c_str(), "%3u.%3u%n", &major, &minor, &end) == 2 &&
                  static_cast<std::size_t>(end) == version.size() && version[0] >= '0' &&
                  version[0] <= '9';
    if (!parsed)
        return Error(Kind::invalid,
                     fmt::format("Decoding seccomp profile failed: invalid kernel version: {}, "
                                 "expected \"<kernel>.<major>\"",
                                 version));
    return kernel_at_least(major, minor);
}

bool holds(std::uint64_t capabilities, const std::string& name) {
    auto number = capability_number(name);
    return number && (capabilities >> *number & 1) != 0;
}

// Whether the rule is for this container on this machine.
Result<bool> applies(const ProfileRule& rule, std::uint64_t capabilities) {
    std::string_view here = go_architecture();
    if (rule.excludes) {
        for (const std::string& arch : rule.excludes->arches)
            if (arch == here) return false;
        for (const std::string& name : rule.excludes->caps)
            if (holds(capabilities, name)) return false;
        if (!rule.excludes->min_kernel.empty()) {
            TRY(bool reached, kernel_reaches(rule.excludes->min_kernel));
            if (reached) return false;
        }
    }
    if (rule.includes) {
        const auto& arches = rule.includes->arches;
        if (!arches.empty() && std::ranges::find(arches, here) == arches.end()) return false;
        for (const std::string& name : rule.includes->caps)
            if (!holds(capabilities, name)) return false;
        if (!rule.includes->min_kernel.empty()) {
            TRY(bool reached, kernel_reaches(rule.includes->min_kernel));
            if (!reached) return false;
        }
    }
    return true;
}

Result<std::uint32_t> action_of(const std::string& name, std::optional<std::uint32_t> data) {
    if (name == "SCMP_ACT_NOTIFY")
        return Error(Kind::unsupported, "seccomp action SCMP_ACT_NOTIFY is not supported");
    auto action = find(actions, name);
    if (!action)
        return Error(Kind::invalid,
                     fmt::format("string {} is not a valid action for seccomp", name));
    if (*action != SECCOMP_RET_ERRNO && *action != SECCOMP_RET_TRACE) return *action;
    std::uint32_t value = data.value_or(EPERM);
    // The kernel clamps an errno beyond this, runc's library wraps it.
    if (value > 4095 && *action == SECCOMP_RET_ERRNO)
        return Error(Kind::invalid, fmt::format("errnoRet {} is out of range", value));
    if (value > SECCOMP_RET_DATA)
        return Error(Kind::invalid, fmt::format("errnoRet {} is out of range", value));
    return *action | value;
}

Result<std::vector<std::uint32_t>> abis_of(const Profile& profile) {
    if (!profile.architectures.empty() && !profile.arch_map.empty())
        return Error(Kind::invalid,
                     "both 'architectures' and 'archMap' are specified in the seccomp profile, use "
                     "either 'architectures' or 'archMap'");
    std::vector<std::uint32_t> machine = machine_abis();
    std::vector<std::string> named = profile.architectures;
    for (const auto& entry : profile.arch_map)
        if (find(architectures, entry.architecture) == machine.front()) {
            named = entry.sub_architectures;
            named.push_back(entry.architecture);
            break;
        }
    std::vector<std::uint32_t> abis{machine.front()};
    for (const std::string& name : named) {
        auto abi = find(architectures, name);
        if (!abi)
            return Error(Kind::invalid,
                         fmt::format("string {} is not a valid arch for seccomp", name));
        // The kernel never tells of one that this machine cannot run.
        if (std::ranges::find(machine, *abi) != machine.end() &&
            std::ranges::find(abis, *abi) == abis.end())
            abis.push_back(*abi);
    }
    return abis;
}

Result<Condition> condition_of(const ProfileArgument& argument) {
    auto compare = find(operators, argument.op);
    if (!compare)
        return Error(Kind::invalid,
                     fmt::format("string {} is not a valid operator for seccomp", argument.op));
    if (argument.index > 5)
        return Error(Kind::invalid,
                     fmt::format("seccomp argument index {} is out of range", argument.index));
    return Condition{.argument = argument.index,
                     .compare = *compare,
                     .value = argument.value,
                     .datum = argument.value_two};
}

Status add_rule(Rules& rules, const ProfileRule& rule) {
    if (!rule.name.empty() && !rule.names.empty())
        return Error(Kind::invalid, "both 'name' and 'names' are specified in the seccomp profile, "
                                    "use either 'name' or 'names'");
    Rule added;
    TRY(added.action, action_of(rule.action, rule.errno_ret));
    if (!rule.name.empty()) added.names.emplace_back(rule.name);
    added.names.insert(added.names.end(), rule.names.begin(), rule.names.end());
    std::array<int, 6> uses{};
    bool repeated = false;
    for (const ProfileArgument& argument : rule.args) {
        TRY(Condition condition, condition_of(argument));
        repeated = ++uses[condition.argument] > 1 || repeated;
        added.conditions.push_back(condition);
    }
    if (!repeated) {
        rules.rules.push_back(std::move(added));
        return {};
    }
    // runc: several conditions on one argument are alternatives, each a rule of its own.
    for (const Condition& condition : added.conditions)
        rules.rules.push_back({added.names, {condition}, added.action});
    return {};
}

// Names in the answer are views into `profile`.
Result<Rules> rules_of(const Profile& profile, std::uint64_t capabilities) {
    Rules rules;
    if (!profile.listener_path.empty())
        return Error(Kind::unsupported, "seccomp listenerPath is not supported");
    TRY(rules.default_action, action_of(profile.default_action, profile.default_errno_ret));
    TRY(rules.abis, abis_of(profile));
    for (const ProfileRule& rule : profile.syscalls) {
        TRY(bool wanted, applies(rule, capabilities));
        if (wanted) TRY_DO(add_rule(rules, rule));
    }
    return rules;
}

}  // namespace

}  // namespace run::seccomp

namespace run {

Result<std::string> compile_seccomp(std::string_view profile_json, std::uint64_t capabilities) {
    auto profile = json::read<seccomp::Profile>(profile_json);
    if (!profile) return std::move(profile).error().context("Decoding seccomp profile failed");
    // Docker: a profile that says nothing confines nothing.
    if (profile->default_action.empty() && profile->syscalls.empty()) return std::string();
    TRY(seccomp::Rules rules, seccomp::rules_of(*profile, capabilities));
    return seccomp::compile(rules);
}

}  // namespace run
