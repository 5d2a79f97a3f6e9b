#include "api/prune_filter.h"

#include "codec/human.h"

#include <algorithm>
#include <fmt/format.h>

namespace api {

Result<PruneFilter> PruneFilter::parse(std::string_view text, Time now,
                                       std::initializer_list<std::string_view> more) {
    PruneFilter out;
    TRY(out.filters_, codec::Filters::parse(text));
    for (const auto& [key, values] : out.filters_.all())
        if (key != "label" && key != "label!" && key != "until" &&
            std::ranges::find(more, key) == more.end())
            return Error(Kind::invalid, fmt::format("invalid filter '{}'", key));
    const auto& until = out.filters_.values("until");
    if (until.size() > 1) return Error(Kind::invalid, "more than one until filter specified");
    if (!until.empty()) {
        TRY(out.until_, codec::parse_moment(until[0], now));
    }
    return out;
}

}  // namespace api
