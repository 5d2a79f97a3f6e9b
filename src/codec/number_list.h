// Lists of small numbers as the kernel writes them ("0-3,7"): processors and memory nodes. Ranges
// stay ranges, so that a list costs what its text costs (CVE-2018-20699).
#pragma once

#include "base/error.h"

#include <string_view>
#include <vector>

namespace codec {

struct NumberRange {
    unsigned first = 0;
    unsigned last = 0;  // with it
    friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// Digits, "," and "-" only; "" is the empty list. Sorted, and neighbours joined. Errors are
// Docker's: "invalid format: X", "value of out range, maximum is N".
Result<std::vector<NumberRange>> parse_number_list(std::string_view text, unsigned max);
// Whether every number of `wanted` is in `have`; both as parsed.
bool covers(const std::vector<NumberRange>& have, const std::vector<NumberRange>& wanted);

}  // namespace codec
