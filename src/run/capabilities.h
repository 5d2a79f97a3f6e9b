// Capability sets: Docker's default, --cap-add/--cap-drop, names with or without CAP_.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace run {

struct Capabilities {
    std::uint64_t bounding = 0;
    std::uint64_t permitted = 0;
    std::uint64_t effective = 0;
    std::uint64_t inheritable = 0;  // empty: CVE-2022-24769
    std::uint64_t ambient = 0;
};

// The kernel's number, or nothing for an unknown name. Takes "CAP_CHOWN", "chown", "CHOWN".
Result<int> capability_number(std::string_view name);
std::string capability_name(int number);  // "CAP_CHOWN"

// All that this kernel knows (/proc/sys/kernel/cap_last_cap) and that we have ourselves.
std::uint64_t all_capabilities();
std::uint64_t default_capabilities();

// Docker's rules: privileged = all; else default + add - drop, where ALL in add means all, ALL in
// drop means none before add. An unknown name is invalid: `invalid CapAdd: unknown capability:
// "CAP_X"`.
Result<std::uint64_t> capability_mask(const std::vector<std::string>& add,
                                      const std::vector<std::string>& drop, bool privileged);

// The sets of a process: bounding = mask; permitted and effective = mask for root, else empty.
Capabilities capabilities_for(std::uint64_t mask, std::uint32_t uid);

}  // namespace run
