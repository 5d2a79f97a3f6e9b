#include "sys/fd.h"

#include <cerrno>
#include <fcntl.h>

namespace sys {

Result<Fd> Fd::duplicate() const {
    int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return base::errno_error(errno, "duplicate a file descriptor");
    return Fd(copy);
}

}  // namespace sys
