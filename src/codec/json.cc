#include "codec/json.h"

#include "base/text.h"

#include <bitset>
#include <fmt/core.h>

namespace json {

namespace {

constexpr std::size_t fields_max = 256;  // of one table with what it embeds

struct Found {
    const Field* field = nullptr;
    void* object = nullptr;
    std::size_t index = 0;  // among all fields of the table and what it embeds
};

// Looks through the table in its order; `index` counts the rows passed.
Found find(const Table& table, void* object, std::string_view key, std::size_t& index) {
    for (const Field& field : table.fields) {
        if (field.embedded) {
            Found found = find(field.embedded(), field.base(object), key, index);
            if (found.field) return found;
            continue;
        }
        if (base::equal_no_case(field.name, key)) return {&field, object, index};
        ++index;
    }
    return {};
}

void write_members(Writer& writer, const Table& table, const void* object) {
    for (const Field& field : table.fields) {
        if (field.embedded) {
            // The cast to a base class only moves the pointer; nothing is written through it.
            write_members(writer, field.embedded(), field.base(const_cast<void*>(object)));
            continue;
        }
        if (field.flags & read_only) continue;
        bool empty = (field.flags & (omit_empty | null_empty)) && field.empty(object);
        if (empty && (field.flags & omit_empty)) continue;
        writer.key(field.name);
        if (empty)
            writer.null();
        else
            field.write(writer, object);
    }
}

}  // namespace

bool read_struct(Reader& reader, const Table& table, void* object) {
    std::bitset<fields_max> seen;
    return reader.object([&](std::string_view key) {
        std::size_t index = 0;
        Found found = find(table, object, key, index);
        if (!found.field) return reader.skip();
        if (seen.test(found.index))
            return reader.fail(fmt::format("duplicate key \"{}\"", found.field->name));
        seen.set(found.index);
        bool outer = reader.forbid_nul;
        reader.forbid_nul = outer || (found.field->flags & no_nul);
        bool fine = found.field->read(reader, found.object);
        reader.forbid_nul = outer;
        if (!fine) reader.failed_in(found.field->name);
        return fine;
    });
}

void write_struct(Writer& writer, const Table& table, const void* object) {
    writer.begin_object();
    write_members(writer, table, object);
    writer.end_object();
}

bool read_value(Reader& reader, bool& value) {
    return reader.is_null() ? reader.skip() : reader.boolean(value);
}
bool read_value(Reader& reader, double& value) {
    return reader.is_null() ? reader.skip() : reader.number(value);
}
bool read_value(Reader& reader, std::string& value) {
    return reader.is_null() ? reader.skip() : reader.string(value);
}
bool read_value(Reader& reader, base::Time& value) {
    if (reader.is_null()) return reader.skip();
    std::string text;
    if (!reader.string(text)) return false;
    auto time = base::parse_rfc3339(text);
    if (!time) return reader.fail(time.error().message());
    value = *time;
    return true;
}
bool read_value(Reader& reader, Empty&) {
    if (reader.is_null()) return reader.skip();
    return reader.object([&](std::string_view) { return reader.skip(); });
}
bool read_value(Reader& reader, Raw& value) {
    value.text.clear();
    if (reader.is_null()) return reader.skip();
    return reader.copy(value.text);
}

void write_value(Writer& writer, const base::Time& value) {
    writer.string(base::rfc3339_nano(value));
}
void write_value(Writer& writer, const Empty&) {
    writer.begin_object();
    writer.end_object();
}
void write_value(Writer& writer, const Raw& value) {
    if (value.text.empty())
        writer.null();
    else
        writer.raw(value.text);
}

}  // namespace json
