// Times and sizes as Docker writes and reads them for people.
#pragma once

#include "base/error.h"
#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace codec {

// "Less than a second", "5 minutes", "About an hour", "3 weeks", "2 years".
std::string human_duration(std::int64_t ns);
// The same of whole seconds.
std::string human_seconds(std::int64_t seconds);
// "12.3MB", "1.5kB", "0B": four significant digits, powers of 1000.
std::string human_size(std::int64_t bytes);

// "64m", "1.5g", "100" (bytes), "-1": 1024-based. Errors in the words of go-units: `invalid size: 'x'`.
Result<std::int64_t> parse_bytes(std::string_view text);

// Go's durations: "1h30m", "1.5s", "100ms", "-2m", "0". invalid `time: invalid duration "x"`.
Result<std::int64_t> parse_duration(std::string_view text);
// As Go writes them: "0s", "1.5ms", "1m30s", "2h0m0s".
std::string duration_text(std::int64_t ns);

// The since and until of the API: seconds with up to nine digits of fraction ("1700000000.5").
// Empty text gives never. invalid else.
Result<Time> parse_timestamp(std::string_view text);

// What people and clients write for a moment: Unix seconds, a duration before `now`, RFC3339 (also
// without zone or seconds, or a bare date: UTC then).
Result<Time> parse_moment(std::string_view text, Time now);

// The status column of `ps`.
struct StatusParts {
    std::string_view state;  // created, running, paused, restarting, removing, exited, dead
    Time started, finished;
    int exit_code = 0;
    std::string_view health;  // "", starting, healthy, unhealthy
};
std::string status_text(const StatusParts& parts, Time now);

}  // namespace codec
