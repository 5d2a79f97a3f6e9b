// JSON and structs: one field table per struct serves reading and writing.
//
//   struct Point { int x = 0; std::string name; };
//   const json::Table& json_table(const Point*);             // header: found by its argument
//
//   constexpr json::Field point_fields[] = {                 // one .cc file
//       json::field<&Point::x>("X"), json::field<&Point::name>("Name", json::omit_empty)};
//   constinit const json::Table point_table{point_fields};
//   const json::Table& json_table(const Point*) { return point_table; }
//
//   TRY(Point point, json::read<Point>(text));
//   std::string text = json::write(point);
//
// A type with a shape of its own defines instead, beside itself:
//   bool json_read(json::Reader&, T&);   void json_write(json::Writer&, const T&);
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace json {

// When a member is left out or written otherwise, and what it refuses.
enum Flags : unsigned {
    always = 0,
    omit_empty = 1,  // as Go: false, 0, "", no elements, absent
    null_empty = 2,  // no elements: null instead of [] or {}
    no_nul = 4,      // strings anywhere inside must not hold NUL: they become C strings
    read_only = 8,   // accepted, never written
};
constexpr Flags operator|(Flags a, Flags b) {
    return static_cast<Flags>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

struct Table;
struct Field {
    std::string_view name;  // as written; reading ignores the case
    Flags flags = always;
    bool (*read)(Reader&, void* object) = nullptr;
    void (*write)(Writer&, const void* object) = nullptr;
    bool (*empty)(const void* object) = nullptr;
    const Table& (*embedded)() = nullptr;  // set: the members of a base class stand here
    void* (*base)(void* object) = nullptr;
};
struct Table {
    std::span<const Field> fields;
};

// A struct without members ({}): Docker's sets are maps to it.
struct Empty {
    friend bool operator==(const Empty&, const Empty&) = default;
};
// A value kept as compact JSON text, "" when absent (written as null).
struct Raw {
    std::string text;
    friend bool operator==(const Raw&, const Raw&) = default;
};

template <class T>
concept HasTable = requires {
    json_table(static_cast<const T*>(nullptr));
};
template <class T>
concept HasOwnReader = requires(Reader& reader, T& value) {
    json_read(reader, value);
};
template <class T>
concept HasOwnWriter = requires(Writer& writer, const T& value) {
    json_write(writer, value);
};

bool read_struct(Reader& reader, const Table& table, void* object);
void write_struct(Writer& writer, const Table& table, const void* object);

// Reading. null leaves the value as it is, except that optionals, lists and maps become empty.
bool read_value(Reader& reader, bool& value);
bool read_value(Reader& reader, double& value);
bool read_value(Reader& reader, std::string& value);
bool read_value(Reader& reader, base::Time& value);
bool read_value(Reader& reader, Empty& value);
bool read_value(Reader& reader, Raw& value);

template <std::integral T> constexpr std::string_view integer_name() {
    constexpr bool is_signed = std::is_signed_v<T>;
    switch (sizeof(T)) {
    case 1:
        return is_signed ? "int8" : "uint8";
    case 2:
        return is_signed ? "int16" : "uint16";
    case 4:
        return is_signed ? "int32" : "uint32";
    default:
        return is_signed ? "int64" : "uint64";
    }
}

template <std::integral T>
requires(!std::same_as<T, bool>) bool read_value(Reader& reader, T& value) {
    if (reader.is_null()) return reader.skip();
    if constexpr (std::is_signed_v<T>) {
        std::int64_t wide = 0;
        if (!reader.integer(wide, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                            integer_name<T>()))
            return false;
        value = static_cast<T>(wide);
    } else {
        std::uint64_t wide = 0;
        if (!reader.natural(wide, std::numeric_limits<T>::max(), integer_name<T>())) return false;
        value = static_cast<T>(wide);
    }
    return true;
}

template <HasTable T> bool read_value(Reader& reader, T& value) {
    if (reader.is_null()) return reader.skip();
    return read_struct(reader, json_table(static_cast<const T*>(nullptr)), &value);
}
template <HasOwnReader T> bool read_value(Reader& reader, T& value) {
    return json_read(reader, value);
}

template <class T> bool read_value(Reader& reader, std::optional<T>& value);
template <class T> bool read_value(Reader& reader, std::vector<T>& value);
template <class T> bool read_value(Reader& reader, std::map<std::string, T>& value);

template <class T> bool read_value(Reader& reader, std::optional<T>& value) {
    value.reset();
    if (reader.is_null()) return reader.skip();
    return read_value(reader, value.emplace());
}
template <class T> bool read_value(Reader& reader, std::vector<T>& value) {
    value.clear();
    if (reader.is_null()) return reader.skip();
    return reader.array([&] {
        if constexpr (std::is_same_v<T, bool>) {
            bool one = false;
            if (!read_value(reader, one)) return false;
            value.push_back(one);
            return true;
        } else {
            return read_value(reader, value.emplace_back());
        }
    });
}
template <class T> bool read_value(Reader& reader, std::map<std::string, T>& value) {
    value.clear();
    if (reader.is_null()) return reader.skip();
    return reader.object([&](std::string_view key) {
        if (reader.forbid_nul && key.find('\0') != std::string_view::npos)
            return reader.fail("a key must not contain NUL");
        if (read_value(reader, value[std::string(key)])) return true;
        reader.failed_in(key);
        return false;
    });
}

// Writing.
inline void write_value(Writer& writer, bool value) {
    writer.boolean(value);
}
inline void write_value(Writer& writer, double value) {
    writer.number(value);
}
inline void write_value(Writer& writer, const std::string& value) {
    writer.string(value);
}
void write_value(Writer& writer, const base::Time& value);
void write_value(Writer& writer, const Empty& value);
void write_value(Writer& writer, const Raw& value);
template <std::integral T>
requires(!std::same_as<T, bool>) void write_value(Writer& writer, T value) {
    writer.number(value);
}
template <HasTable T> void write_value(Writer& writer, const T& value) {
    write_struct(writer, json_table(static_cast<const T*>(nullptr)), &value);
}
template <HasOwnWriter T> void write_value(Writer& writer, const T& value) {
    json_write(writer, value);
}
template <class T> void write_value(Writer& writer, const std::optional<T>& value);
template <class T> void write_value(Writer& writer, const std::vector<T>& value);
template <class T> void write_value(Writer& writer, const std::map<std::string, T>& value);

template <class T> void write_value(Writer& writer, const std::optional<T>& value) {
    if (value)
        write_value(writer, *value);
    else
        writer.null();
}
template <class T> void write_value(Writer& writer, const std::vector<T>& value) {
    writer.begin_array();
    for (const auto& element : value)
        write_value(writer, static_cast<const T&>(element));
    writer.end_array();
}
template <class T> void write_value(Writer& writer, const std::map<std::string, T>& value) {
    writer.begin_object();
    for (const auto& [key, element] : value) {
        writer.key(key);
        write_value(writer, element);
    }
    writer.end_object();
}

// What Go's omitempty leaves out.
template <class T> bool is_empty(const T& value) {
    if constexpr (requires { json_empty(value); })
        return json_empty(value);
    else if constexpr (std::is_same_v<T, base::Time>)
        return value.is_never();
    else if constexpr (std::is_same_v<T, Raw>)
        return value.text.empty() || value.text == "null";
    else if constexpr (std::is_arithmetic_v<T>)
        return value == T();
    else if constexpr (requires { value.empty(); })
        return value.empty();
    else if constexpr (requires { value.has_value(); })
        return !value.has_value();
    else
        return false;
}

template <class Member> struct MemberOf;
template <class C, class T> struct MemberOf<T C::*> {
    using Class = C;
    using Value = T;
};

// One row of a table.
template <auto member> constexpr Field field(std::string_view name, Flags flags = always) {
    using Class = typename MemberOf<decltype(member)>::Class;
    Field row;
    row.name = name;
    row.flags = flags;
    row.read = [](Reader& reader, void* object) {
        return read_value(reader, static_cast<Class*>(object)->*member);
    };
    row.write = [](Writer& writer, const void* object) {
        write_value(writer, static_cast<const Class*>(object)->*member);
    };
    row.empty = [](const void* object) {
        return is_empty(static_cast<const Class*>(object)->*member);
    };
    return row;
}

// The members of `Base`, as if they stood in this table (Go's embedded structs).
template <class Derived, class Base> constexpr Field embed() {
    Field row;
    row.embedded = []() -> const Table& { return json_table(static_cast<const Base*>(nullptr)); };
    row.base = [](void* object) -> void* {
        return static_cast<Base*>(static_cast<Derived*>(object));
    };
    return row;
}

// A whole document. Kind::invalid, see Reader::document.
template <class T> Result<T> read(std::string_view text, ReadLimits limits = {}) {
    T value{};
    TRY_DO(Reader::document(
        text, [&](Reader& reader) { return read_value(reader, value); }, limits));
    return value;
}
template <class T> void append(std::string& out, const T& value) {
    Writer writer(out);
    write_value(writer, value);
}
template <class T> std::string write(const T& value) {
    std::string out;
    append(out, value);
    return out;
}

}  // namespace json
