// Numbers the way docker shows and reads them: ages, sizes, durations.
#pragma once

#include "base/error.h"
#include "codec/human.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

// "Less than a second", "About a minute", "3 hours", "2 years".
inline std::string human_duration(std::int64_t seconds) {
    return codec::human_seconds(seconds);
}
// 1000-based with `precision` digits: "5.59MB", "0B".
std::string human_size(double bytes, int precision);
// 1024-based: "23.54GiB".
std::string binary_size(double bytes);
using codec::parse_bytes;
using codec::parse_duration;
// --since and --until: a Unix time, an RFC3339 time or a duration before now, as "seconds.nanos".
Result<std::string> parse_moment(std::string_view text);
// In the zone of whoever looks; `format` as for strftime(3).
std::string local_time(std::int64_t seconds, const char* format = "%Y-%m-%d %H:%M:%S %z %Z");
// At most `width` characters, the last of them an ellipsis when something was cut.
std::string ellipsis(std::string_view text, std::size_t width);
// Twelve digits of an id, without "sha256:".
std::string short_id(std::string_view id);

}  // namespace cli
