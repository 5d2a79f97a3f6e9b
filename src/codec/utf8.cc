#include "codec/utf8.h"

namespace codec {

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    // The second byte alone tells overlong forms, surrogates and what lies beyond U+10FFFF.
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return length;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::size_t utf8_count(std::string_view text) {
    std::size_t count = 0;
    for (; !text.empty(); ++count) {
        std::size_t length = utf8_length(text);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return count;
}

void append_utf8(std::string& out, char32_t code_point) {
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = 0xfffd;
    auto put = [&](unsigned value) { out += static_cast<char>(value); };
    auto tail = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3f)); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xc0 | (code_point >> 6));
        tail(0);
    } else if (code_point < 0x10000) {
        put(0xe0 | (code_point >> 12));
        tail(6);
        tail(0);
    } else {
        put(0xf0 | (code_point >> 18));
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace codec
