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

}  // namespace

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
