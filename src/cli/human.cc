#include "cli/human.h"

#include "base/time.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace cli {

std::string human_duration(std::int64_t seconds) {
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return fmt::format("{} seconds", seconds);
    std::int64_t minutes = seconds / 60;
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return fmt::format("{} minutes", minutes);
    auto hours = static_cast<std::int64_t>(std::lround(static_cast<double>(seconds) / 3600));
    if (hours == 1) return "About an hour";
    if (hours < 48) return fmt::format("{} hours", hours);
    if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
    if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
    if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
    return fmt::format("{} years", seconds / 3600 / 24 / 365);
}

namespace {

// C's %.*g, which prints as Go's does up to the sizes there are.
std::string scaled(double value, double step, int precision, const char* const* units) {
    int unit = 0;
    while (value >= step && unit < 8) {
        value /= step;
        ++unit;
    }
    return fmt::format("{:.{}g}{}", value, precision, units[unit]);
}

}  // namespace

std::string human_size(double bytes, int precision) {
    static constexpr std::array units = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    return scaled(bytes, 1000, precision, units.data());
}

std::string binary_size(double bytes) {
    static constexpr std::array units = {"B",   "KiB", "MiB", "GiB", "TiB",
                                         "PiB", "EiB", "ZiB", "YiB"};
    return scaled(bytes, 1024, 4, units.data());
}

Result<std::string> parse_moment(std::string_view text) {
    if (text.find_first_not_of("0123456789.") == text.npos) return std::string(text);
    TRY(Time at, codec::parse_moment(text, base::now()));
    return fmt::format("{}.{:09}", at.ns / 1000000000, at.ns % 1000000000);
}

std::string ellipsis(std::string_view text, std::size_t width) {
    std::size_t characters = 0;
    std::size_t cut = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
        if (++characters == width) cut = i;
    }
    if (characters <= width) return std::string(text);
    return std::string(text.substr(0, cut)) + "\u2026";
}

std::string short_id(std::string_view id) {
    if (id.starts_with("sha256:")) id.remove_prefix(7);
    return std::string(id.substr(0, 12));
}

}  // namespace cli
