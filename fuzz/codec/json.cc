// JSON reader: whatever is accepted as a document must read back equal after writing.
#include "codec/json.h"

#include "codec/json_value.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto value = json::parse(text);
    auto raw = json::read<json::Raw>(text);
    if (bool(value) != bool(raw)) std::abort();
    if (!value) return 0;
    std::string once = json::write(*value);
    auto again = json::parse(once);
    if (!again || json::write(*again) != once) std::abort();
    if (!raw->text.empty() && raw->text != once) std::abort();
    auto laid_out = json::parse(json::pretty(*value));
    if (!laid_out || json::write(*laid_out) != once) std::abort();
    (void)json::read<std::map<std::string, std::vector<std::string>>>(text);
    return 0;
}
