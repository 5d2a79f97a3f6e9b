// A failed start in Docker's words: the text every client knows, and whose fault it was.
#pragma once

#include "base/error.h"
#include "run/protocol.h"

#include <string>
#include <string_view>

namespace run {

// The whole sentence around `what` failed in the container's own set-up.
Error start_error(Kind kind, std::string_view what);
// What the shim told; `exec`: of a further process.
Error start_error(protocol::Step step, int error, std::string_view text, bool exec = false);

}  // namespace run
