#include "codec/gotemplate_value.h"

#include <charconv>
#include <cstdlib>

namespace codec {

Value::Value(std::int64_t number) : inner_(Number{std::to_string(number)}) {}

Value Value::number(std::string digits) {
    Value value;
    value.inner_ = Number{std::move(digits)};
    return value;
}

Value Value::array(std::vector<Value> items) {
    Value value;
    value.inner_ = std::make_shared<Items>(Items{std::move(items), false});
    return value;
}

Value Value::texts(std::span<const std::string> items) {
    Array list;
    list.reserve(items.size());
    for (const std::string& item : items)
        list.emplace_back(item);
    return array(std::move(list));
}

Value Value::object(std::string type) {
    Value value;
    value.inner_ = std::make_shared<Members>(Members{{}, std::move(type), false, {}, {}});
    return value;
}

Value Value::nil(std::string type) {
    Value value;
    if (type.starts_with("[]"))
        value.inner_ = std::make_shared<Items>(Items{{}, true});
    else if (type.starts_with("map["))
        value.inner_ = std::make_shared<Members>(Members{{}, std::move(type), true, {}, {}});
    else
        value.inner_ = Null{std::move(type)};
    return value;
}

Value Value::function(Function function) {
    Value value;
    value.inner_ = std::make_shared<Function>(std::move(function));
    return value;
}

bool Value::flag() const {
    const bool* value = std::get_if<bool>(&inner_);
    return value != nullptr && *value;
}

const std::string& Value::text() const {
    static const std::string none;
    const auto* value = std::get_if<std::string>(&inner_);
    return value ? *value : none;
}

const std::string& Value::digits() const {
    static const std::string none;
    const auto* value = std::get_if<Number>(&inner_);
    return value ? value->digits : none;
}

std::int64_t Value::integer(std::int64_t otherwise) const {
    const std::string& text = digits();
    if (text.empty()) return otherwise;
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    double wide = real();
    if (!(wide > -9.2e18 && wide < 9.2e18)) return otherwise;
    return static_cast<std::int64_t>(wide);
}

double Value::real() const {
    return digits().empty() ? 0 : std::strtod(digits().c_str(), nullptr);
}

const Value::Array& Value::items() const {
    static const Array none;
    const auto* value = std::get_if<std::shared_ptr<Items>>(&inner_);
    return value ? (*value)->list : none;
}

const Value::Object& Value::members() const {
    static const Object none;
    const auto* value = std::get_if<std::shared_ptr<Members>>(&inner_);
    return value ? (*value)->list : none;
}

const Value::Function* Value::callable() const {
    const auto* value = std::get_if<std::shared_ptr<Function>>(&inner_);
    return value ? value->get() : nullptr;
}

const std::string& Value::type() const {
    static const std::string none;
    if (const Null* null = std::get_if<Null>(&inner_)) return null->type;
    const auto* value = std::get_if<std::shared_ptr<Members>>(&inner_);
    return value ? (*value)->type : none;
}

const std::string& Value::shown() const {
    static const std::string none;
    const auto* value = std::get_if<std::shared_ptr<Members>>(&inner_);
    return value ? (*value)->shown : none;
}

const Value* Value::find(std::string_view name) const {
    for (const Member& member : members()) {
        if (member.name == name) return &member.value;
    }
    for (const Member& member : members()) {
        if (!member.embedded) continue;
        if (const Value* found = member.value.find(name)) return found;
    }
    return nullptr;
}

const Value& Value::operator[](std::string_view name) const {
    static const Value null;
    const Value* found = find(name);
    return found ? *found : null;
}

Value::Members& Value::own_members() {
    auto* shared = std::get_if<std::shared_ptr<Members>>(&inner_);
    if (shared == nullptr) {
        inner_ = std::make_shared<Members>();
        shared = std::get_if<std::shared_ptr<Members>>(&inner_);
    } else if (shared->use_count() > 1) {
        *shared = std::make_shared<Members>(**shared);
    }
    (*shared)->nil = false;
    return **shared;
}

Value& Value::at(std::string_view name) {
    Members& own = own_members();
    for (Member& member : own.list) {
        if (member.name == name) return member.value;
    }
    return own.list.emplace_back(Member{std::string(name), Value()}).value;
}

Value& Value::set(std::string_view name, Value value) {
    at(name) = std::move(value);
    return *this;
}

Value& Value::add(std::string_view name, Value value) {
    own_members().list.push_back(Member{std::string(name), std::move(value)});
    return *this;
}

Value& Value::add(Member member) {
    own_members().list.push_back(std::move(member));
    return *this;
}

Value& Value::shown_as(std::string text) {
    own_members().shown = std::move(text);
    return *this;
}

Value& Value::with_json(std::string json) {
    own_members().json = std::move(json);
    return *this;
}

Value& Value::push(Value value) {
    auto* shared = std::get_if<std::shared_ptr<Items>>(&inner_);
    if (shared == nullptr) {
        inner_ = std::make_shared<Items>();
        shared = std::get_if<std::shared_ptr<Items>>(&inner_);
    } else if (shared->use_count() > 1) {
        *shared = std::make_shared<Items>(**shared);
    }
    (*shared)->list.push_back(std::move(value));
    (*shared)->nil = false;
    return *this;
}

namespace {

// Length of the UTF-8 sequence at `text`, 0 if it is not one.
std::size_t sequence_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char first = byte(0);
    if (first < 0x80) return 1;
    std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
    if (first == 0xf0 && byte(1) < 0x90) return 0;
    if (first == 0xf4 && byte(1) > 0x8f) return 0;
    return length;
}

void append_escape(std::string& out, unsigned char byte) {
    static constexpr char digits[] = "0123456789abcdef";
    switch (byte) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        out += "\\u00";
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        auto byte = static_cast<unsigned char>(text[0]);
        std::size_t length = sequence_length(text);
        if (length == 0) {
            out += "\\ufffd";
            length = 1;
        } else if (byte < 0x20 || byte == '"' || byte == '\\') {
            append_escape(out, byte);
        } else if (text.starts_with("\xe2\x80\xa8")) {  // line separators end JavaScript strings
            out += "\\u2028";
        } else if (text.starts_with("\xe2\x80\xa9")) {
            out += "\\u2029";
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    out += '"';
}

// The fields of embedded structs stand between the others.
void Value::append_members_json(std::string& out, char& separator) const {
    for (const Member& member : members()) {
        if (member.embedded) {
            member.value.append_members_json(out, separator);
            continue;
        }
        if (member.omitted || member.value.is_function()) continue;
        out += separator;
        append_json_text(out, member.json_name.empty() ? member.name : member.json_name);
        out += ':';
        member.value.append_json(out);
        separator = ',';
    }
}

void Value::append_json(std::string& out) const {
    if (is_bool()) {
        out += flag() ? "true" : "false";
    } else if (is_number()) {
        out += digits();
    } else if (is_text()) {
        append_json_text(out, text());
    } else if (const auto* list = std::get_if<std::shared_ptr<Items>>(&inner_);
               list && !(*list)->nil) {
        char separator = '[';
        for (const Value& item : items()) {
            out += separator;
            item.append_json(out);
            separator = ',';
        }
        out += separator == '[' ? "[]" : "]";
    } else if (const auto* object = std::get_if<std::shared_ptr<Members>>(&inner_);
               object && !(*object)->nil) {
        if (!(*object)->json.empty()) {
            out += (*object)->json;
            return;
        }
        char separator = '{';
        append_members_json(out, separator);
        out += separator == '{' ? "{}" : "}";
    } else {
        out += "null";
    }
}

std::string Value::json() const {
    std::string out;
    append_json(out);
    return out;
}

std::string indent_json(std::string_view document, std::string_view indent) {
    std::string out;
    std::size_t depth = 0;
    bool fresh = false;  // just opened: `{}` stays on one line
    auto new_line = [&] {
        out += '\n';
        for (std::size_t i = 0; i < depth; ++i)
            out += indent;
    };
    for (std::size_t i = 0; i < document.size(); ++i) {
        char c = document[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
        if (fresh && c != '}' && c != ']') {
            fresh = false;
            ++depth;
            new_line();
        }
        if (c == '"') {
            std::size_t begin = i++;
            while (i < document.size() && document[i] != '"')
                i += document[i] == '\\' ? 2 : 1;
            out += document.substr(begin, i - begin + 1);
        } else if (c == '{' || c == '[') {
            out += c;
            fresh = true;
        } else if (c == '}' || c == ']') {
            if (fresh) {
                fresh = false;
            } else {
                if (depth > 0) --depth;
                new_line();
            }
            out += c;
        } else if (c == ',') {
            out += c;
            new_line();
        } else if (c == ':') {
            out += ": ";
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace codec
