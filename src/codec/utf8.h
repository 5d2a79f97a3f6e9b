// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace codec {

// The bytes of the character at the front of `text` (1..4), 0 when there is none that is valid.
std::size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);
// Characters, counting each invalid byte as one (as Go's RuneCountInString).
std::size_t utf8_count(std::string_view text);
// Appends a code point; what is none becomes U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace codec
