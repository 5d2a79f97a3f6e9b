// The tar skeleton: whatever the bytes, the reader ends, keeps its bounds, and what it read is
// written again as the same records.
#include "codec/skeleton.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void append(std::string& out, const codec::skeleton::Record& record) {
    using codec::skeleton::Kind;
    if (record.kind == Kind::begin) codec::skeleton::append_begin(out);
    if (record.kind == Kind::raw) codec::skeleton::append_raw(out, record.raw);
    if (record.kind == Kind::file) codec::skeleton::append_file(out, record);
    if (record.kind == Kind::end) codec::skeleton::append_end(out, record.number);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    codec::skeleton::Record record;
    for (;;) {
        std::size_t before = bytes.size();
        auto there = codec::skeleton::next(bytes, record);
        if (!there || !*there) return 0;
        if (bytes.size() >= before) std::abort();
        // Other lengths of the same number are read too, only one is written.
        if (record.kind == codec::skeleton::Kind::begin) record.number = codec::skeleton::version;
        std::string again;
        append(again, record);
        std::string_view rest = again;
        codec::skeleton::Record same;
        auto second = codec::skeleton::next(rest, same);
        if (!second || !*second || !rest.empty() || same.kind != record.kind ||
            same.path != record.path || same.raw != record.raw || same.number != record.number ||
            same.hash != record.hash || same.parts.size() != record.parts.size())
            std::abort();
    }
}
