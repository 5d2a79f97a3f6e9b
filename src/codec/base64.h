// Base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace codec {

enum class Base64 { standard, url };  // the last two digits: "+/" or "-_"

// Padded.
std::string base64(std::string_view bytes, Base64 alphabet = Base64::standard);
// Both alphabets, with or without padding; nothing for anything else.
std::optional<std::string> unbase64(std::string_view text);

}  // namespace codec
