// The filters parameter: what is accepted reads back equal after encoding, and no expression that
// arrives in it makes matching run away.
#include "codec/filters.h"

#include "codec/pattern.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto filters = codec::Filters::parse(text);
    if (!filters) return 0;
    auto again = codec::Filters::parse(filters->encode());
    if (!again || again->encode() != filters->encode()) std::abort();
    (void)filters->labels({{"a", "b"}});
    for (const std::string& value : filters->values("name"))
        if (auto pattern = codec::Pattern::compile(value)) (void)pattern->found_in("/some_name");
    return 0;
}
