// Limits of a container, as the cgroup takes them.
#pragma once

#include "sys/cgroup.h"

namespace run {

using Resources = sys::CgroupLimits;
using DeviceRule = sys::CgroupDeviceRule;

}  // namespace run
