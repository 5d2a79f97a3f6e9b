// JSON out: an append-only writer onto a string. No tree, no HTML escaping ("<none>" and "&" stay
// as they are), strings escaped as Go's encoder does it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace json {

// Appends `text` as a JSON string with its quotes. Bytes that are no UTF-8 become \ufffd, as Go
// prints them; with `html` also < > & are written as \u003c \u003e \u0026.
void append_string(std::string& out, std::string_view text, bool html = false);

class Writer {
public:
    // Appends to `out`, which outlives the writer.
    explicit Writer(std::string& out) : out_(out) {}

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }
    // Then exactly one value.
    void key(std::string_view name);

    void null() { raw("null"); }
    void boolean(bool value) { raw(value ? "true" : "false"); }
    void string(std::string_view text);
    void number(double value);  // as Go prints it; null when not finite
    template <std::integral T> void number(T value) {
        if constexpr (std::is_signed_v<T>)
            integer(static_cast<std::int64_t>(value));
        else
            natural(static_cast<std::uint64_t>(value));
    }
    // One value that is JSON already.
    void raw(std::string_view document);

private:
    void open(char bracket);
    void close(char bracket);
    void integer(std::int64_t value);
    void natural(std::uint64_t value);
    void separate();

    std::string& out_;
    bool first_ = true;  // nothing to separate from in front of the next value
};

}  // namespace json
