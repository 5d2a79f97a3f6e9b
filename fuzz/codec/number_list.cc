// Lists of processors: what is accepted covers itself, is sorted, and stays below the maximum.
#include "codec/number_list.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr unsigned max = 8192;
    auto list = codec::parse_number_list({reinterpret_cast<const char*>(data), size}, max);
    if (!list) return 0;
    if (!codec::covers(*list, *list) || !codec::covers({{0, max}}, *list)) std::abort();
    const codec::NumberRange* before = nullptr;
    for (const codec::NumberRange& range : *list) {
        if (range.last < range.first || range.last > max) std::abort();
        if (before != nullptr && range.first <= before->last + 1) std::abort();
        before = &range;
    }
    return 0;
}
