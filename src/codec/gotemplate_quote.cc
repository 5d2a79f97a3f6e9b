// strconv.Quote, for templates and for who tells users what they wrote.
#include "codec/gotemplate.h"

#include <algorithm>
#include <fmt/format.h>

namespace codec {

namespace {

std::string quoted_rune(std::string_view sequence) {
    unsigned long code = static_cast<unsigned char>(sequence[0]) & (0xff >> (sequence.size() + 1));
    for (char c : sequence.substr(1))
        code = code << 6 | (static_cast<unsigned char>(c) & 0x3f);
    // Of what is not ASCII, Go escapes what is not printable; the control block is what matters.
    if (code < 0xa0 || code == 0xad) return fmt::format("\\u{:04x}", code);
    return std::string(sequence);
}

}  // namespace

std::string go_quote(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        auto byte = static_cast<unsigned char>(text[i]);
        static constexpr std::string_view plain = "abfnrtv";
        static constexpr std::string_view meant = "\a\b\f\n\r\t\v";
        std::size_t length = byte < 0x80    ? 1
                             : byte >= 0xf0 ? 4
                             : byte >= 0xe0 ? 3
                             : byte >= 0xc2 ? 2
                                            : 0;
        bool whole = length > 0 && i + length <= text.size();
        for (std::size_t k = 1; whole && k < length; ++k)
            whole = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
        if (std::size_t k = meant.find(text[i]); k != meant.npos) {
            out += '\\';
            out += plain[k];
        } else if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text[i];
        } else if (!whole || byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
            length = 1;
        } else {
            out += length == 1 ? std::string(1, text[i]) : quoted_rune(text.substr(i, length));
        }
        i += std::max<std::size_t>(length, 1);
    }
    return out + '"';
}

}  // namespace codec
