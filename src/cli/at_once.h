// One call for each of some containers, many at a time, as docker makes them.
#pragma once

#include "cli/context.h"

#include <vector>

namespace cli {

// What came of each, in the order of the calls.
Task<std::vector<Status>> all_done(Context& context, std::vector<Engine::Call> calls);

// Prints the names that went well, then what the others were told. The exit code.
// `missing_is_fine`: what is not there is told, but is no failure.
int tell(const Arguments& names, const std::vector<Status>& outcomes, bool missing_is_fine);

}  // namespace cli
