// What a prune takes: the filters that all of Docker's prunes share.
#pragma once

#include "base/time.h"
#include "codec/filters.h"

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace api {

class PruneFilter {
public:
    // The `filters` parameter. label, label! and until, and `more` keys that the caller looks at.
    // invalid for another key, or an until that is no time; durations count back from `now`.
    static Result<PruneFilter> parse(std::string_view text, Time now,
                                     std::initializer_list<std::string_view> more = {});

    bool takes(Time created, const std::map<std::string, std::string>& labels) const {
        return (until_.is_never() || created < until_) && filters_.labels(labels);
    }
    const codec::Filters& filters() const { return filters_; }

private:
    codec::Filters filters_;
    Time until_;
};

}  // namespace api
