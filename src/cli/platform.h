// Platforms as users write them: linux/arm64/v8, amd64, windows.
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace cli {

struct Platform {
    std::string os, architecture, variant, os_version;
    // "linux/arm64/v8", as create and pull want it.
    std::string text() const;
    // {"architecture":"arm64","os":"linux"}, as the image endpoints want it.
    std::string json() const;
};

// Spellings of old are told by today's names; what is missing is this machine's. Errors are
// invalid, in the words docker's users know.
Result<Platform> parse_platform(std::string_view text);
// This machine's architecture as Go calls it.
std::string machine_architecture();

}  // namespace cli
