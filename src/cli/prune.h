// What all prune commands share: the question before it, and filters from config.json.
#pragma once

#include "cli/context.h"

namespace cli {

// --filter name=value, without a letter.
void add_prune_filter(FlagSet& flags, Arguments& filters);
// Asks on standard output, "... [y/N] ", and reads a line of standard input.
bool confirm(std::string_view question);
// The given ones behind config.json's `pruneFilters`, of which one that contradicts what is given
// is left out.
Arguments prune_filters(const Value& config, const Arguments& filters);

}  // namespace cli
