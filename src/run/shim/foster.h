// A container whose shim died: lighterd hands it to the next one, which is not its parent. Its end
// is seen by its pidfd.
#pragma once

#include "run/shim/table.h"

namespace run::shim {

// Fills `process` with copies of the descriptors of a foster request. False: it is none.
bool take_fostered(Process& process, const protocol::Request& asked, const int* fds,
                   std::size_t fd_count);

// What waitpid(2) would have said of a process that has ended, asked by its pidfd; exit code 255
// where the kernel cannot tell (before Linux 6.15). Waits a moment for its parent to reap it.
int fostered_status(int pidfd);

}  // namespace run::shim
