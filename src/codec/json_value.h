// Documents of any shape, read only: for `inspect --format`, daemon.json and the like. Structs with
// tables (json.h) are for everything whose shape is known.
#pragma once

#include "base/error.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace json {

class Value {
public:
    using Members = std::vector<std::pair<std::string, Value>>;  // in the document's order

    Value() = default;  // null
    explicit Value(bool value) : type_(Type::boolean), boolean_(value) {}
    static Value of_string(std::string text);
    static Value of_number(std::string text);  // the text of a JSON number
    static Value of_array(std::vector<Value> elements);
    static Value of_object(Members members);

    Type type() const { return type_; }
    bool is_null() const { return type_ == Type::null; }
    bool boolean() const { return boolean_; }
    // A string's text, or a number's as it stands in the document.
    const std::string& text() const { return text_; }
    // The number as a value; 0 where it does not fit.
    std::int64_t integer() const;
    double number() const;
    bool is_integer() const;  // a number without fraction and exponent that fits int64
    const std::vector<Value>& elements() const { return elements_; }
    const Members& members() const { return members_; }
    // The member of that exact name, else nullptr (also when this is no object).
    const Value* find(std::string_view name) const;

private:
    friend bool json_read(Reader& reader, Value& value);
    Type type_ = Type::null;
    bool boolean_ = false;
    std::string text_;
    std::vector<Value> elements_;
    Members members_;
};

bool json_read(Reader& reader, Value& value);
void json_write(Writer& writer, const Value& value);

// Any document (limits and errors as Reader::document).
Result<Value> parse(std::string_view text, ReadLimits limits = {});
// Over several lines, `indent` spaces a level, as `docker inspect` prints (empty [] and {} stay on
// one line); no newline at the end.
std::string pretty(const Value& value, int indent = 4);

}  // namespace json
