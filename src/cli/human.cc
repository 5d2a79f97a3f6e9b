#include "cli/human.h"

#include "base/time.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>

namespace cli {

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

std::string local_time(std::int64_t seconds, const char* format) {
    std::time_t at = seconds;
    std::tm parts{};
    localtime_r(&at, &parts);
    char buffer[64];
    std::size_t size = std::strftime(buffer, sizeof buffer, format, &parts);
    return std::string(buffer, size);
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
