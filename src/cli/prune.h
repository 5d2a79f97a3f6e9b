// What all prune commands share: the question before it, and filters from config.json.
#pragma once

#include "cli/context.h"

namespace cli {

// --filter name=value, without a letter.
void add_prune_filter(FlagSet& flags, Arguments& filters);
// Asks on standard output, "... [y/N] ", and reads a line of standard input.
bool confirm(std::string_view question);
// filters_of() the given ones and config.json's `pruneFilters`, of which one that contradicts what
// is given is left out.
Result<std::string> prune_filters(const Value& config, Arguments filters);

}  // namespace cli
