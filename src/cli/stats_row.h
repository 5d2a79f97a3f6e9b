// What `stats` shows of one reading: the percentages and sums as docker makes them. Pure.
#pragma once

#include "codec/gotemplate_value.h"

#include <string>
#include <string_view>

namespace cli {

struct StatsNumbers {
    double cpu_percent = 0, memory = 0, memory_limit = 0, memory_percent = 0;
    double network_rx = 0, network_tx = 0, block_read = 0, block_write = 0;
    std::int64_t pids = 0;
};

// Of a document of GET /containers/{id}/stats.
StatsNumbers stats_numbers(const codec::Value& stats);

// A line of the table. `asked`: the name on the command line. Without a reading that counts (null:
// none ever) numbers are dashes.
codec::Value stats_row(std::string_view asked, const codec::Value& stats, bool valid, bool trunc);
codec::Value stats_head();

}  // namespace cli
