// Flags of the commands; what reads them is shared with the daemon.
#pragma once

#include "codec/flags.h"

namespace cli {

using codec::FlagSet;
using codec::parse_bool;

}  // namespace cli
