// What a registry says of an upload: how much it has, where it goes on. Pure; all of it untrusted.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace registry {

inline constexpr std::size_t location_bytes_max = 16 * 1024;

// The Range header of an upload, "0-1023" (also "bytes=0-1023"): how many bytes there are. "0-0" is
// 0: that is what registries say of an empty upload. Nothing for anything else.
std::optional<std::uint64_t> parse_upload_range(std::string_view text);

// The address a Location means that came from `from`: of the same host or another one, never from
// https to http. unavailable when it is none.
Result<std::string> resolve_location(std::string_view from, std::string_view location);

// An upload's address with what ends it: the blob's digest.
std::string with_digest(std::string location, std::string_view digest);

}  // namespace registry
