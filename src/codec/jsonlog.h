// One record of Docker's json-file log format as a line of text and back:
// {"log":"text\n","stream":"stdout","attrs":{...},"time":"2024-01-02T03:04:05.6Z"}
#pragma once

#include "base/error.h"
#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace codec {

enum class LogStream : std::uint8_t { out, err };
std::string_view log_stream_name(LogStream stream);  // "stdout", "stderr"

struct LogRecord {
    LogStream stream = LogStream::out;
    Time time;
    std::string text;   // with its newline, unless it is part of a longer line
    std::string attrs;  // a JSON object as text; empty: none
    friend bool operator==(const LogRecord&, const LogRecord&) = default;
};

// Appends the record's line to `out`; `newline` adds "\n" to the text. Escaped byte for byte as
// Docker does it; each byte that is not UTF-8 becomes \ufffd. `attrs` is empty or a JSON object.
void append_log_record(std::string& out, LogStream stream, std::string_view text, bool newline,
                       Time time, std::string_view attrs);
// A line without its newline. Kind::invalid if it is no such record.
Result<LogRecord> parse_log_record(std::string_view line);

}  // namespace codec
