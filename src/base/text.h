// ASCII text, whatever the locale says.
#pragma once

#include <string>
#include <string_view>

namespace base {

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
std::string lowered(std::string_view text);
std::string uppered(std::string_view text);
bool equal_no_case(std::string_view a, std::string_view b);

// Without what is of `blanks` on both sides.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");

}  // namespace base
