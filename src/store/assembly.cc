#include "store/assembly.h"

#include "base/hex.h"
#include "store/inflate.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <zstd.h>

namespace store {

namespace {

constexpr std::size_t lines_step_bytes = 64 * 1024;

Error bad(std::string_view what) {
    return Error(Kind::invalid, fmt::format("partial layer: {}", what));
}

}  // namespace

void Assembly::Free::operator()(ZSTD_DCtx_s* context) const {
    ZSTD_freeDCtx(context);
}

Assembly::Assembly(AssemblyPlan plan)
    : plan_(std::move(plan)), frames_(ZSTD_createDCtx()), split_(ZSTD_createDCtx()) {
    if (frames_) ZSTD_DCtx_setParameter(frames_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
    if (split_) ZSTD_DCtx_setParameter(split_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
    begin();
}
Assembly::~Assembly() = default;

void Assembly::begin() {
    span_ = 0;
    blob_at_ = plan_.stream.size() > 0 ? plan_.stream.spans()[0].begin : 0;
    if (split_) ZSTD_DCtx_reset(split_.get(), ZSTD_reset_session_only);
    split_taken_ = 0;
    lines_.clear();
    lines_parsed_ = 0;
    raw_ = {};
    entry_ = piece_ = entry_end_ = 0;
    in_piece_ = ended_ = false;
    made_ = 0;
    local_.reset();
}

Status Assembly::step(std::string_view& in, Plain& plain) {
    if (!frames_ || !split_) return Error(Kind::internal, "out of memory for zstd");
    for (bool more = true; more && !plain.full();) {
        std::span<char> room = plain.room();
        TRY(std::size_t filled, fill(in, room.data(), room.size()));
        plain.add(filled);
        more = filled > 0;
        made_ += filled;
        if (made_ > plan_.tar_bytes_max) return bad("it is larger than it may be");
    }
    if (!plain.full() && !in.empty()) return bad("more was fetched than it needs");
    return {};
}

// 0: more of `in` is needed, or the tar is complete.
Result<std::size_t> Assembly::fill(std::string_view& in, char* out, std::size_t capacity) {
    for (;;) {
        if (!raw_.empty()) {
            std::size_t size = std::min(raw_.size(), capacity);
            std::memcpy(out, raw_.data(), size);
            raw_.remove_prefix(size);
            return size;
        }
        if (!in_piece_) {
            bool more = false;
            TRY_DO(next_part(more));
            if (!more) return std::size_t{0};
            continue;
        }
        const Piece& piece = plan_.pieces[piece_];
        std::size_t size = 0;
        if (piece.from == Piece::From::blob) {
            if (!skip_to(piece.span.begin, in)) return std::size_t{0};
            TRY(size, take_frames(in, out, capacity));
        } else {
            TRY(size, take_local(out, capacity));
        }
        piece_done_ += size;
        bool complete = piece.known ? piece_done_ == piece.size : true;
        if (piece.from == Piece::From::blob)
            complete = complete && frame_complete_ && blob_at_ >= piece.span.end;
        if (complete) TRY_DO(end_piece());
        if (size > 0) return size;
        if (!complete) return size;
    }
}

// The next raw bytes, or the next piece.
Status Assembly::next_part(bool& more) {
    more = true;
    if (piece_ < entry_end_) return begin_piece();
    more = !ended_;
    if (ended_) return {};
    if (!plan_.tar_split.empty()) return next_record();
    if (entry_ + 1 >= plan_.entries.size()) {
        ended_ = true;
        more = false;
        return {};
    }
    entry_end_ = plan_.entries[++entry_];
    return {};
}

// One of the tar-split's; ended_ behind the last one.
Status Assembly::next_record() {
    for (;;) {
        std::string_view rest = std::string_view(lines_).substr(lines_parsed_);
        std::size_t before = rest.size();
        TRY(bool there, codec::tar_split::next(rest, record_));
        lines_parsed_ += before - rest.size();
        if (there) break;
        lines_.erase(0, lines_parsed_);
        lines_parsed_ = 0;
        before = lines_.size();
        lines_.resize(before + lines_step_bytes);
        ZSTD_inBuffer input{plan_.tar_split.data(), plan_.tar_split.size(), split_taken_};
        ZSTD_outBuffer output{lines_.data(), lines_.size(), before};
        std::size_t hint = 1;
        while (output.pos < output.size) {
            std::size_t taken = input.pos, made = output.pos;
            // Behind the last frame a call would begin another one.
            if (hint == 0 && input.pos == input.size) break;
            hint = ZSTD_decompressStream(split_.get(), &output, &input);
            if (ZSTD_isError(hint) != 0) return bad("its tar-split is damaged");
            if (input.pos == taken && output.pos == made) break;
        }
        split_taken_ = input.pos;
        lines_.resize(output.pos);
        if (output.pos > before) continue;
        if (!lines_.empty()) return bad("its tar-split ends within a line");
        ended_ = true;
        return {};
    }
    raw_ = record_.raw;
    if (!record_.content) return {};
    if (entry_ + 1 >= plan_.entries.size())
        return bad("its tar-split has more entries than its TOC");
    entry_end_ = plan_.entries[++entry_];
    std::uint64_t size = 0;
    for (std::size_t i = piece_; i < entry_end_; ++i)
        size += plan_.pieces[i].size;
    if (size != record_.size) return bad("its tar-split and its TOC differ");
    return {};
}

Status Assembly::begin_piece() {
    const Piece& piece = plan_.pieces[piece_];
    in_piece_ = true;
    piece_done_ = 0;
    frame_complete_ = false;
    hash_.reset();
    if (piece.known && piece.from != Piece::From::zeros) hash_.emplace();
    if (piece.from == Piece::From::blob) ZSTD_DCtx_reset(frames_.get(), ZSTD_reset_session_only);
    if (piece.from != Piece::From::local) return {};
    const FoundLayer& layer = plan_.found.layers[piece.place.layer];
    std::string path = plan_.found.path_of(piece.place);
    auto opened = sys::open_beneath(layer.diff, path, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    std::uint64_t end = piece.place.offset + piece.size;
    if (!opened || ::fstat(opened->get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::uint64_t>(info.st_size) < end) {
        liar_ = layer.id;
        return bad(fmt::format("file {} of layer {} is not there", path, layer.id));
    }
    local_ = std::move(*opened);
    return {};
}

Result<std::size_t> Assembly::take_local(char* out, std::size_t capacity) {
    const Piece& piece = plan_.pieces[piece_];
    std::size_t size = std::min<std::uint64_t>(piece.size - piece_done_, capacity);
    if (piece.from == Piece::From::zeros) {
        std::memset(out, 0, size);
        return size;
    }
    ssize_t got = -1;
    do
        got =
            ::pread(local_.get(), out, size, static_cast<off_t>(piece.place.offset + piece_done_));
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        liar_ = plan_.found.layers[piece.place.layer].id;
        return bad(fmt::format("cannot read file {} of layer {}", plan_.found.path_of(piece.place),
                               liar_));
    }
    hash_->update({out, static_cast<std::size_t>(got)});
    return static_cast<std::size_t>(got);
}

// Never more than the piece's own bytes of `in`, nor more plain ones than it may have.
Result<std::size_t> Assembly::take_frames(std::string_view& in, char* out, std::size_t capacity) {
    const Piece& piece = plan_.pieces[piece_];
    std::size_t filled = 0;
    char beyond = 0;  // a byte more than the piece has
    for (;;) {
        std::size_t given = std::min<std::uint64_t>(in.size(), piece.span.end - blob_at_);
        if (frame_complete_ && given == 0) break;
        std::size_t size = capacity - filled;
        if (piece.known) size = std::min<std::uint64_t>(size, piece.size - piece_done_ - filled);
        bool all = piece.known && piece_done_ + filled == piece.size;
        if (size == 0 && !all) break;
        ZSTD_inBuffer input{in.data(), given, 0};
        ZSTD_outBuffer output{all ? &beyond : out + filled, all ? 1 : size, 0};
        std::size_t hint = ZSTD_decompressStream(frames_.get(), &output, &input);
        if (ZSTD_isError(hint) != 0)
            return bad(fmt::format("a frame is damaged: {}", ZSTD_getErrorName(hint)));
        if (all && output.pos > 0) return bad("a chunk is larger than its TOC says");
        in.remove_prefix(input.pos);
        advance(input.pos);
        frame_complete_ = hint == 0;
        if (hash_) hash_->update({out + filled, output.pos});
        filled += output.pos;
        if (input.pos == 0 && output.pos == 0) break;
    }
    if (blob_at_ >= piece.span.end && !frame_complete_ && filled == 0)
        return bad("a frame is cut off");
    if (blob_at_ >= piece.span.end && frame_complete_ && piece.known &&
        piece_done_ + filled < piece.size)
        return bad("a chunk is smaller than its TOC says");
    return filled;
}

Status Assembly::end_piece() {
    const Piece& piece = plan_.pieces[piece_];
    in_piece_ = false;
    ++piece_;
    local_.reset();
    if (!hash_) return {};
    std::string found = hash_->digest();
    hash_.reset();
    if (found == "sha256:" + base::to_hex(piece.digest)) return {};
    if (piece.from == Piece::From::blob) return bad("a chunk is not what its digest says");
    liar_ = plan_.found.layers[piece.place.layer].id;
    return bad(fmt::format("file {} of layer {} is not what it was",
                           plan_.found.path_of(piece.place), liar_));
}

void Assembly::advance(std::size_t bytes) {
    const auto& spans = plan_.stream.spans();
    while (bytes > 0 && span_ < spans.size()) {
        std::uint64_t here = std::min<std::uint64_t>(bytes, spans[span_].end - blob_at_);
        blob_at_ += here;
        bytes -= here;
        if (blob_at_ == spans[span_].end && span_ + 1 < spans.size() && bytes > 0)
            blob_at_ = spans[++span_].begin;
    }
}

// False: it is not there yet.
bool Assembly::skip_to(std::uint64_t offset, std::string_view& in) {
    const auto& spans = plan_.stream.spans();
    while (blob_at_ < offset) {
        if (span_ < spans.size() && blob_at_ == spans[span_].end) {
            if (span_ + 1 == spans.size()) return false;
            blob_at_ = spans[++span_].begin;
            continue;
        }
        if (in.empty()) return false;
        std::size_t size = std::min<std::uint64_t>(in.size(), offset - blob_at_);
        if (span_ < spans.size()) size = std::min<std::uint64_t>(size, spans[span_].end - blob_at_);
        in.remove_prefix(size);
        blob_at_ += size;
    }
    return true;
}

Status Assembly::finish() const {
    if (!ended_ || in_piece_ || piece_ != plan_.pieces.size()) return bad("unexpected end");
    return {};
}

}  // namespace store
