#include "wire/check.h"

namespace wire {

namespace {

constexpr json::Field totals_fields[] = {
    json::field<&CheckTotals::layers>("layers"),
    json::field<&CheckTotals::images>("images"),
    json::field<&CheckTotals::containers>("containers"),
    json::field<&CheckTotals::problems>("problems"),
    json::field<&CheckTotals::repaired>("repaired"),
};
constinit const json::Table totals_table{totals_fields};

constexpr json::Field line_fields[] = {
    json::field<&CheckLine::id>("id", json::omit_empty),
    json::field<&CheckLine::status>("status", json::omit_empty),
    json::field<&CheckLine::message>("message", json::omit_empty),
    json::field<&CheckLine::totals>("totals", json::omit_empty),
    json::field<&CheckLine::error>("error", json::omit_empty),
};
constinit const json::Table line_table{line_fields};

}  // namespace

const json::Table& json_table(const CheckTotals*) {
    return totals_table;
}
const json::Table& json_table(const CheckLine*) {
    return line_table;
}

}  // namespace wire
