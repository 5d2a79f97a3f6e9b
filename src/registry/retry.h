// When a request to a registry is worth another try, and after how long. Pure: time and chance are
// parameters, so the rules are tested without waiting.
#pragma once

#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace registry {

struct RetryPolicy {
    unsigned attempts_max = 5;  // daemon.json max-download-attempts; the first try counts
    std::chrono::milliseconds first_delay{500};
    std::chrono::milliseconds delay_max{30'000};
    // A server may ask for longer than that; past it we give up with its status instead of waiting.
    std::chrono::milliseconds retry_after_max{300'000};
};

// What went wrong with one attempt. status 0: no answer at all (connect, reset, stall, truncated).
struct Failure {
    unsigned status = 0;
    std::optional<std::chrono::milliseconds> retry_after;
};

// Statuses that may pass by themselves: 408, 425, 429, 500, 502, 503, 504. Others are answers.
bool is_passing(unsigned status);

// The pause before the next attempt, or nothing when there is no next one. `attempts` have been
// made (1 after the first). `chance` is any random number: delays get up to 25% jitter, never less
// than what Retry-After asks.
std::optional<std::chrono::milliseconds> next_delay(const RetryPolicy& policy, unsigned attempts,
                                                    const Failure& failure, std::uint32_t chance);

// Retry-After: delta-seconds or an IMF-fixdate. Nothing for anything else; a date in the past is 0.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Time now);

// How long the next read of a body may take. A peer that sends a byte now and then is stalled like
// one that sends nothing: some must come in every span.
class Pace {
public:
    static constexpr std::uint64_t span_bytes_min = 1024;

    Pace(std::chrono::milliseconds span, std::int64_t now_ns) : span_(span), begun_ns_(now_ns) {}
    std::chrono::milliseconds left(std::int64_t now_ns) const;
    void got(std::uint64_t bytes, std::int64_t now_ns);
    // Time in which we did not read.
    void excuse(std::int64_t ns) { begun_ns_ += ns; }

private:
    std::chrono::milliseconds span_;
    std::int64_t begun_ns_;
    std::uint64_t bytes_ = 0;
};

// Counts attempts of one transfer. An attempt that brought real progress starts the count anew: a
// line that drops every few MB gets the image all the same, one that drips single bytes does not.
class Attempts {
public:
    static constexpr std::uint64_t progress_bytes_min = 1024 * 1024;

    explicit Attempts(const RetryPolicy& policy) : policy_(policy) {}
    // After a failed attempt that moved `bytes` forward.
    std::optional<std::chrono::milliseconds> failed(const Failure& failure, std::uint64_t bytes,
                                                    std::uint32_t chance);
    unsigned made() const { return made_; }

private:
    RetryPolicy policy_;
    unsigned made_ = 0;
};

}  // namespace registry
