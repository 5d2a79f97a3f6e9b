// Output of a container while no lighterd is connected: read from our duplicates into a memfd, as
// records with their time. The bound is per container; then the pipe fills and the writer waits, as
// it would on any terminal nobody reads.
#pragma once

#include "run/shim/table.h"

namespace run::shim {

enum class Spooled { more, full, end };

// Moves what output `index` has now (at most one buffer) into the process's spool.
Spooled spool(Process& process, int index);
// Whether there is anything in it: lighterd empties it when the records are in its log.
bool has_spool(const Process& process);

}  // namespace run::shim
