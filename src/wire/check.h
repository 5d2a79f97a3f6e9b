// A line of POST /lighter/system/check, which is Lighter's own.
#pragma once

#include "codec/json.h"

#include <cstdint>
#include <optional>
#include <string>

namespace wire {

struct CheckTotals {
    std::int64_t layers = 0, images = 0, containers = 0, problems = 0, repaired = 0;
};

struct CheckLine {
    std::string id, status, message;
    std::optional<CheckTotals> totals;  // of the last line
    std::string error;                  // of the last line when the check itself failed
};

const json::Table& json_table(const CheckTotals*);
const json::Table& json_table(const CheckLine*);

}  // namespace wire
