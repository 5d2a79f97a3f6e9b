#include "codec/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace codec {

namespace {

constexpr std::string_view standard_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::uint8_t no_digit = 64;
constexpr std::array<std::uint8_t, 256> values = [] {
    std::array<std::uint8_t, 256> out;
    out.fill(no_digit);
    for (std::string_view digits : {standard_digits, url_digits})
        for (std::size_t i = 0; i < digits.size(); ++i)
            out[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
    return out;
}();

}  // namespace

std::string base64(std::string_view bytes, Base64 alphabet) {
    std::string_view digits = alphabet == Base64::url ? url_digits : standard_digits;
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t word = 0;
        std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t k = 0; k < 3; ++k)
            word = word << 8 | (k < here ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= here ? digits[word >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::optional<std::string> unbase64(std::string_view text) {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t word = 0;
    unsigned bits = 0;
    for (char c : text) {
        std::uint8_t value = values[static_cast<unsigned char>(c)];
        if (value == no_digit) return std::nullopt;
        word = word << 6 | value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(word >> bits & 0xff);
        }
    }
    return out;
}

}  // namespace codec
