// The functions templates can call.
#include "base/text.h"
#include "codec/gotemplate.h"
#include "codec/gotemplate_tree.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <fmt/format.h>

namespace codec {

namespace {

// strings.Title: the first letter of every word.
std::string title(std::string_view text) {
    std::string out(text);
    char before = ' ';
    for (char& c : out) {
        auto byte = static_cast<unsigned char>(before);
        if (!std::isalnum(byte) && before != '_' && before != '\'' && byte < 0x80)
            c = base::upper(c);
        before = c;
    }
    return out;
}

std::string html(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
        case '"':
            out += "&#34;";
            break;
        case '\'':
            out += "&#39;";
            break;
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

Error bad(std::string_view what) {
    return Error(Kind::invalid, std::string(what));
}

using Arguments = std::span<const Value>;

// -1, 0, 1; an error when Go would not compare them.
Result<int> compare(const Value& a, const Value& b) {
    auto order = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
    if (a.is_number() && b.is_number()) return order(a.real(), b.real());
    if (a.is_text() && b.is_text()) return order(a.text(), b.text());
    if (a.is_bool() && b.is_bool()) return order(int(a.flag()), int(b.flag()));
    if (a.is_null() && b.is_null()) return 0;
    if (a.is_null() || b.is_null()) return 1;
    bool basic = !a.is_array() && !a.is_object() && !b.is_array() && !b.is_object();
    return bad(basic ? "incompatible types for comparison" : "non-comparable type");
}

Result<Value> compared(std::string_view name, Arguments arguments) {
    if (arguments.size() < 2)
        return bad(fmt::format("error calling {}: missing argument for comparison", name));
    if (name == "eq") {
        for (const Value& other : arguments.subspan(1)) {
            auto order = compare(arguments[0], other);
            if (!order) return std::move(order).error().context("error calling eq");
            if (*order == 0) return Value(true);
        }
        return Value(false);
    }
    auto order = compare(arguments[0], arguments[1]);
    if (!order) return std::move(order).error().context(fmt::format("error calling {}", name));
    if (name == "ne") return Value(*order != 0);
    if (name == "lt") return Value(*order < 0);
    if (name == "le") return Value(*order <= 0);
    if (name == "gt") return Value(*order > 0);
    return Value(*order >= 0);
}

// What a map gives for a key it does not have: the zero of its values' type, "map[string]string"'s
// is an empty text. Of any map it is nothing.
Value zero_of(const Value& map) {
    std::string_view type = map.type();
    type.remove_prefix(std::min(type.find(']'), type.size()));
    if (type.empty()) return Value();
    type.remove_prefix(1);
    if (type == "string") return Value("");
    if (type == "bool") return Value(false);
    if (type.starts_with("int") || type.starts_with("uint")) return Value(0);
    if (type.starts_with('*') || type.starts_with('[') || type.starts_with("map["))
        return Value::nil(std::string(type));
    return Value::object(std::string(type));
}

Result<Value> index(Arguments arguments) {
    if (arguments.empty()) return bad("error calling index: no item to index");
    Value at = arguments[0];
    for (const Value& key : arguments.subspan(1)) {
        if (at.is_object()) {
            if (!key.is_text())
                return bad("error calling index: value has type int; should be string");
            const Value* found = at.find(key.text());
            Value next = found ? *found : zero_of(at);
            at = std::move(next);
        } else if (at.is_array() || at.is_text()) {
            if (!key.is_number())
                return bad("error calling index: cannot index slice/array with type string");
            std::int64_t i = key.integer();
            std::size_t size = at.is_array() ? at.items().size() : at.text().size();
            if (i < 0 || static_cast<std::size_t>(i) >= size)
                return bad(fmt::format("error calling index: index out of range: {}", i));
            auto n = static_cast<std::size_t>(i);
            Value next = at.is_array()
                             ? at.items()[n]
                             : Value(std::int64_t(static_cast<unsigned char>(at.text()[n])));
            at = std::move(next);
        } else if (at.is_null()) {
            return bad("error calling index: index of untyped nil");
        } else {
            return bad("error calling index: can't index item of type int");
        }
    }
    return at;
}

Result<Value> slice(Arguments arguments) {
    if (arguments.empty()) return bad("error calling slice: slice of untyped nil");
    const Value& from = arguments[0];
    std::size_t size = from.is_array() ? from.items().size() : from.text().size();
    std::size_t begin = 0;
    std::size_t end = size;
    if (arguments.size() > 1) begin = static_cast<std::size_t>(arguments[1].integer());
    if (arguments.size() > 2) end = static_cast<std::size_t>(arguments[2].integer());
    if (begin > end || end > size)
        return bad(
            fmt::format("error calling slice: index out of range: {}", std::max(begin, end)));
    if (from.is_text()) return Value(from.text().substr(begin, end - begin));
    if (!from.is_array()) return bad("error calling slice: can't slice item of type int");
    auto at = [&](std::size_t i) { return from.items().begin() + static_cast<std::ptrdiff_t>(i); };
    return Value::array(Value::Array(at(begin), at(end)));
}

// One verb of printf: `spec` is everything between % and the verb.
std::string formatted(const std::string& spec, char verb, const Value& value) {
    std::array<char, 512> buffer{};
    auto with = [&](const char* type, auto argument) {
        std::string format = "%" + spec + type;
        int size = std::snprintf(buffer.data(), buffer.size(), format.c_str(), argument);
        return std::string(buffer.data(), static_cast<std::size_t>(std::clamp(size, 0, 511)));
    };
    auto wrong = [&] {
        return fmt::format("%!{}({}={})", verb, value.is_text() ? "string" : "int", go_text(value));
    };
    switch (verb) {
    case 'd':
    case 'o':
    case 'x':
    case 'X':
    case 'c':
        if (value.is_number()) {
            if (verb == 'c') return with("c", static_cast<int>(value.integer()));
            return with((std::string("ll") + verb).c_str(),
                        static_cast<long long>(value.integer()));
        }
        if (verb == 'x' && value.is_text()) {
            std::string out;
            for (unsigned char c : value.text())
                out += fmt::format("{:02x}", c);
            return out;
        }
        return wrong();
    case 'f':
    case 'e':
    case 'g':
        return value.is_number() ? with(std::string(1, verb).c_str(), value.real()) : wrong();
    case 't':
        return value.is_bool() ? go_text(value) : wrong();
    case 'q':
        return go_quote(value.is_text() ? value.text() : go_text(value));
    case 's':
    case 'v': {
        // Widths count characters of at most a line; longer texts need no padding.
        std::string text = go_sprint(value, spec.find('+') != spec.npos);
        return spec.empty() || text.size() > 400 ? text : with("s", text.c_str());
    }
    default:
        return fmt::format("%!{}({})", verb, go_text(value));
    }
}

std::string printed_format(Arguments arguments) {
    if (arguments.empty()) return "";
    const std::string format = go_text(arguments[0]);
    std::string out;
    std::size_t next = 1;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '%') {
            out += format[i];
            continue;
        }
        std::size_t begin = ++i;
        while (i < format.size() && std::string_view("0123456789.+-# ").contains(format[i]))
            ++i;
        if (i >= format.size()) return out + "%!(NOVERB)";
        std::string spec = format.substr(begin, std::min<std::size_t>(i - begin, 8));
        if (format[i] == '%') {
            out += '%';
        } else if (next >= arguments.size()) {
            out += fmt::format("%!{}(MISSING)", format[i]);
        } else {
            out += formatted(spec, format[i], arguments[next++]);
        }
    }
    if (next < arguments.size()) {
        out += "%!(EXTRA ";
        for (std::size_t i = next; i < arguments.size(); ++i)
            out += fmt::format("{}{}={}", i > next ? ", " : "",
                               arguments[i].is_text() ? "string" : "int", go_text(arguments[i]));
        out += ')';
    }
    return out;
}

std::string printed(Arguments arguments, bool line) {
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        // Sprint puts a space between two operands when neither is a string, Sprintln always.
        if (i > 0 && (line || (!arguments[i].is_text() && !arguments[i - 1].is_text()))) out += ' ';
        out += go_sprint(arguments[i]);
    }
    if (line) out += '\n';
    return out;
}

