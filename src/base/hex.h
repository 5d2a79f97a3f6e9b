// Bytes as lower-case hexadecimal digits, and random identifiers made of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace base {

std::string to_hex(std::span<const unsigned char> bytes);
// True for a non-empty string of [0-9a-f] only.
bool is_hex(std::string_view text);
// 64 random hex digits from getrandom(2), never all decimal in the first 12 (Docker's rule: a short
// id must not look like a number).
std::string random_id();

}  // namespace base
