// A layer's tar made of what is on this host and what is fetched of its blob: the other way to the
// unpacker, beside inflating the whole. Every chunk is hashed as it passes; that the tar is the
// layer is told by the unpacker, which compares it with the diff id. Used by one thread at a time.
#pragma once

#include "base/error.h"
#include "codec/chunked.h"
#include "codec/tar_split.h"
#include "store/contents.h"
#include "store/sha256.h"
#include "store/unpack.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_DCtx_s;

namespace store {

// A run of the tar's bytes.
struct Piece {
    enum class From : std::uint8_t { blob, local, zeros };
    From from = From::blob;
    bool known = true;       // size and digest; else these frames hold headers, whatever they give
    std::uint64_t size = 0;  // plain
    codec::chunked::Span span;  // blob: its frames
    Place place;                // local
    codec::chunked::Digest digest{};
};

struct AssemblyPlan {
    std::vector<Piece> pieces;  // in the tar's order
    // For each entry of the tar the first of its pieces, and one more for the end.
    std::vector<std::size_t> entries;
    // Compressed; what lies between the entries' contents. "": it is among the pieces.
    std::string tar_split;
    Found found;                    // the pieces' places
    codec::chunked::Stream stream;  // what is to be fetched
    std::uint64_t tar_bytes_max = 0;
    // For the contents of the new layer.
    codec::chunked::Layout layout;
    std::string packed_toc;
    std::uint64_t blob_bytes = 0;
};

class Assembly {
public:
    explicit Assembly(AssemblyPlan plan);
    ~Assembly();
    const AssemblyPlan& plan() const { return plan_; }

    // From the first byte.
    void begin();
    // Takes from `in`, the plan's stream, and appends tar to `plain` until that is full or nothing
    // is left of `in` and more is needed. Every error of what came or of what was to be found on
    // this host is Kind::invalid: the layer is to be fetched whole then.
    Status step(std::string_view& in, Plain& plain);
    // The tar is complete; an error when it is not.
    Status finish() const;
    // The layer whose contents were not what it told.
    const std::string& liar() const { return liar_; }

private:
    Result<std::size_t> fill(std::string_view& in, char* out, std::size_t capacity);
    Status next_part(bool& more);
    Status next_record();
    Status begin_piece();
    Result<std::size_t> take_local(char* out, std::size_t capacity);
    Result<std::size_t> take_frames(std::string_view& in, char* out, std::size_t capacity);
    Status end_piece();
    void advance(std::size_t bytes);
    bool skip_to(std::uint64_t offset, std::string_view& in);

    const AssemblyPlan plan_;
    struct Free {
        void operator()(ZSTD_DCtx_s* context) const;
    };
    std::unique_ptr<ZSTD_DCtx_s, Free> frames_, split_;
    // Where the next byte of `in` stands in the blob.
    std::size_t span_ = 0;
    std::uint64_t blob_at_ = 0;
    // The tar-split.
    std::size_t split_taken_ = 0;
    std::string lines_;
    std::size_t lines_parsed_ = 0;
    codec::tar_split::Record record_;
    std::string_view raw_;  // what is left of record_.raw
    // The pieces.
    std::size_t entry_ = 0, piece_ = 0, entry_end_ = 0;
    bool in_piece_ = false;
    std::uint64_t piece_done_ = 0;
    bool frame_complete_ = false;
    Fd local_;
    std::optional<Sha256> hash_;
    std::uint64_t made_ = 0;
    bool ended_ = false;
    std::string liar_;
};

}  // namespace store