std::string joined(const Value& list, std::string_view separator) {
    std::string out;
    for (const Value& item : list.items()) {
        if (&item != &list.items().front()) out += separator;
        out += go_text(item);
    }
    return out;
}

Value split(const std::string& text, const std::string& separator) {
    Value out = Value::array();
    std::size_t begin = 0;
    while (!separator.empty()) {
        std::size_t end = text.find(separator, begin);
        if (end == text.npos) break;
        out.push(text.substr(begin, end - begin));
        begin = end + separator.size();
    }
    out.push(text.substr(begin));
    return out;
}

std::string pad(const std::string& text, std::int64_t before, std::int64_t after) {
    auto spaces = [](std::int64_t count) {
        return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, 4096)), ' ');
    };
    return text.empty() ? text : spaces(before) + text + spaces(after);
}

std::string url_query(std::string_view text) {
    std::string out;
    for (unsigned char c : text) {
        if (std::isalnum(c) || std::string_view("-_.~").contains(static_cast<char>(c))) {
            out += static_cast<char>(c);
        } else if (c == ' ') {
            out += '+';
        } else {
            out += fmt::format("%{:02X}", c);
        }
    }
    return out;
}

struct Named {
    std::string_view name;
    std::size_t least;
    std::size_t most;
};

constexpr std::size_t any = 1000;
constexpr std::array functions = {
    Named{"and", 1, any},    Named{"eq", 2, any},       Named{"ge", 2, 2},
    Named{"gt", 2, 2},       Named{"html", 0, any},     Named{"index", 1, any},
    Named{"join", 2, 2},     Named{"js", 0, any},       Named{"json", 1, 1},
    Named{"le", 2, 2},       Named{"len", 1, 1},        Named{"lower", 1, 1},
    Named{"lt", 2, 2},       Named{"ne", 2, 2},         Named{"not", 1, 1},
    Named{"or", 1, any},     Named{"pad", 3, 3},        Named{"print", 0, any},
    Named{"printf", 1, any}, Named{"println", 0, any},  Named{"slice", 1, 4},
    Named{"split", 2, 2},    Named{"title", 1, 1},      Named{"truncate", 2, 2},
    Named{"upper", 1, 1},    Named{"urlquery", 0, any},
};

}  // namespace

