// Wall-clock times as nanoseconds since 1970 (UTC) and their text forms in Docker's API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace base {

// Nanoseconds since the epoch. never (Go's zero time) prints as 0001-01-01T00:00:00Z.
struct Time {
    std::int64_t ns = never_ns;
    static constexpr std::int64_t never_ns = INT64_MIN;
    bool is_never() const { return ns == never_ns; }
    std::int64_t seconds() const { return is_never() ? -62135596800LL : ns / 1000000000LL; }
    friend auto operator<=>(const Time&, const Time&) = default;
};

Time now();                   // CLOCK_REALTIME
std::int64_t monotonic_ns();  // CLOCK_MONOTONIC: for intervals
std::int64_t boottime_ns();   // CLOCK_BOOTTIME: as /proc/PID/stat counts

// RFC3339Nano as Go prints it: trailing zeros of the fraction removed ("...:05.12Z", "...:05Z").
std::string rfc3339_nano(Time time);
// Nine fixed fraction digits and Z, as `docker logs -t` prints.
std::string rfc3339_fixed(Time time);
// Accepts RFC3339 with any fraction and zone; invalid otherwise.
Result<Time> parse_rfc3339(std::string_view text);

}  // namespace base

using base::Time;
