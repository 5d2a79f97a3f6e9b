// Log records: any output gives one line that reads back; any line is refused or reads back equal.
#include "codec/jsonlog.h"

#include "base/limits.h"
#include "codec/utf8.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string write(const codec::LogRecord& record) {
    std::string out;
    codec::append_log_record(out, record.stream, record.text, false, record.time, record.attrs);
    if (out.find('\n') != out.size() - 1) std::abort();
    out.pop_back();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    if (auto read = codec::parse_log_record(input)) {
        auto again = codec::parse_log_record(write(*read));
        if (!again || !(*again == *read)) std::abort();
    }
    codec::LogRecord output;
    output.text = input.substr(0, limits::log_record_bytes_max);
    output.time = Time{1'700'000'000'123'000'000};
    auto back = codec::parse_log_record(write(output));
    if (!back || !codec::is_utf8(back->text)) std::abort();
    if (codec::is_utf8(output.text) && back->text != output.text) std::abort();
    return 0;
}
