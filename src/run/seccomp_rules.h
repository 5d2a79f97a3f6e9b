// What a seccomp profile comes down to once a container's capabilities, this machine and this
// kernel are known: rules by name. seccomp_default.cc and seccomp_profile.cc make it, seccomp.cc
// turns it into a program.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace run::seccomp {

enum class Compare { ne, lt, le, eq, ge, gt, masked_eq };

struct Condition {
    unsigned argument = 0;  // 0..5
    Compare compare = Compare::eq;
    std::uint64_t value = 0;  // masked_eq: the mask
    std::uint64_t datum = 0;  // masked_eq: what the masked argument must be
    // The kernel takes an int: what stands in the upper half of the register must not matter.
    bool is_int = false;
    friend bool operator==(const Condition&, const Condition&) = default;
};

// All conditions together lead to the action; none: always.
struct Rule {
    std::vector<std::string_view> names;
    std::vector<Condition> conditions;
    std::uint32_t action = 0;  // SECCOMP_RET_*, with its data
};

struct Rules {
    std::uint32_t default_action = 0;
    std::vector<std::uint32_t> abis;  // libseccomp's tokens, the machine's own first
    std::vector<Rule> rules;
};

// The ABIs that this machine's programs may use (libseccomp's tokens).
std::vector<std::uint32_t> machine_abis();
bool kernel_at_least(unsigned major, unsigned minor);

Rules default_rules(std::uint64_t capabilities);

// The program (an array of sock_filter, as bytes). internal when it would be too long.
Result<std::string> compile(const Rules& rules);

}  // namespace run::seccomp
