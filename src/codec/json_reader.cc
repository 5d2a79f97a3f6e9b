#include "codec/json_reader.h"

#include "codec/json_writer.h"

#include <cctype>
#include <charconv>
#include <fmt/core.h>
#include <simdjson.h>
#include <unordered_set>
#include <vector>

namespace json {

namespace {

namespace ondemand = simdjson::ondemand;

// Elements and members of one document: what is small as text must not be large as structs.
constexpr std::size_t values_max = 1'000'000;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.back()))
        text.remove_suffix(1);
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    return text;
}

std::string_view digits_at(std::string_view& text) {
    std::size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9')
        ++count;
    std::string_view digits = text.substr(0, count);
    text.remove_prefix(count);
    return digits;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// JSON's own grammar for numbers: no leading zeros, no plus, digits on both sides of the point.
bool is_number(std::string_view text) {
    take(text, "-");
    std::string_view whole = digits_at(text);
    if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return false;
    if (take(text, ".") && digits_at(text).empty()) return false;
    if (take(text, "eE")) {
        take(text, "+-");
        if (digits_at(text).empty()) return false;
    }
    return text.empty();
}

// The end of the first value in `text`, which begins with a bracket: used only to tell what is
// wrong with a document that simdjson refused as a whole.
std::size_t end_of_first_value(std::string_view text) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char c = text[at];
        if (quoted) {
            if (c == '\\') ++at;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

constexpr std::string_view trailing_text = "unexpected content after JSON";

// Keys of one object so far; small objects are searched, large ones hashed.
class Keys {
public:
    bool insert(std::string_view key) {
        if (many_.empty()) {
            for (std::string_view other : few_)
                if (other == key) return false;
            few_.push_back(key);
            if (few_.size() > 64) many_.insert(few_.begin(), few_.end());
            return true;
        }
        return many_.insert(key).second;
    }

private:
    std::vector<std::string_view> few_;
    std::unordered_set<std::string_view> many_;
};

}  // namespace

std::string_view type_name(Type type) {
    switch (type) {
    case Type::null:
        return "null";
    case Type::boolean:
        return "bool";
    case Type::number:
        return "number";
    case Type::string:
        return "string";
    case Type::array:
        return "array";
    case Type::object:
        return "object";
    }
    return "value";
}

struct Reader::Impl {
    ondemand::value current;
    std::string_view token;  // the text of `current` up to the next token
    ReadLimits limits;
    std::size_t depth = 0;
    std::size_t values = 0;
    // The first failure: a text of its own, or "cannot unmarshal `found` into ... of type
    // `wanted`".
    std::string message;
    std::string found;
    std::string wanted;
    std::string path;

    void stand_on(ondemand::value value) {
        current = value;
        token = trimmed(current.raw_json_token());
    }
    bool count(Reader& reader) {
        if (++values <= values_max) return true;
        return reader.fail("too many values");
    }
    Error error() const;
};

Error Reader::Impl::error() const {
    if (!message.empty()) {
        if (path.empty()) return Error(Kind::invalid, fmt::format("invalid JSON: {}", message));
        return Error(Kind::invalid, fmt::format("invalid JSON: {}: {}", path, message));
    }
    std::string where = path.empty() ? "a value" : fmt::format("field {}", path);
    return Error(Kind::invalid, fmt::format("invalid JSON: cannot unmarshal {} into {} of type {}",
                                            found, where, wanted));
}

Status Reader::document(std::string_view text, FunctionRef<bool(Reader&)> body, ReadLimits limits) {
    if (text.size() > limits.bytes_max)
        return Error(Kind::too_large,
                     fmt::format("JSON document is larger than {} bytes", limits.bytes_max));
    text = trimmed(text);
    if (text.empty())
        return Error(Kind::invalid, "invalid JSON: got EOF while reading request body");
    // simdjson's scalars at the root are another type than its values, so they go into a list of
    // one.
    bool wrapped = text.front() != '{' && text.front() != '[';
    simdjson::padded_string padded(wrapped ? fmt::format("[{}]", text) : std::string(text));
    ondemand::parser parser;
    ondemand::document document;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS)
        return Error(Kind::invalid, "invalid JSON: malformed document");
    Impl impl;
    impl.limits = limits;
    Reader reader(impl);
    if (wrapped) {
        std::size_t count = 0;
        ondemand::array array;
        if (document.get_array().get(array) != simdjson::SUCCESS)
            return Error(Kind::invalid, "invalid JSON: malformed document");
        for (auto element : array) {
            ondemand::value value;
            if (std::move(element).get(value) != simdjson::SUCCESS)
                return Error(Kind::invalid, "invalid JSON: malformed value");
            if (++count > 1) return Error(Kind::invalid, std::string(trailing_text));
            impl.stand_on(value);
            if (!body(reader)) return impl.error();
        }
        if (count != 1) return Error(Kind::invalid, "invalid JSON: malformed document");
        return {};
    }
    ondemand::value root;
    if (document.get_value().get(root) != simdjson::SUCCESS) {
        std::size_t end = end_of_first_value(text);
        if (end < text.size()) return Error(Kind::invalid, std::string(trailing_text));
        return Error(Kind::invalid, "invalid JSON: unexpected EOF");
    }
    impl.stand_on(root);
    if (!body(reader)) return impl.error();
    const char* rest = nullptr;
    if (document.current_location().get(rest) == simdjson::SUCCESS)
        return Error(Kind::invalid, std::string(trailing_text));
    return {};
}