namespace gotemplate {

bool is_function(std::string_view name) {
    return std::ranges::any_of(functions, [&](const Named& known) { return known.name == name; });
}

bool truth(const Value& value) {
    if (value.is_bool()) return value.flag();
    if (value.is_number()) return value.real() != 0;
    if (value.is_text()) return !value.text().empty();
    if (value.is_array()) return !value.items().empty();
    if (value.is_object()) return is_struct(value) || !value.members().empty();
    return false;
}

std::string type_of(const Value& value) {
    if (value.is_text()) return "string";
    if (value.is_number()) return "int";
    if (value.is_bool()) return "bool";
    if (value.is_array()) return "[]interface {}";
    if (!value.type().empty()) return value.type();
    return value.is_object() ? "map[string]interface {}" : "nil";
}

bool is_struct(const Value& value) {
    return value.is_object() && !value.type().empty() && !value.type().starts_with("map[");
}

Result<Value> call(std::string_view name, Arguments arguments, bool header) {
    const auto* known = std::ranges::find(functions, name, &Named::name);
    if (known == functions.end()) return bad(fmt::format("\"{}\" is not a defined function", name));
    if (arguments.size() < known->least || arguments.size() > known->most)
        return bad(fmt::format("wrong number of args for {}: want {}{} got {}", name,
                               known->most == any ? "at least " : "", known->least,
                               arguments.size()));
    if (name == "eq" || name == "ne" || name == "lt" || name == "le" || name == "gt" ||
        name == "ge")
        return compared(name, arguments);
    if (name == "index") return index(arguments);
    if (name == "slice") return slice(arguments);
    if (name == "not") return Value(!truth(arguments[0]));
    if (name == "print") return Value(printed(arguments, false));
    if (name == "println") return Value(printed(arguments, true));
    if (name == "printf") return Value(printed_format(arguments));
    if (name == "urlquery") return Value(url_query(printed(arguments, false)));
    if (name == "html") return Value(html(printed(arguments, false)));
    if (name == "js") return Value(printed(arguments, false));
    const Value& first = arguments[0];
    if (name == "len") {
        if (first.is_text()) return Value(std::int64_t(first.text().size()));
        if (first.is_array()) return Value(std::int64_t(first.items().size()));
        if (first.is_object() && !is_struct(first))
            return Value(std::int64_t(first.members().size()));
        if (first.is_object())
            return bad(fmt::format("error calling len: len of type {}", first.type()));
        return bad(first.is_null() ? "error calling len: len of nil pointer"
                                   : "error calling len: len of type int");
    }
    bool plain = header && first.is_text();
    if (header && name == "json") return plain ? first : Value("");
    if (name == "json") return Value(first.json());
    if (name == "join" && !plain && !first.is_array())
        return bad(fmt::format("{}expected []string; got {}", wrong_argument, type_of(first)));
    if (name == "join") return plain ? first : Value(joined(first, arguments[1].text()));
    if (plain && name != "pad") return first;
    if (!first.is_text())
        return bad(fmt::format("{}expected string; got {}", wrong_argument, type_of(first)));
    if (name == "split") return split(first.text(), arguments[1].text());
    if (name == "lower") return Value(base::lowered(first.text()));
    if (name == "upper") return Value(base::uppered(first.text()));
    if (name == "title") return Value(title(first.text()));
    if (name == "pad")
        return Value(pad(first.text(), arguments[1].integer(), arguments[2].integer()));
    auto length = static_cast<std::size_t>(std::max<std::int64_t>(arguments[1].integer(), 0));
    return Value(first.text().substr(0, length));  // truncate
}

}  // namespace gotemplate

}  // namespace codec
