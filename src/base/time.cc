#include "base/time.h"

#include <ctime>

#include <fmt/core.h>

namespace base {

namespace {

constexpr std::int64_t second_ns = 1000000000LL;

std::int64_t clock_ns(clockid_t clock) {
    timespec value{};
    clock_gettime(clock, &value);
    return value.tv_sec * second_ns + value.tv_nsec;
}

std::string date_and_time(Time time, std::int64_t& fraction) {
    std::int64_t seconds = time.ns / second_ns;
    fraction = time.ns % second_ns;
    if (fraction < 0) {
        fraction += second_ns;
        --seconds;
    }
    std::time_t when = seconds;
    std::tm parts{};
    gmtime_r(&when, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Reads exactly `count` digits at `at`; -1 if they are not there.
int digits(std::string_view text, std::size_t at, std::size_t count) {
    if (text.size() < at + count) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

Time now() { return Time{clock_ns(CLOCK_REALTIME)}; }
std::int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
std::int64_t boottime_ns() { return clock_ns(CLOCK_BOOTTIME); }

std::string rfc3339_nano(Time time) {
    if (time.is_never()) return "0001-01-01T00:00:00Z";
    std::int64_t fraction = 0;
    std::string text = date_and_time(time, fraction);
    if (fraction != 0) {
        std::string decimals = fmt::format(".{:09}", fraction);
        while (decimals.back() == '0') decimals.pop_back();
        text += decimals;
    }
    return text + "Z";
}

std::string rfc3339_fixed(Time time) {
    if (time.is_never()) return "0001-01-01T00:00:00.000000000Z";
    std::int64_t fraction = 0;
    std::string text = date_and_time(time, fraction);
    return text + fmt::format(".{:09}Z", fraction);
}

Result<Time> parse_rfc3339(std::string_view text) {
    Error bad(Kind::invalid, fmt::format("invalid time \"{}\"", text));
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
        text[13] != ':' || text[16] != ':')
        return bad;
    std::tm parts{};
    parts.tm_year = digits(text, 0, 4) - 1900;
    parts.tm_mon = digits(text, 5, 2) - 1;
    parts.tm_mday = digits(text, 8, 2);
    parts.tm_hour = digits(text, 11, 2);
    parts.tm_min = digits(text, 14, 2);
    parts.tm_sec = digits(text, 17, 2);
    if (parts.tm_year < -1900 || parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 ||
        parts.tm_mday > 31 || parts.tm_hour < 0 || parts.tm_hour > 23 || parts.tm_min < 0 ||
        parts.tm_min > 59 || parts.tm_sec < 0 || parts.tm_sec > 60)
        return bad;
    std::size_t at = 19;
    std::int64_t fraction = 0;
    if (at < text.size() && text[at] == '.') {
        std::int64_t unit = second_ns;
        std::size_t first = ++at;
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
            unit /= 10;
            fraction += unit * (text[at] - '0');
        }
        if (at == first) return bad;
    }
    std::int64_t zone = 0;
    std::string_view rest = text.substr(at);
    if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':') {
        int hours = digits(rest, 1, 2);
        int minutes = digits(rest, 4, 2);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return bad;
        zone = (hours * 60 + minutes) * 60 * (rest[0] == '-' ? -1 : 1);
    } else if (rest != "Z" && rest != "z") {
        return bad;
    }
    if (parts.tm_year == -1899 && parts.tm_mon == 0 && parts.tm_mday == 1) return Time{};
    // int64 nanoseconds reach from 1677 to 2262.
    if (parts.tm_year < 1678 - 1900 || parts.tm_year > 2261 - 1900) return bad;
    return Time{(timegm(&parts) - zone) * second_ns + fraction};
}

}  // namespace base