Type Reader::type() const {
    switch (impl_.token.empty() ? ' ' : impl_.token.front()) {
    case 'n':
        return Type::null;
    case 't':
    case 'f':
        return Type::boolean;
    case '"':
        return Type::string;
    case '[':
        return Type::array;
    case '{':
        return Type::object;
    default:
        return Type::number;
    }
}

bool Reader::boolean(bool& into) {
    if (type() != Type::boolean) return fail_type("bool");
    into = impl_.token == "true";
    if (!into && impl_.token != "false") return fail("malformed value");
    return true;
}

bool Reader::number_text(std::string_view& into) {
    if (type() != Type::number) return fail_type("number");
    if (!is_number(impl_.token)) return fail("malformed value");
    into = impl_.token;
    return true;
}

bool Reader::integer(std::int64_t& into, std::int64_t min, std::int64_t max,
                     std::string_view type) {
    if (this->type() != Type::number) return fail_type(type);
    std::string_view text;
    if (!number_text(text)) return false;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error == std::errc() && end == text.data() + text.size() && into >= min && into <= max)
        return true;
    return fail_type(type);
}

bool Reader::natural(std::uint64_t& into, std::uint64_t max, std::string_view type) {
    if (this->type() != Type::number) return fail_type(type);
    std::string_view text;
    if (!number_text(text)) return false;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error == std::errc() && end == text.data() + text.size() && into <= max) return true;
    return fail_type(type);
}

bool Reader::number(double& into) {
    if (type() != Type::number) return fail_type("float64");
    std::string_view text;
    if (!number_text(text)) return false;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() ? true : fail_type("float64");
}

bool Reader::string(std::string& into) {
    if (type() != Type::string) return fail_type("string");
    std::string_view text;
    if (impl_.current.get_string().get(text) != simdjson::SUCCESS) return fail("malformed string");
    if (forbid_nul && text.find('\0') != std::string_view::npos)
        return fail("a string must not contain NUL");
    into = text;
    return true;
}

bool Reader::object(FunctionRef<bool(std::string_view)> member) {
    if (type() != Type::object) return fail_type("object");
    if (++impl_.depth > impl_.limits.depth_max) return fail("exceeded max depth");
    ondemand::object object;
    if (impl_.current.get_object().get(object) != simdjson::SUCCESS)
        return fail("malformed object");
    Keys keys;
    for (auto field : object) {
        std::string_view key;
        ondemand::value value;
        if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
            field.value().get(value) != simdjson::SUCCESS)
            return fail("malformed object");
        if (!keys.insert(key)) return fail(fmt::format("duplicate key {:?}", key));
        if (!impl_.count(*this)) return false;
        impl_.stand_on(value);
        if (!member(key)) return false;
    }
    --impl_.depth;
    return true;
}

bool Reader::array(FunctionRef<bool()> element) {
    if (type() != Type::array) return fail_type("array");
    if (++impl_.depth > impl_.limits.depth_max) return fail("exceeded max depth");
    ondemand::array array;
    if (impl_.current.get_array().get(array) != simdjson::SUCCESS) return fail("malformed array");
    for (auto item : array) {
        ondemand::value value;
        if (std::move(item).get(value) != simdjson::SUCCESS) return fail("malformed array");
        if (!impl_.count(*this)) return false;
        impl_.stand_on(value);
        if (!element()) return false;
    }
    --impl_.depth;
    return true;
}

bool Reader::skip() {
    switch (type()) {
    case Type::null:
        return impl_.token == "null" ? true : fail("malformed value");
    case Type::boolean: {
        bool ignored = false;
        return boolean(ignored);
    }
    case Type::number: {
        std::string_view ignored;
        return number_text(ignored);
    }
    case Type::string: {
        std::string_view ignored;
        return impl_.current.get_string().get(ignored) == simdjson::SUCCESS
                   ? true
                   : fail("malformed string");
    }
    case Type::array:
        return array([&] { return skip(); });
    case Type::object:
        return object([&](std::string_view) { return skip(); });
    }
    return false;
}

bool Reader::copy(std::string& into) {
    switch (type()) {
    case Type::string: {
        std::string text;
        if (!string(text)) return false;
        append_string(into, text);
        return true;
    }
    case Type::array: {
        into += '[';
        bool first = true;
        if (!array([&] {
                if (!std::exchange(first, false)) into += ',';
                return copy(into);
            }))
            return false;
        into += ']';
        return true;
    }
    case Type::object: {
        into += '{';
        bool first = true;
        if (!object([&](std::string_view key) {
                if (!std::exchange(first, false)) into += ',';
                append_string(into, key);
                into += ':';
                return copy(into);
            }))
            return false;
        into += '}';
        return true;
    }
    default: {
        std::string_view text = impl_.token;
        if (!skip()) return false;
        into += text;
        return true;
    }
    }
}

bool Reader::fail_type(std::string_view wanted) {
    if (impl_.message.empty() && impl_.wanted.empty()) {
        Type found = type();
        impl_.found = type_name(found);
        if (found == Type::number) impl_.found += fmt::format(" {}", impl_.token.substr(0, 64));
        impl_.wanted = wanted;
    }
    return false;
}

bool Reader::fail(std::string message) {
    if (impl_.message.empty() && impl_.wanted.empty()) impl_.message = std::move(message);
    return false;
}

void Reader::failed_in(std::string_view name) {
    constexpr std::size_t name_bytes_max = 256;
    impl_.path.insert(0, impl_.path.empty() ? "" : ".").insert(0, name.substr(0, name_bytes_max));
}

}  // namespace json
