#include "codec/human.h"

#include "base/text.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fmt/core.h>

namespace codec {

namespace {

constexpr std::int64_t second = 1'000'000'000;

struct Unit {
    std::string_view name;
    std::int64_t ns;
};
// Longest names first: "ms" must not be read as "m".
constexpr Unit units[] = {
    {"ns", 1},         {"us", 1'000}, {"\xc2\xb5s", 1'000}, {"\xce\xbcs", 1'000},
    {"ms", 1'000'000}, {"s", second}, {"m", 60 * second},   {"h", 3600 * second}};

}  // namespace

std::string human_duration(std::int64_t ns) {
    return human_seconds(ns / second);
}

std::string human_seconds(std::int64_t seconds) {
    std::int64_t minutes = seconds / 60;
    std::int64_t hours =
        static_cast<std::int64_t>(std::llround(static_cast<double>(seconds) / 3600));
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return fmt::format("{} seconds", seconds);
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return fmt::format("{} minutes", minutes);
    if (hours == 1) return "About an hour";
    if (hours < 48) return fmt::format("{} hours", hours);
    if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
    if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
    if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
    return fmt::format("{} years", seconds / 3600 / 24 / 365);
}

std::string human_size(std::int64_t bytes) {
    constexpr std::string_view names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (size >= 1000 && unit + 1 < std::size(names)) {
        size /= 1000;
        ++unit;
    }
    return fmt::format("{:.4g}{}", size, names[unit]);
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    auto bad = [&] {
        return Error(Kind::invalid, fmt::format("invalid size: '{}'", text.substr(0, 128)));
    };
    std::size_t digits = text.find_last_of("0123456789. ");
    if (digits == text.npos) return bad();
    std::string number(text.substr(0, text[digits] == ' ' ? digits : digits + 1));
    std::string suffix;
    for (char c : text.substr(digits + 1))
        suffix += base::lower(c);
    char* end = nullptr;
    double value = std::strtod(number.c_str(), &end);
    if (*end != 0 || number.empty())
        return Error(Kind::invalid,
                     fmt::format("strconv.ParseFloat: parsing \"{}\": invalid syntax",
                                 std::string_view(number).substr(0, 128)));
    if (value < 0 && !(number == "-1" && suffix.empty())) return bad();
    double scale = 1;
    if (!suffix.empty() && suffix != "b") {
        std::size_t power = std::string_view("kmgtp").find(suffix[0]);
        std::string rest = suffix.substr(1);
        if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib"))
            return Error(Kind::invalid, fmt::format("invalid suffix: '{}'", suffix.substr(0, 128)));
        scale = std::pow(1024.0, static_cast<double>(power + 1));
    }
    if (value * scale > 9.2e18) return bad();
    return static_cast<std::int64_t>(value * scale);
}

std::string duration_text(std::int64_t ns) {
    if (ns == 0) return "0s";
    if (ns == INT64_MIN) return "-2562047h47m16.854775808s";
    if (ns < 0) return "-" + duration_text(-ns);
    auto with = [](std::int64_t whole, std::int64_t rest, int digits, std::string_view unit) {
        std::string fraction = rest ? fmt::format(".{:0{}}", rest, digits) : "";
        while (fraction.ends_with('0'))
            fraction.pop_back();
        return fmt::format("{}{}{}", whole, fraction, unit);
    };
    if (ns < 1000) return with(ns, 0, 0, "ns");
    if (ns < 1'000'000) return with(ns / 1000, ns % 1000, 3, "µs");
    if (ns < second) return with(ns / 1'000'000, ns % 1'000'000, 6, "ms");
    std::string out;
    std::int64_t minutes = ns / second / 60;
    if (minutes >= 60) out += fmt::format("{}h", minutes / 60);
    if (minutes > 0) out += fmt::format("{}m", minutes % 60);
    return out + with(ns / second % 60, ns % second, 9, "s");
}

Result<std::int64_t> parse_duration(std::string_view text) {
    Error bad(Kind::invalid, fmt::format("time: invalid duration \"{}\"", text.substr(0, 128)));
    std::string_view rest = text;
    bool negative = rest.starts_with('-');
    if (negative || rest.starts_with('+')) rest.remove_prefix(1);
    if (rest == "0") return std::int64_t(0);
    if (rest.empty()) return bad;
    long double total = 0;  // 64 bits of mantissa: exact for whole nanoseconds
    while (!rest.empty()) {
        long double value = 0, scale = 1;
        bool digits = false, point = false;
        for (; !rest.empty(); rest.remove_prefix(1)) {
            char c = rest.front();
            if (c == '.' && !point) {
                point = true;
            } else if (c >= '0' && c <= '9') {
                digits = true;
                value = value * 10 + (c - '0');
                if (point) scale *= 10;
            } else {
                break;
            }
        }
        const Unit* unit = nullptr;
        for (const Unit& candidate : units)
            if (!unit && rest.starts_with(candidate.name)) unit = &candidate;
        if (!digits || !unit) return bad;
        rest.remove_prefix(unit->name.size());
        total += std::floor(value * static_cast<long double>(unit->ns) / scale);
        if (!(total < 0x1p63L)) return bad;
    }
    auto ns = static_cast<std::int64_t>(total);
    return negative ? -ns : ns;
}

Result<Time> parse_timestamp(std::string_view text) {
    if (text.empty()) return Time{};
    Error bad(Kind::invalid, fmt::format("invalid timestamp \"{}\"", text.substr(0, 64)));
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    std::size_t point = text.find('.');
    std::string_view whole = text.substr(0, point);
    std::string_view fraction = point == std::string_view::npos ? "" : text.substr(point + 1);
    if (whole.empty() || whole.size() > 10 || fraction.size() > 9) return bad;
    std::int64_t seconds = 0, nanos = 0;
    for (char c : whole) {
        if (c < '0' || c > '9') return bad;
        seconds = seconds * 10 + (c - '0');
    }
    for (std::size_t i = 0; i < 9; ++i) {
        char c = i < fraction.size() ? fraction[i] : '0';
        if (c < '0' || c > '9') return bad;
        nanos = nanos * 10 + (c - '0');
    }
    if (seconds > 9'200'000'000) return bad;  // int64 nanoseconds end in 2262
    std::int64_t ns = seconds * second + nanos;
    return Time{negative ? -ns : ns};
}

Result<Time> parse_moment(std::string_view text, Time now) {
    constexpr std::size_t date_bytes = 10, minutes_bytes = 16, zone_from = 11;
    if (!text.empty() && text.find_first_not_of("0123456789.") == text.npos)
        return parse_timestamp(text);
    if (auto duration = parse_duration(text)) return Time{now.ns - *duration};
    std::string full(text);
    if (full.size() == date_bytes) full += "T00:00:00";
    if (full.size() == minutes_bytes) full += ":00";
    bool zoned = full.ends_with('Z') || full.find_first_of("+-", zone_from) != full.npos;
    auto at = base::parse_rfc3339(zoned ? full : full + "Z");
    if (at) return at;
    return Error(Kind::invalid,
                 fmt::format("failed to parse value as time or duration: \"{}\"", text));
}

std::string status_text(const StatusParts& parts, Time now) {
    auto since = [&](Time then) { return human_duration(then.is_never() ? 0 : now.ns - then.ns); };
    if (parts.state == "running" || parts.state == "paused") {
        std::string text = "Up " + since(parts.started);
        if (parts.state == "paused") return text + " (Paused)";
        if (parts.health == "starting") return text + " (health: starting)";
        if (!parts.health.empty() && parts.health != "none")
            text += fmt::format(" ({})", parts.health);
        return text;
    }
    if (parts.state == "restarting")
        return fmt::format("Restarting ({}) {} ago", parts.exit_code, since(parts.finished));
    if (parts.state == "removing") return "Removal In Progress";
    if (parts.state == "dead") return "Dead";
    if (parts.state == "created") return "Created";
    if (parts.finished.is_never()) return "";
    return fmt::format("Exited ({}) {} ago", parts.exit_code, since(parts.finished));
}

}  // namespace codec
