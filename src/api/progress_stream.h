// An answer that is told line by line while something runs: pull and push.
#pragma once

#include "http/message.h"
#include "registry/progress.h"

#include <functional>
#include <string>

namespace api {

// Runs `work` and sends what it tells as Docker's progress lines. What fails before its first line
// is a plain error status, what fails later one more line. A client that goes away stops it.
Task<Result<http::Reply>>
stream_progress(Loop& loop, http::Request& request,
                std::function<Task<Status>(registry::ProgressSink&)> work);

// The line that tells of a failure.
std::string error_line(const Error& error);

}  // namespace api
