#include "registry/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace registry {
namespace {

using std::chrono::milliseconds;

std::optional<int> number(std::string_view text) {
    int value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

// "Sun, 06 Nov 1994 08:49:37 GMT": fixed columns, so no locale and no strptime.
std::optional<std::int64_t> parse_imf_date(std::string_view text) {
    static constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(25) != " GMT" || text.substr(3, 2) != ", ") return {};
    auto month = std::ranges::find(months, text.substr(8, 3));
    auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4));
    auto hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2));
    auto second = number(text.substr(23, 2));
    if (month == months.end() || !day || !year || !hour || !minute || !second) return {};
    if (*day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) return {};
    std::tm tm{};
    tm.tm_year = *year - 1900;
    tm.tm_mon = static_cast<int>(month - months.begin());
    tm.tm_mday = *day;
    tm.tm_hour = *hour;
    tm.tm_min = *minute;
    tm.tm_sec = *second;
    return static_cast<std::int64_t>(timegm(&tm));
}

}  // namespace

bool is_passing(unsigned status) {
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

std::optional<milliseconds> next_delay(const RetryPolicy& policy, unsigned attempts,
                                       const Failure& failure, std::uint32_t chance) {
    if (attempts >= policy.attempts_max) return {};
    if (failure.status != 0 && !is_passing(failure.status)) return {};
    unsigned doublings = std::min(attempts == 0 ? 0 : attempts - 1, 16U);
    milliseconds delay = std::min(policy.first_delay * (1U << doublings), policy.delay_max);
    delay += delay * (chance % 256) / 1024;
    if (failure.retry_after) {
        if (*failure.retry_after > policy.retry_after_max) return {};
        delay = std::max(delay, *failure.retry_after);
    }
    return delay;
}

std::optional<milliseconds> parse_retry_after(std::string_view text, Time now) {
    if (text.empty()) return {};
    if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
        // Digits that do not fit are a very long time, not a format error.
        std::int64_t seconds = 0;
        auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
        constexpr std::int64_t seconds_max = 365LL * 24 * 3600;
        if (read.ec != std::errc() || seconds > seconds_max) seconds = seconds_max;
        return milliseconds(seconds * 1000);
    }
    auto date = parse_imf_date(text);
    if (!date) return {};
    return milliseconds(std::max<std::int64_t>(0, *date - now.seconds()) * 1000);
}

milliseconds Pace::left(std::int64_t now_ns) const {
    auto gone =
        std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(now_ns - begun_ns_));
    return std::max(span_ - gone, milliseconds(1));
}

void Pace::got(std::uint64_t bytes, std::int64_t now_ns) {
    bytes_ += bytes;
    if (bytes_ < span_bytes_min) return;
    bytes_ = 0;
    begun_ns_ = now_ns;
}

std::optional<milliseconds> Attempts::failed(const Failure& failure, std::uint64_t bytes,
                                             std::uint32_t chance) {
    if (bytes >= progress_bytes_min) made_ = 0;
    ++made_;
    return next_delay(policy_, made_, failure, chance);
}

}  // namespace registry
