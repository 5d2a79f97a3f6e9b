// What the engine keeps of a container and reads again at its next start: what is accepted reads back
// equal.
#include "engine/record.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto once = json::read<engine::ContainerRecord>(text);
    if (!once) return 0;
    std::string written = json::write(*once);
    auto again = json::read<engine::ContainerRecord>(written);
    if (!again || json::write(*again) != written) std::abort();
    return 0;
}
