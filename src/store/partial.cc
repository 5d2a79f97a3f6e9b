#include "store/partial.h"

#include <algorithm>

namespace store {

namespace {

using codec::chunked::Chunk;
using codec::chunked::File;
using codec::chunked::Layout;
using codec::chunked::Span;
using codec::chunked::Toc;

// As the unpacker's own limit for what is inflated.
constexpr std::uint64_t ratio_free_bytes = 1ULL << 30;
// Between the two tables stands the head of a frame; more belongs to nobody.
constexpr std::uint64_t tables_gap_bytes_max = 64 * 1024;
constexpr std::uint64_t frame_head_bytes = 8;

Error bad(std::string_view what) {
    return Error(Kind::invalid, "partial layer: " + std::string(what));
}

std::string_view cut(std::string_view tables, std::uint64_t begin, const Span& span) {
    return tables.substr(span.begin - begin, span.size());
}

class Planner {
public:
    Planner(AssemblyPlan& plan, const Toc& toc) : plan_(plan), toc_(toc) {}

    Status plan(UnpackLimits limits) {
        plan_.tar_bytes_max =
            std::min(limits.unpacked_bytes_max,
                     std::max(ratio_free_bytes, plan_.blob_bytes * limits.ratio_max));
        plan_.entries.push_back(0);
        for (const File& file : toc_.files) {
            TRY_DO(add(file));
            if (!plan_.tar_split.empty()) plan_.entries.push_back(plan_.pieces.size());
        }
        if (plan_.tar_split.empty()) {
            // In front of the tables.
            TRY_DO(add_headers(plan_.layout.toc.span.begin - frame_head_bytes));
            plan_.entries.push_back(plan_.pieces.size());
        }
        plan_.stream = codec::chunked::Stream(
            codec::chunked::coalesce(wanted_, partial_gap_bytes_max, partial_spans_max));
        return {};
    }

private:
    Status add(const File& file) {
        // The headers of what has no content stand in the same frame as those of what follows.
        if (file.chunks == 0) return {};
        if (plan_.tar_split.empty()) TRY_DO(add_headers(toc_.chunks[file.first].span.begin));
        for (std::uint32_t i = file.first; i < file.first + file.chunks; ++i) {
            const Chunk& chunk = toc_.chunks[i];
            // What no writer does, and what would have a byte fetched twice.
            if (chunk.span.begin < last_end_) return bad("its chunks are not in order");
            last_end_ = chunk.span.end;
            if (chunk.size > plan_.tar_bytes_max - size_)
                return bad("it would unpack to too many bytes");
            size_ += chunk.size;
            const Place& place = plan_.found.places[i];
            Piece piece{.from = Piece::From::blob,
                        .known = true,
                        .size = chunk.size,
                        .span = chunk.span,
                        .place = place,
                        .digest = chunk.digest};
            if (chunk.zeros)
                piece.from = Piece::From::zeros;
            else if (place.layer != Place::nowhere)
                piece.from = Piece::From::local;
            else
                wanted_.push_back(chunk.span);
            plan_.pieces.push_back(piece);
        }
        return {};
    }

    // Without a tar-split: the frames up to `end`.
    Status add_headers(std::uint64_t end) {
        if (end < last_end_) return bad("its chunks are not in order");
        if (end == last_end_) return {};
        Piece piece;
        piece.known = false;
        piece.span = {last_end_, end};
        plan_.pieces.push_back(piece);
        wanted_.push_back(piece.span);
        last_end_ = end;
        return {};
    }

    AssemblyPlan& plan_;
    const Toc& toc_;
    std::vector<Span> wanted_;
    std::uint64_t last_end_ = 0, size_ = 0;
};

}  // namespace

std::optional<Span> tables_of(const Layout& layout) {
    Span all = layout.toc.span;
    std::uint64_t size = all.size();
    if (layout.tar_split) {
        all.begin = std::min(all.begin, layout.tar_split->span.begin);
        all.end = std::max(all.end, layout.tar_split->span.end);
        size += layout.tar_split->span.size();
    }
    if (all.begin < frame_head_bytes || all.size() > size + tables_gap_bytes_max)
        return std::nullopt;
    return all;
}

Result<std::unique_ptr<Assembly>> plan_partial(const Layers& layers, Layout layout,
                                               std::string tables, std::uint64_t blob_bytes,
                                               UnpackLimits limits) {
    auto place = tables_of(layout);
    if (!place || tables.size() != place->size()) return bad("its tables are not there");
    AssemblyPlan plan;
    plan.packed_toc = cut(tables, place->begin, layout.toc.span);
    plan.blob_bytes = blob_bytes;
    TRY(Toc toc, unpack_toc(layout, plan.packed_toc, blob_bytes));
    if (layout.tar_split) {
        plan.tar_split = cut(tables, place->begin, layout.tar_split->span);
        // The diff id tells in the end; this tells before anything is fetched.
        const std::string& digest =
            toc.split_digest.empty() ? layout.split_digest.value_or("") : toc.split_digest;
        if (!digest.empty() && sha256_digest(plan.tar_split) != digest)
            return bad("its tar-split is not what its checksum says");
    }
    TRY(plan.found, find_contents(layers, toc));
    plan.layout = std::move(layout);
    TRY_DO(Planner(plan, toc).plan(limits));
    if (plan.stream.size() + tables.size() > blob_bytes - blob_bytes / 4)
        return std::unique_ptr<Assembly>();
    return std::make_unique<Assembly>(std::move(plan));
}

Status write_contents(const Fd& folder, const Layout& layout, std::string_view packed_toc,
                      std::uint64_t blob_bytes) {
    TRY(Toc toc, unpack_toc(layout, packed_toc, blob_bytes));
    return write_contents(folder, toc);
}

}  // namespace store
