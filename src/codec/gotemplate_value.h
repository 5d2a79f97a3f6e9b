// A JSON document as a tree that keeps the order and the exact numbers it came with: what Go
// templates walk, and what a client needs that must show fields newer than itself. The engine reads
// into structs instead (codec/json.h).
#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace codec {

class Value {
public:
    struct Member;
    using Array = std::vector<Value>;
    using Object = std::vector<Member>;
    // A method of a template's context: {{.Label "name"}}. Called without arguments when just
    // named.
    using Function = std::function<Result<Value>(std::span<const Value>)>;

    Value() = default;  // null
    Value(bool value) : inner_(value) {}
    Value(std::string text) : inner_(std::move(text)) {}
    Value(std::string_view text) : inner_(std::string(text)) {}
    Value(const char* text) : inner_(std::string(text)) {}
    Value(std::int64_t number);
    Value(int number) : Value(std::int64_t(number)) {}
    static Value number(std::string digits);  // the text as it stands in a document
    static Value array(std::vector<Value> items = {});
    static Value texts(std::span<const std::string> items);
    // `type` is Go's name of its type: "system.Info", "*container.State" of one behind a pointer,
    // "map[string]string". Without it the object is any map, as a document gives it.
    static Value object(std::string type = {});
    // A typed nothing: an empty list for "[]T", an empty map for "map[...]T", otherwise a null. All
    // are null in JSON.
    static Value nil(std::string type);
    static Value function(Function function);

    bool is_null() const { return inner_.index() == 0; }
    bool is_bool() const { return inner_.index() == 1; }
    bool is_number() const { return inner_.index() == 2; }
    bool is_text() const { return inner_.index() == 3; }
    bool is_array() const { return inner_.index() == 4; }
    bool is_object() const { return inner_.index() == 5; }
    bool is_function() const { return inner_.index() == 6; }

    // These answer an empty value when it is of another type: a client shows what it can.
    bool flag() const;
    const std::string& text() const;
    const std::string& digits() const;
    std::int64_t integer(std::int64_t otherwise = 0) const;
    double real() const;
    const Array& items() const;
    const Object& members() const;
    const Function* callable() const;
    const std::string& type() const;

    // The member of that name, also of an embedded struct (nullptr: none), or a null value.
    const Value* find(std::string_view name) const;
    const Value& operator[](std::string_view name) const;

    // Builders. Values share what they hold until one of them is changed.
    Value& set(std::string_view name, Value value);
    // The same without looking for an older member of that name.
    Value& add(std::string_view name, Value value);
    // A field of a struct, with what its tag says.
    Value& add(Member member);
    // An object that prints as this text instead of its fields: Go's Stringer.
    Value& shown_as(std::string text);
    // ... and has this JSON.
    Value& with_json(std::string json);
    // Empty: none was set.
    const std::string& shown() const;
    Value& push(Value value);
    // The member of that name for changing it, made (null) if it is missing.
    Value& at(std::string_view name);

    std::string json() const;

private:
    struct Null {
        std::string type;
    };
    struct Number {
        std::string digits;
    };
    struct Items {
        Array list;
        bool nil = false;
    };
    struct Members {
        Object list;
        std::string type;
        bool nil = false;
        std::string shown, json;
    };
    Members& own_members();
    void append_json(std::string& out) const;
    void append_members_json(std::string& out, char& separator) const;

    // shared_ptr: copies of a tree share its branches; own_*() separates before a change.
    std::variant<Null, bool, Number, std::string, std::shared_ptr<Items>, std::shared_ptr<Members>,
                 std::shared_ptr<Function>>
        inner_;
};

struct Value::Member {
    std::string name;
    Value value;
    std::string json_name = {};  // empty: as `name`
    bool omitted = false;        // visible to templates, left out of JSON
    bool embedded = false;       // a struct whose fields are the outer one's too
    bool pointer = false;        // to a plain value: shows as an address inside its struct
};

// Reads one document. Nesting is bounded by limits::json_depth_max.
Result<Value> parse_value(std::string_view document);
// "text" the way Go's encoding/json quotes it with HTML escaping off.
void append_json_text(std::string& out, std::string_view text);
// json.Indent: new lines and indentation, every token untouched. `document` must be valid JSON.
std::string indent_json(std::string_view document, std::string_view indent);

}  // namespace codec
