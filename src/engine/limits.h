// What a container may ask of the kernel: ranges that dockerd leaves to runc and the kernel are
// checked at create already. No number is bent to one that fits.
#pragma once

#include "base/error.h"
#include "sys/cgroup.h"
#include "wire/container.h"

#include <cstdint>
#include <string_view>

namespace engine {

// invalid for the first rule broken: processors and memory nodes this host has not, shares, pids,
// sysctls, access to devices. `host` has its defaults. Also for update.
Status check_limits(const wire::HostConfig& host, const sys::CgroupHost& cgroups);
// The same for lists alone, as the API has them: `available` is what the kernel says ("0-3").
Status check_cpuset(std::string_view cpus, std::string_view mems, std::string_view cpus_available,
                    std::string_view mems_available);

// "c 1:3 rwm", "b *:* r", "a *:* rwm". Pure.
Result<sys::CgroupDeviceRule> parse_device_rule(std::string_view text);

// Memory and swap together when only memory was limited: Docker's twice as much; -1 (unlimited)
// where that is no number any more.
std::int64_t default_memory_swap(std::int64_t memory);

}  // namespace engine
