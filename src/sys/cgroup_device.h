// Device rules of a control group: as lines for v1 and as a program for v2, where the kernel asks
// an eBPF program about every open and mknod of a device.
#pragma once

#include "base/error.h"
#include "sys/cgroup.h"
#include "sys/fd.h"

#include <linux/bpf.h>
#include <string>
#include <vector>

namespace sys {

// "c 1:3 rwm", as devices.allow and devices.deny take it; "a" for all devices.
std::string device_line(const CgroupDeviceRule& rule);

// The program answers 1 where v1 would allow after having been told the rules in this order: each
// asked bit (r, w, m) is decided by the last rule that covers the device and the bit; what no rule
// covers is allowed. Errors: invalid for a type or an access that is none.
Result<std::vector<bpf_insn>> device_program(const std::vector<CgroupDeviceRule>& rules);

// Loads the program for these rules and makes it the group's only one of ours: those attached
// before are taken off after it stands, so that no moment is without rules.
Status attach_device_rules(const Fd& group, const std::vector<CgroupDeviceRule>& rules);

}  // namespace sys
