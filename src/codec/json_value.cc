#include "codec/json_value.h"

#include <charconv>

namespace json {

Value Value::of_string(std::string text) {
    Value value;
    value.type_ = Type::string;
    value.text_ = std::move(text);
    return value;
}
Value Value::of_number(std::string text) {
    Value value = of_string(std::move(text));
    value.type_ = Type::number;
    return value;
}
Value Value::of_array(std::vector<Value> elements) {
    Value value;
    value.type_ = Type::array;
    value.elements_ = std::move(elements);
    return value;
}
Value Value::of_object(Members members) {
    Value value;
    value.type_ = Type::object;
    value.members_ = std::move(members);
    return value;
}

std::int64_t Value::integer() const {
    std::int64_t result = 0;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), result);
    return error == std::errc() && end == text_.data() + text_.size() ? result : 0;
}

double Value::number() const {
    double result = 0;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), result);
    return error == std::errc() && end == text_.data() + text_.size() ? result : 0;
}

bool Value::is_integer() const {
    std::int64_t result = 0;
    auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), result);
    return type_ == Type::number && error == std::errc() && end == text_.data() + text_.size();
}

const Value* Value::find(std::string_view name) const {
    for (const auto& [key, value] : members_)
        if (key == name) return &value;
    return nullptr;
}

bool json_read(Reader& reader, Value& value) {
    value = Value();
    value.type_ = reader.type();
    switch (value.type_) {
    case Type::null:
        return reader.skip();
    case Type::boolean:
        return reader.boolean(value.boolean_);
    case Type::string:
        return reader.string(value.text_);
    case Type::number: {
        std::string_view text;
        if (!reader.number_text(text)) return false;
        value.text_ = text;
        return true;
    }
    case Type::array:
        return reader.array([&] { return json_read(reader, value.elements_.emplace_back()); });
    case Type::object:
        return reader.object([&](std::string_view key) {
            return json_read(reader, value.members_.emplace_back(std::string(key), Value()).second);
        });
    }
    return false;
}

void json_write(Writer& writer, const Value& value) {
    switch (value.type()) {
    case Type::null:
        return writer.null();
    case Type::boolean:
        return writer.boolean(value.boolean());
    case Type::string:
        return writer.string(value.text());
    case Type::number:
        return writer.raw(value.text());
    case Type::array:
        writer.begin_array();
        for (const Value& element : value.elements())
            json_write(writer, element);
        return writer.end_array();
    case Type::object:
        writer.begin_object();
        for (const auto& [key, member] : value.members()) {
            writer.key(key);
            json_write(writer, member);
        }
        return writer.end_object();
    }
}

Result<Value> parse(std::string_view text, ReadLimits limits) {
    Value value;
    TRY_DO(Reader::document(
        text, [&](Reader& reader) { return json_read(reader, value); }, limits));
    return value;
}

namespace {

void append_pretty(std::string& out, const Value& value, std::size_t indent, std::size_t margin) {
    auto line = [&](std::size_t width) { out.append("\n").append(width, ' '); };
    bool first = true;
    auto next = [&] {
        if (!std::exchange(first, false)) out += ',';
        line(margin + indent);
    };
    if (value.type() == Type::array && !value.elements().empty()) {
        out += '[';
        for (const Value& element : value.elements()) {
            next();
            append_pretty(out, element, indent, margin + indent);
        }
        line(margin);
        out += ']';
    } else if (value.type() == Type::object && !value.members().empty()) {
        out += '{';
        for (const auto& [key, member] : value.members()) {
            next();
            append_string(out, key);
            out += ": ";
            append_pretty(out, member, indent, margin + indent);
        }
        line(margin);
        out += '}';
    } else {
        Writer writer(out);
        json_write(writer, value);
    }
}

}  // namespace

std::string pretty(const Value& value, int indent) {
    std::string out;
    append_pretty(out, value, static_cast<std::size_t>(indent), 0);
    return out;
}

}  // namespace json
