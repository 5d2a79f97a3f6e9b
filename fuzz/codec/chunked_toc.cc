// The table of contents of a zstd:chunked layer: the same whatever pieces it comes in, and what was
// read keeps its promises.
#include "codec/chunked.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::uint64_t blob_bytes = 1 << 20;

Result<codec::chunked::Toc> read(std::string_view text, std::size_t piece) {
    codec::chunked::TocReader reader(blob_bytes);
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
        TRY_DO(reader.feed(text.substr(0, piece)));
    return reader.finish();
}

void check(const codec::chunked::Toc& toc) {
    std::size_t chunks = 0;
    for (const codec::chunked::File& file : toc.files) {
        if (file.first != chunks || (file.size > 0) != (file.chunks > 0)) std::abort();
        if (file.size > 0 && toc.name_of(file).empty()) std::abort();
        std::uint64_t size = 0, end = 0;
        for (std::uint32_t i = 0; i < file.chunks; ++i) {
            const codec::chunked::Chunk& chunk = toc.chunks.at(chunks + i);
            if (chunk.span.begin >= chunk.span.end || chunk.span.end > blob_bytes ||
                chunk.span.begin < end || chunk.size == 0)
                std::abort();
            end = chunk.span.end;
            size += chunk.size;
        }
        if (size != file.size) std::abort();
        chunks += file.chunks;
    }
    if (chunks != toc.chunks.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    auto whole = read(bytes, SIZE_MAX);
    auto pieces = read(bytes, 3);
    if (static_cast<bool>(whole) != static_cast<bool>(pieces)) std::abort();
    if (!whole) return 0;
    if (whole->files.size() != pieces->files.size() || whole->names != pieces->names) std::abort();
    check(*whole);
    return 0;
}
