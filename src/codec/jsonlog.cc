#include "codec/jsonlog.h"

#include "base/limits.h"
#include "codec/json.h"
#include "codec/utf8.h"

namespace codec {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// An ASCII character that does not stand for itself. Docker's encoder of logs knows four short
// escapes only: a tab is \u0009 (json::append_string, as Go's encoding/json, writes \t).
void escape_ascii(std::string& out, char c) {
    out += '\\';
    if (c == '"' || c == '\\') {
        out += c;
    } else if (c == '\n') {
        out += 'n';
    } else if (c == '\r') {
        out += 'r';
    } else {
        unsigned char code = static_cast<unsigned char>(c);
        out += "u00";
        out += hex_digits[code >> 4];
        out += hex_digits[code & 15];
    }
}

void append_escaped(std::string& out, std::string_view text) {
    std::size_t plain = 0;  // [plain, at) is copied as it is
    std::size_t at = 0;
    auto flush = [&] { out.append(text.substr(plain, at - plain)); };
    while (at < text.size()) {
        if (is_plain(static_cast<unsigned char>(text[at]))) {
            ++at;
            continue;
        }
        std::string_view rest = text.substr(at);
        std::size_t length = utf8_length(rest);
        bool separator = rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9");
        if (length > 1 && !separator) {
            at += length;
            continue;
        }
        flush();
        if (length == 1)
            escape_ascii(out, rest[0]);
        else if (separator)
            out += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
        else
            out += "\\ufffd";
        plain = at += length == 0 ? 1 : length;
    }
    flush();
}

struct ReadRecord {
    LogRecord record;
    bool has_time = false;
    bool has_stream = false;
};

bool read_member(json::Reader& reader, std::string_view key, ReadRecord& into) {
    if (key == "log") return json::read_value(reader, into.record.text);
    if (key == "attrs") return reader.copy(into.record.attrs);
    if (key == "stream") {
        std::string name;
        if (!json::read_value(reader, name)) return false;
        if (name != "stdout" && name != "stderr") return reader.fail("not a stream: " + name);
        into.record.stream = name == "stdout" ? LogStream::out : LogStream::err;
        return into.has_stream = true;
    }
    if (key == "time") return into.has_time = json::read_value(reader, into.record.time);
    return reader.skip();
}

}  // namespace

std::string_view log_stream_name(LogStream stream) {
    return stream == LogStream::out ? "stdout" : "stderr";
}

void append_log_record(std::string& out, LogStream stream, std::string_view text, bool newline,
                       Time time, std::string_view attrs) {
    out += '{';
    if (!text.empty() || newline) {
        out += "\"log\":\"";
        append_escaped(out, text);
        if (newline) out += "\\n";
        out += "\",";
    }
    out += "\"stream\":\"";
    out += log_stream_name(stream);
    out += '"';
    if (!attrs.empty()) {
        out += ",\"attrs\":";
        out += attrs;
    }
    out += ",\"time\":\"";
    out += base::rfc3339_nano(time);
    out += "\"}\n";
}

Result<LogRecord> parse_log_record(std::string_view line) {
    ReadRecord read;
    TRY_DO(json::Reader::document(line,
                                  [&](json::Reader& reader) {
                                      return reader.object([&](std::string_view key) {
                                          return read_member(reader, key, read);
                                      });
                                  },
                                  {.bytes_max = limits::log_line_bytes_max, .depth_max = 8}));
    if (!read.has_time || !read.has_stream)
        return Error(Kind::invalid, "not a log record: no time or no stream");
    if (read.record.attrs == "{}" || read.record.attrs == "null") read.record.attrs.clear();
    return std::move(read.record);
}

}  // namespace codec
