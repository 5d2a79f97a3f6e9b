#include "codec/tar_split.h"

#include "codec/base64.h"
#include "codec/json.h"

namespace codec::tar_split {

namespace {

// Names are in the TOC too, and in the raw bytes; the checksum of a content (a CRC) says less than
// the layer's diff id.
struct Line {
    std::int64_t type = 0, size = 0;
    std::string payload;
};
constexpr json::Field line_fields[] = {
    json::field<&Line::type>("type"),
    json::field<&Line::size>("size"),
    json::field<&Line::payload>("payload"),
};
constinit const json::Table line_table{line_fields};
const json::Table& json_table(const Line*) {
    return line_table;
}

Error bad(std::string_view what) {
    return Error(Kind::invalid, "tar-split: " + std::string(what));
}

}  // namespace

Result<bool> next(std::string_view& bytes, Record& record) {
    std::size_t end = bytes.find('\n');
    if ((end == std::string_view::npos ? bytes.size() : end) > line_bytes_max)
        return bad("a line is too long");
    if (end == std::string_view::npos) return false;
    auto line = json::read<Line>(bytes.substr(0, end), {.bytes_max = line_bytes_max});
    if (!line) return bad(line.error().message());
    constexpr std::int64_t file = 1, segment = 2;
    if ((line->type != file && line->type != segment) || line->size < 0) return bad("no record");
    record.content = line->type == file;
    record.size = record.content ? static_cast<std::uint64_t>(line->size) : 0;
    record.raw.clear();
    if (!record.content) {
        auto raw = unbase64(line->payload);
        if (!raw) return bad("a payload is not base64");
        record.raw = std::move(*raw);
    }
    bytes.remove_prefix(end + 1);
    return true;
}

}  // namespace codec::tar_split
