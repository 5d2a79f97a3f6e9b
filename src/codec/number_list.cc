#include "codec/number_list.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace codec {

namespace {

// What does not fit is above every maximum.
std::optional<unsigned> number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    unsigned value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
        return ~0U;
    return value;
}

std::vector<NumberRange> joined(std::vector<NumberRange> ranges) {
    std::ranges::sort(ranges, {}, &NumberRange::first);
    std::vector<NumberRange> out;
    for (const NumberRange& range : ranges)
        if (!out.empty() && range.first <= out.back().last + 1)
            out.back().last = std::max(out.back().last, range.last);
        else
            out.push_back(range);
    return out;
}

}  // namespace

Result<std::vector<NumberRange>> parse_number_list(std::string_view text, unsigned max) {
    std::vector<NumberRange> ranges;
    bool more = !text.empty();
    for (std::string_view rest = text; more;) {
        std::size_t comma = rest.find(',');
        std::string_view part = rest.substr(0, comma);
        more = comma != std::string_view::npos;
        if (more) rest.remove_prefix(comma + 1);
        std::size_t dash = part.find('-');
        auto first = number(part.substr(0, dash));
        auto last = dash == std::string_view::npos ? first : number(part.substr(dash + 1));
        if (!first || !last || *last < *first)
            return Error(Kind::invalid, fmt::format("invalid format: {}", text));
        if (*last > max)
            return Error(Kind::invalid, fmt::format("value of out range, maximum is {}", max));
        ranges.push_back({*first, *last});
    }
    return joined(std::move(ranges));
}

bool covers(const std::vector<NumberRange>& have, const std::vector<NumberRange>& wanted) {
    return std::ranges::all_of(wanted, [&](const NumberRange& range) {
        auto after = std::ranges::upper_bound(have, range.first, {}, &NumberRange::first);
        return after != have.begin() && std::prev(after)->last >= range.last;
    });
}

}  // namespace codec
