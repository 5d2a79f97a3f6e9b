// zstd:chunked, podman's layers that can be fetched in parts: each file's content is one or more
// zstd frames of its own, and behind them lies a table of contents (TOC) in JSON, named by
// annotations of the layer's descriptor. Bytes -> values; nothing here decompresses or hashes.
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codec::chunked {

// A layer beyond these is fetched whole.
inline constexpr std::uint64_t packed_bytes_max = 8 * 1024 * 1024;  // of the TOC; of the tar-split
inline constexpr std::uint64_t toc_bytes_max = 256 * 1024 * 1024;   // of JSON, which is streamed
inline constexpr std::uint64_t tar_split_bytes_max = 1024 * 1024 * 1024;  // the same
inline constexpr std::size_t entries_max = 128 * 1024;  // of the TOC, chunks counted
inline constexpr std::size_t names_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t entry_bytes_max = 2 * 1024 * 1024;  // of JSON: extended attributes

using Digest = std::array<unsigned char, 32>;  // SHA-256
// "sha256:" and 64 digits; nothing for anything else.
std::optional<Digest> parse_digest(std::string_view text);

// Bytes of the blob.
struct Span {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t size() const { return end - begin; }
    friend bool operator==(const Span&, const Span&) = default;
};

// What the annotations tell; everything lies inside the blob.
struct Layout {
    struct Frame {
        Span span;
        std::uint64_t plain_bytes = 0;
    };
    Frame toc;
    std::string toc_digest;                   // of the compressed TOC
    std::optional<Frame> tar_split;           // see tar_split.h
    std::optional<std::string> split_digest;  // where an older writer put it; else in the TOC
};
// Nothing: an ordinary layer, or of a kind or size we do not take.
std::optional<Layout> layout_of(const std::map<std::string, std::string>& annotations,
                                std::uint64_t blob_bytes);

// A part of a file: the frame (or frames) that hold it, and what it is.
struct Chunk {
    Span span;
    std::uint64_t size = 0;
    Digest digest{};
    bool zeros = false;
};
// One entry of the tar, in its order. All but regular files have no size here and no chunks.
struct File {
    std::uint64_t size = 0;
    std::uint32_t first = 0, chunks = 0;     // in Toc::chunks
    std::uint32_t name = 0, name_bytes = 0;  // in Toc::names: the clean path
    Digest digest{};
};
struct Toc {
    std::vector<File> files;
    std::vector<Chunk> chunks;  // of each file in order, without gaps: together they have its size
    std::string names;
    std::string split_digest;  // of the compressed tar-split, or ""

    std::string_view name_of(const File& file) const {
        return std::string_view(names).substr(file.name, file.name_bytes);
    }
};

struct Entry;  // as it stands there

// Reads the TOC as it is decompressed: one entry at a time is held as text.
class TocReader {
public:
    explicit TocReader(std::uint64_t blob_bytes) : blob_bytes_(blob_bytes) {}
    // After an error the reader must not be fed again.
    Status feed(std::string_view bytes);
    Result<Toc> finish();

private:
    Status feed_outer(char c);
    Status take_entry();
    Status take_chunk(const Entry& entry);
    Status end_file();

    const std::uint64_t blob_bytes_;
    Toc toc_;
    std::string outer_;  // the document without what is in "entries"
    std::string entry_;
    std::string key_;  // the last string of the document's object
    unsigned depth_ = 0;
    bool in_string_ = false, escaped_ = false;
    bool in_entries_ = false, seen_entries_ = false, after_entry_ = false;
    // Of the last regular file, until all its chunks are there:
    std::string file_name_;
    std::uint64_t chunked_ = 0, file_end_ = 0;
    bool open_ = false;
};

// Joins what is to be fetched (ascending, not overlapping): gaps of at most `gap_max` are fetched
// along, and the smallest others too until at most `count_max` are left.
std::vector<Span> coalesce(const std::vector<Span>& wanted, std::uint64_t gap_max,
                           std::size_t count_max);

// Spans of the blob seen as one stream.
class Stream {
public:
    Stream() = default;
    explicit Stream(std::vector<Span> spans);
    std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
    const std::vector<Span>& spans() const { return spans_; }
    // What stands at `at` (less than size()), up to the end of its span.
    Span from(std::uint64_t at) const;

private:
    std::vector<Span> spans_;
    std::vector<std::uint64_t> ends_;  // in the stream
};

}  // namespace codec::chunked
