#include "base/hex.h"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

namespace base {

std::string to_hex(std::span<const unsigned char> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (unsigned char byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

bool is_hex(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

std::string random_id() {
    for (;;) {
        unsigned char bytes[32];
        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) std::abort();
        std::string id = to_hex(bytes);
        bool decimal = std::all_of(id.begin(), id.begin() + 12, [](char c) { return c <= '9'; });
        if (!decimal) return id;
    }
}

}  // namespace base
