#include "codec/json_writer.h"

#include "codec/utf8.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace json {

namespace {

// The escape of an ASCII character that needs one, else "".
std::string_view short_escape(char c) {
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return {};
    }
}

bool is_plain(unsigned char c, bool html) {
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') return false;
    return !html || (c != '<' && c != '>' && c != '&');
}

}  // namespace

void append_string(std::string& out, std::string_view text, bool html) {
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t plain = 0;  // [plain, at) waits to be copied as it is
    std::size_t at = 0;
    auto flush = [&] { out.append(text.substr(plain, at - plain)); };
    while (at < text.size()) {
        unsigned char c = static_cast<unsigned char>(text[at]);
        if (is_plain(c, html)) {
            ++at;
            continue;
        }
        if (c < 0x80) {
            flush();
            if (std::string_view escape = short_escape(text[at]); !escape.empty()) {
                out += escape;
            } else {
                out += "\\u00";
                out += digits[c >> 4];
                out += digits[c & 15];
            }
            plain = ++at;
            continue;
        }
        std::size_t length = codec::utf8_length(text.substr(at));
        if (length == 0) {
            flush();
            out += "\\ufffd";
            plain = ++at;
        } else if (text.substr(at, 3) == "\xe2\x80\xa8" || text.substr(at, 3) == "\xe2\x80\xa9") {
            // Line separators: JavaScript once took them for line ends, so Go escapes them.
            flush();
            out += text[at + 2] == '\xa8' ? "\\u2028" : "\\u2029";
            plain = at += 3;
        } else {
            at += length;
        }
    }
    flush();
    out += '"';
}

void Writer::separate() {
    if (!first_) out_ += ',';
    first_ = false;
}

void Writer::open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
}

void Writer::close(char bracket) {
    out_ += bracket;
    first_ = false;
}

void Writer::key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_ += ':';
    first_ = true;
}

void Writer::string(std::string_view text) {
    separate();
    append_string(out_, text);
}

void Writer::integer(std::int64_t value) {
    raw(fmt::format("{}", value));
}
void Writer::natural(std::uint64_t value) {
    raw(fmt::format("{}", value));
}

void Writer::number(double value) {
    if (!std::isfinite(value)) return null();
    // Go: the shortest text that reads back equal, with an exponent only outside [1e-6, 1e21).
    double size = std::fabs(value);
    if (size != 0 && (size < 1e-6 || size >= 1e21)) {
        std::string text = fmt::format("{}", value);
        std::size_t zero = text.rfind("e-0");
        if (zero != std::string::npos) text.erase(zero + 2, 1);  // 1e-07 is 1e-7 there
        return raw(text);
    }
    char digits[64];
    auto [end, error] =
        std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed);
    assert(error == std::errc());
    raw(std::string_view(digits, end));
}

void Writer::raw(std::string_view document) {
    separate();
    out_ += document;
}

}  // namespace json
