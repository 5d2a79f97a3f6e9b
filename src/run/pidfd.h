// What the kernel tells of a process by its pidfd, also of one that is not our child.
#pragma once

#include "sys/fd.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace run {

// pidfd_send_signal(2). missing when the process has ended.
Status send_signal(const Fd& pidfd, int signal);
// To its whole process group where the kernel can (Linux 6.9), else to it alone.
Status send_signal_to_group(const Fd& pidfd, int signal);
bool process_ended(const Fd& pidfd);
// As waitpid(2) gives it; nothing where the kernel cannot tell: before Linux 6.15, or not reaped.
std::optional<int> wait_status_of(const Fd& pidfd);

// Names a process for good: the boot and its start time. Empty when there is none of this number.
std::string process_mark(pid_t pid);
// The process of this number, if it is still the one that had this mark, and has not ended.
Fd reopen_process(pid_t pid, const std::string& mark);

}  // namespace run
