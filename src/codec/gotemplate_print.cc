// How Go prints values: in {{ }}, and through fmt (print, printf).
#include "codec/gotemplate.h"
#include "codec/gotemplate_tree.h"

#include <algorithm>
#include <fmt/format.h>

namespace codec {

namespace {

using gotemplate::is_struct;

std::string inner_text(const Value& value, bool names);

std::string struct_text(const Value& value, bool names) {
    std::string out = "{";
    bool first = true;
    for (const Value::Member& member : value.members()) {
        if (member.value.is_function()) continue;
        if (!first) out += ' ';
        first = false;
        if (names) out += member.name + ":";
        if (member.pointer && !member.value.is_null())
            out += fmt::format("{}", fmt::ptr(&member.value));
        else
            out += inner_text(member.value, names);
    }
    return out + "}";
}

std::string map_text(const Value& value, bool names) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const Value::Member& member : value.members())
        if (!member.value.is_function())
            pairs.emplace_back(member.name, inner_text(member.value, names));
    std::ranges::sort(pairs);
    std::string out = "map[";
    for (const auto& [name, text] : pairs)
        out += (out.size() > 4 ? " " : "") + name + ":" + text;
    return out + "]";
}

// Inside of another value: what is behind a pointer shows as its address there.
std::string inner_text(const Value& value, bool names) {
    if (value.is_null()) return "<nil>";
    if (!value.shown().empty()) return value.shown();
    if (is_struct(value) && value.type().starts_with('*'))
        return fmt::format("{}", fmt::ptr(value.members().data()));
    return go_sprint(value, names);
}

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

std::string go_sprint(const Value& value, bool names) {
    if (value.is_text()) return value.text();
    if (value.is_number()) return value.digits();
    if (value.is_bool()) return value.flag() ? "true" : "false";
    if (value.is_array()) {
        std::string out = "[";
        for (const Value& item : value.items()) {
            if (&item != &value.items().front()) out += ' ';
            out += inner_text(item, names);
        }
        return out + "]";
    }
    if (!value.is_object()) return "<nil>";
    if (!value.shown().empty()) return value.shown();
    if (!is_struct(value)) return map_text(value, names);
    return (value.type().starts_with('*') ? "&" : "") + struct_text(value, names);
}

std::string go_text(const Value& value) {
    if (value.is_null())
        return value.type().empty() || value.type() == gotemplate::no_value ? "<no value>"
                                                                            : "<nil>";
    if (is_struct(value) && value.shown().empty()) return struct_text(value, false);
    return go_sprint(value);
}

}  // namespace codec
