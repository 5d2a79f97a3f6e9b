// Reads what the shim kept of a container's output while no lighterd was connected.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "sys/fd.h"

#include <functional>
#include <string_view>

namespace run {

// stream: 1 stdout or terminal, 2 stderr, 0 the end (no bytes); `time` is when the shim read it.
using SpoolSink = std::function<Status(int stream, std::string_view bytes, Time time)>;

// Hands every record to `sink`, in order, up to a torn one or the sink's first failure, then
// empties the spool; after a failure all of it is there again for the next lighterd. Blocking.
Status replay_spool(Fd spool, SpoolSink sink);

}  // namespace run
