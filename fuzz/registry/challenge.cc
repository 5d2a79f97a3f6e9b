// Fuzz target: the WWW-Authenticate parser and Retry-After.
#include "registry/challenge.h"

#include "registry/retry.h"

#include <cassert>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto all = registry::parse_challenges(text);
    assert(all.size() <= registry::challenges_max);
    for (const auto& challenge : all) {
        assert(!challenge.scheme.empty());
        for (const auto& [name, value] : challenge.parameters)
            for (char c : value)
                assert(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    }
    auto wait = registry::parse_retry_after(text, Time{0});
    assert(!wait || wait->count() >= 0);
    return 0;
}
