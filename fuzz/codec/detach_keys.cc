// Detach keys: whatever the sequence and the input, no byte is lost, doubled or reordered.
#include "codec/detach_keys.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view all(reinterpret_cast<const char*>(data), size);
    std::size_t line = all.find('\n');
    auto keys = codec::parse_detach_keys(all.substr(0, line));
    if (!keys || line == std::string_view::npos) return 0;
    std::string_view input = all.substr(line + 1);
    codec::DetachScanner scanner(*keys);
    std::string out;
    std::size_t used = 0;
    for (char byte : input) {
        auto scan = scanner.scan({&byte, 1});
        ++used;
        out += scan.pass;
        if (!scan.detached) continue;
        out += *keys;
        if (input.substr(0, used) != out) std::abort();
        return 0;
    }
    if (input != out + scanner.release() || input.find(*keys) != std::string_view::npos)
        std::abort();
    return 0;
}
