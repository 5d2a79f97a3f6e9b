// Reading a JSON document into a tree of Values.
#include "base/limits.h"
#include "codec/gotemplate_value.h"

#include <simdjson.h>

namespace codec {

namespace {

using simdjson::ondemand::json_type;

Error bad(simdjson::error_code code) {
    return Error(Kind::invalid, std::string("invalid JSON: ") + simdjson::error_message(code));
}

// The bare token, without the spaces that follow it.
std::string token_text(std::string_view token) {
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                              token.back() == '\t'))
        token.remove_suffix(1);
    return std::string(token);
}

// `from` is a document or a value: both have the same face.
template <class From> Result<Value> build(From& from, std::size_t depth) {
    if (depth > limits::json_depth_max) return Error(Kind::invalid, "invalid JSON: too deep");
    json_type type;
    if (auto code = from.type().get(type)) return bad(code);
    switch (type) {
    case json_type::object: {
        simdjson::ondemand::object object;
        if (auto code = from.get_object().get(object)) return bad(code);
        Value out = Value::object();
        for (auto field : object) {
            std::string_view key;
            if (auto code = field.unescaped_key().get(key)) return bad(code);
            std::string name(key);
            simdjson::ondemand::value inner;
            if (auto code = field.value().get(inner)) return bad(code);
            TRY(Value member, build(inner, depth + 1));
            out.add(name, std::move(member));
        }
        return out;
    }
    case json_type::array: {
        simdjson::ondemand::array array;
        if (auto code = from.get_array().get(array)) return bad(code);
        Value out = Value::array();
        for (auto item : array) {
            simdjson::ondemand::value inner;
            if (auto code = item.get(inner)) return bad(code);
            TRY(Value member, build(inner, depth + 1));
            out.push(std::move(member));
        }
        return out;
    }
    case json_type::number: {
        double checked;
        std::string_view token;
        if (auto code =
                simdjson::simdjson_result<std::string_view>(from.raw_json_token()).get(token))
            return bad(code);
        if (auto code = from.get_double().get(checked)) return bad(code);
        return Value::number(token_text(token));
    }
    case json_type::string: {
        std::string_view text;
        if (auto code = from.get_string().get(text)) return bad(code);
        return Value(text);
    }
    case json_type::boolean: {
        bool flag;
        if (auto code = from.get_bool().get(flag)) return bad(code);
        return Value(flag);
    }
    case json_type::null:
        break;
    }
    bool null = false;
    if (auto code = from.is_null().get(null)) return bad(code);
    if (!null) return bad(simdjson::INCORRECT_TYPE);
    return Value();
}

}  // namespace

Result<Value> parse_value(std::string_view document) {
    simdjson::padded_string padded(document);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document root;
    if (auto code = parser.iterate(padded).get(root)) return bad(code);
    TRY(Value value, build(root, 0));
    if (root.current_location().error() == simdjson::SUCCESS)
        return Error(Kind::invalid, "invalid JSON: more after the document");
    return value;
}

}  // namespace codec
