#include "codec/chunked.h"

#include "codec/json.h"
#include "codec/tar.h"

#include <algorithm>
#include <charconv>

namespace codec::chunked {

// As it stands in the TOC; metadata is taken from the tar itself.
struct Entry {
    std::string type, name, digest, chunk_digest, chunk_type;
    std::int64_t size = 0, offset = 0, end_offset = 0, chunk_size = 0, chunk_offset = 0;
};
const json::Table& json_table(const Entry*);

namespace {

constexpr std::size_t outer_bytes_max = 64 * 1024;
constexpr std::string_view prefixes[] = {"io.github.containers.zstd-chunked.",
                                         "io.containers.zstd-chunked."};  // before 2023

struct Outer {
    std::int64_t version = 0;
    std::vector<json::Empty> entries;
    std::string tar_split_digest;
};
constexpr json::Field outer_fields[] = {
    json::field<&Outer::version>("version"),
    json::field<&Outer::entries>("entries"),
    json::field<&Outer::tar_split_digest>("tarSplitDigest"),
};
constinit const json::Table outer_table{outer_fields};
const json::Table& json_table(const Outer*) {
    return outer_table;
}

constexpr json::Field entry_fields[] = {
    json::field<&Entry::type>("type"),
    json::field<&Entry::name>("name"),
    json::field<&Entry::size>("size"),
    json::field<&Entry::digest>("digest"),
    json::field<&Entry::offset>("offset"),
    json::field<&Entry::end_offset>("endOffset"),
    json::field<&Entry::chunk_size>("chunkSize"),
    json::field<&Entry::chunk_offset>("chunkOffset"),
    json::field<&Entry::chunk_digest>("chunkDigest"),
    json::field<&Entry::chunk_type>("chunkType"),
};
constinit const json::Table entry_table{entry_fields};

Error bad(std::string_view what) {
    return Error(Kind::invalid, "table of contents: " + std::string(what));
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// "12:34:56": exactly `count` numbers below 2^63, digits only.
std::vector<std::uint64_t> numbers(std::string_view text, std::size_t count) {
    std::vector<std::uint64_t> out;
    while (out.size() < count) {
        std::int64_t value = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || value < 0 || text.front() == '-') return {};
        out.push_back(static_cast<std::uint64_t>(value));
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        bool last = out.size() == count;
        if (last ? !text.empty() : !text.starts_with(':')) return {};
        if (!last) text.remove_prefix(1);
    }
    return out;
}

// Its place, its compressed and its plain size.
std::optional<Layout::Frame> frame_of(const std::vector<std::uint64_t>& numbers,
                                      std::uint64_t blob_bytes, std::uint64_t plain_max) {
    if (numbers.size() < 3) return std::nullopt;
    std::uint64_t offset = numbers[0], size = numbers[1], plain = numbers[2];
    if (size == 0 || size > packed_bytes_max || plain > plain_max) return std::nullopt;
    if (offset > blob_bytes || size > blob_bytes - offset) return std::nullopt;
    return Layout::Frame{{offset, offset + size}, plain};
}

}  // namespace

const json::Table& json_table(const Entry*) {
    return entry_table;
}

std::optional<Digest> parse_digest(std::string_view text) {
    constexpr std::string_view prefix = "sha256:";
    Digest digest;
    if (!text.starts_with(prefix) || text.size() != prefix.size() + 2 * digest.size())
        return std::nullopt;
    text.remove_prefix(prefix.size());
    for (std::size_t i = 0; i < digest.size(); ++i) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return digest;
}

std::optional<Layout> layout_of(const std::map<std::string, std::string>& annotations,
                                std::uint64_t blob_bytes) {
    auto said = [&](std::string_view name) {
        for (std::string_view prefix : prefixes)
            if (auto at = annotations.find(std::string(prefix) + std::string(name));
                at != annotations.end())
                return std::string_view(at->second);
        return std::string_view();
    };
    constexpr std::uint64_t type_of_crfs = 1;  // the only one there is
    std::vector<std::uint64_t> place = numbers(said("manifest-position"), 4);
    auto toc = frame_of(place, blob_bytes, toc_bytes_max);
    std::string_view digest = said("manifest-checksum");
    if (!toc || place[3] != type_of_crfs || !parse_digest(digest)) return std::nullopt;
    Layout layout{
        .toc = *toc, .toc_digest = std::string(digest), .tar_split = {}, .split_digest = {}};
    std::string_view split = said("tarsplit-position");
    if (split.empty()) return layout;
    layout.tar_split = frame_of(numbers(split, 3), blob_bytes, tar_split_bytes_max);
    if (!layout.tar_split) return std::nullopt;
    std::string_view split_digest = said("tarsplit-checksum");
    if (!split_digest.empty()) layout.split_digest = split_digest;
    return layout;
}

// Entries are cut out of the document where the brackets say; what is in them and around them is
// then for the JSON reader to judge.
Status TocReader::feed(std::string_view bytes) {
    for (char c : bytes) {
        bool in_entry = in_entries_ && depth_ >= 3;
        if (in_entry) {
            if (entry_.size() >= entry_bytes_max) return bad("an entry is too large");
            entry_ += c;
        }
        if (in_string_) {
            if (escaped_)
                escaped_ = false;
            else if (c == '\\')
                escaped_ = true;
            else if (c == '"')
                in_string_ = false;
            if (!in_entry) TRY_DO(feed_outer(c));
            if (depth_ == 1 && in_string_) key_ += c;
            continue;
        }
        if (c == '"') {
            in_string_ = true;
            if (depth_ == 1) key_.clear();
        }
        if (c == '{' || c == '[') {
            ++depth_;
            if (depth_ == 2 && c == '[' && key_ == "entries") {
                if (seen_entries_) return bad("two lists of entries");
                in_entries_ = seen_entries_ = true;
                after_entry_ = false;
            } else if (in_entries_ && depth_ == 3) {
                if (c != '{' || after_entry_) return bad("invalid list of entries");
                entry_ = c;
                continue;
            }
        } else if (c == '}' || c == ']') {
            if (depth_ == 0) return bad("invalid JSON");
            --depth_;
            if (in_entries_ && depth_ == 2) {
                TRY_DO(take_entry());
                after_entry_ = true;
                continue;
            }
            if (in_entries_ && depth_ == 1) in_entries_ = false;
        } else if (in_entries_ && depth_ == 2 && c == ',' && after_entry_) {
            after_entry_ = false;
            continue;
        }
        if (!in_entry) TRY_DO(feed_outer(c));
    }
    return {};
}

Status TocReader::feed_outer(char c) {
    if (outer_.size() >= outer_bytes_max) return bad("too large around its entries");
    outer_ += c;
    return {};
}

Status TocReader::take_entry() {
    auto entry = json::read<Entry>(entry_, {.bytes_max = entry_bytes_max});
    if (!entry) return bad(entry.error().message());
    if (toc_.files.size() + toc_.chunks.size() >= entries_max) return bad("too many entries");
    for (std::int64_t number :
         {entry->size, entry->offset, entry->end_offset, entry->chunk_size, entry->chunk_offset})
        if (number < 0) return bad("negative number");
    if (entry->type == "chunk") return take_chunk(*entry);
    TRY_DO(end_file());
    constexpr std::string_view others[] = {"hardlink", "char", "block", "dir", "fifo", "symlink"};
    if (entry->type != "reg" && std::ranges::find(others, entry->type) == std::end(others))
        return bad("unknown type " + entry->type.substr(0, 32));
    File file;
    file.first = static_cast<std::uint32_t>(toc_.chunks.size());
    if (entry->type != "reg" || entry->size == 0) {
        toc_.files.push_back(file);
        return {};
    }
    TRY(std::string clean, tar::clean_path(entry->name));
    if (clean.empty()) return bad("a file without a name");
    if (toc_.names.size() + clean.size() > names_bytes_max) return bad("names are too long");
    auto digest = parse_digest(entry->digest);
    if (!digest) return bad("a file without a digest");
    file.size = static_cast<std::uint64_t>(entry->size);
    file.digest = *digest;
    file.name = static_cast<std::uint32_t>(toc_.names.size());
    file.name_bytes = static_cast<std::uint32_t>(clean.size());
    toc_.names += clean;
    toc_.files.push_back(file);
    file_name_ = entry->name;
    file_end_ = static_cast<std::uint64_t>(entry->end_offset);
    chunked_ = 0;
    open_ = true;
    // Without a size of its own the first chunk is all of it.
    if (entry->chunk_size == 0) {
        if (entry->chunk_offset != 0 || !entry->chunk_type.empty()) return bad("invalid chunk");
        entry->chunk_size = entry->size;
        entry->chunk_digest = entry->digest;
    }
    return take_chunk(*entry);
}

Status TocReader::take_chunk(const Entry& entry) {
    if (!open_ || entry.name != file_name_) return bad("a chunk without its file");
    File& file = toc_.files.back();
    Chunk chunk;
    chunk.size = static_cast<std::uint64_t>(entry.chunk_size);
    chunk.span.begin = static_cast<std::uint64_t>(entry.offset);
    chunk.zeros = entry.chunk_type == "zeros";
    if (!chunk.zeros && !entry.chunk_type.empty()) return bad("unknown type of chunk");
    if (chunk.size == 0 || static_cast<std::uint64_t>(entry.chunk_offset) != chunked_ ||
        chunk.size > file.size - chunked_)
        return bad("chunks do not fit their file");
    auto digest = parse_digest(entry.chunk_digest);
    if (!digest) return bad("a chunk without a digest");
    chunk.digest = *digest;
    if (file.chunks > 0) {
        Span& before = toc_.chunks.back().span;
        before.end = chunk.span.begin;
        if (before.end <= before.begin) return bad("chunks out of order");
    }
    chunked_ += chunk.size;
    ++file.chunks;
    toc_.chunks.push_back(chunk);
    return {};
}

// The last chunk's end is told by the file.
Status TocReader::end_file() {
    if (!open_) return {};
    open_ = false;
    const File& file = toc_.files.back();
    if (chunked_ != file.size) return bad("chunks do not fit their file");
    Span& last = toc_.chunks.back().span;
    last.end = file_end_;
    if (last.end <= last.begin || last.end > blob_bytes_) return bad("chunks outside of the blob");
    return {};
}

Result<Toc> TocReader::finish() {
    TRY_DO(end_file());
    if (depth_ != 0 || in_string_) return bad("unexpected end");
    auto outer = json::read<Outer>(outer_, {.bytes_max = outer_bytes_max});
    if (!outer) return bad(outer.error().message());
    if (outer->version != 1) return bad("unknown version");
    if (!seen_entries_ || !outer->entries.empty()) return bad("no entries");
    toc_.split_digest = std::move(outer->tar_split_digest);
    return std::move(toc_);
}

std::vector<Span> coalesce(const std::vector<Span>& wanted, std::uint64_t gap_max,
                           std::size_t count_max) {
    std::vector<std::uint64_t> gaps;
    for (std::size_t i = 1; i < wanted.size(); ++i)
        if (std::uint64_t gap = wanted[i].begin - wanted[i - 1].end; gap > gap_max)
            gaps.push_back(gap);
    // As many as may stay, the largest: what is at most as large as the next one is joined.
    if (std::size_t stay = std::max<std::size_t>(count_max, 1) - 1; gaps.size() > stay) {
        auto next = gaps.begin() + static_cast<std::ptrdiff_t>(stay);
        std::ranges::nth_element(gaps, next, std::greater());
        gap_max = std::max(gap_max, *next);
    }
    std::vector<Span> out;
    for (const Span& span : wanted) {
        if (!out.empty() && span.begin - out.back().end <= gap_max)
            out.back().end = span.end;
        else
            out.push_back(span);
    }
    return out;
}

Stream::Stream(std::vector<Span> spans) : spans_(std::move(spans)) {
    std::uint64_t end = 0;
    for (const Span& span : spans_)
        ends_.push_back(end += span.size());
}

Span Stream::from(std::uint64_t at) const {
    auto index = static_cast<std::size_t>(std::ranges::upper_bound(ends_, at) - ends_.begin());
    const Span& span = spans_[index];
    return {span.end - (ends_[index] - at), span.end};
}

}  // namespace codec::chunked
