#include "store/inflate.h"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>
#include <zstd.h>

namespace store {

namespace {

Error bad(std::string_view what) {
    return Error(Kind::invalid, fmt::format("invalid compressed layer: {}", what));
}

constexpr std::string_view gzip_magic("\x1f\x8b", 2);
constexpr std::string_view zstd_magic("\x28\xb5\x2f\xfd", 4);
constexpr std::string_view xz_magic("\xfd"
                                    "7zXZ\0",
                                    6);
constexpr std::string_view bzip2_magic("BZh");

// Bytes behind the last member: zeros are padding; anything else does not change the result
// (security-cases T9) and is read over, as gzip(1) and Go do not agree on it.
bool begins_member(std::string_view bytes) {
    return static_cast<unsigned char>(bytes[0]) == 0x1f;
}

class IgzipDecoder final : public Decoder {
public:
    IgzipDecoder() { begin(); }
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) override {
        if (done_) {
            if (trailing_ || in.empty() || !begins_member(in)) {
                trailing_ = trailing_ || !in.empty();
                in = {};
                return std::size_t{0};
            }
            begin();
        }
        state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
        state_.avail_in = static_cast<std::uint32_t>(std::min<std::size_t>(in.size(), UINT32_MAX));
        std::uint32_t given = state_.avail_in;
        state_.next_out = reinterpret_cast<std::uint8_t*>(out);
        state_.avail_out = static_cast<std::uint32_t>(capacity);
        int failed = isal_inflate(&state_);
        if (failed != ISAL_DECOMP_OK && failed != ISAL_END_INPUT)
            return bad("gzip data is damaged");
        in.remove_prefix(given - state_.avail_in);
        if (state_.block_state == ISAL_BLOCK_FINISH) done_ = true;
        return capacity - state_.avail_out;
    }
    bool complete() const override { return done_; }

private:
    void begin() {
        isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
        done_ = false;
    }
    inflate_state state_;
    bool done_ = false, trailing_ = false;
};

class ZlibDecoder final : public Decoder {
public:
    ZlibDecoder() { good_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
    ~ZlibDecoder() override { inflateEnd(&stream_); }
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) override {
        if (!good_) return Error(Kind::internal, "cannot start zlib");
        if (done_) {
            if (trailing_ || in.empty() || !begins_member(in)) {
                trailing_ = trailing_ || !in.empty();
                in = {};
                return std::size_t{0};
            }
            inflateReset(&stream_);
            done_ = false;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        auto given = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT32_MAX));
        stream_.avail_in = given;
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(capacity);
        int status = inflate(&stream_, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return bad("gzip data is damaged");
        in.remove_prefix(given - stream_.avail_in);
        done_ = status == Z_STREAM_END;
        return capacity - stream_.avail_out;
    }
    bool complete() const override { return done_; }

private:
    z_stream stream_{};
    bool good_ = false, done_ = false, trailing_ = false;
};

class ZstdDecoder final : public Decoder {
public:
    ZstdDecoder() : context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
        if (context_)
            ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
    }
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) override {
        if (!context_) return Error(Kind::internal, "out of memory for zstd");
        if (in.empty() && complete_) return std::size_t{0};  // would begin another frame
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out, capacity, 0};
        std::size_t hint = ZSTD_decompressStream(context_.get(), &output, &input);
        if (ZSTD_isError(hint) != 0)
            return bad(fmt::format("zstd data is damaged: {}", ZSTD_getErrorName(hint)));
        in.remove_prefix(input.pos);
        complete_ = hint == 0;
        return output.pos;
    }
    bool complete() const override { return complete_; }

private:
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_;
    bool complete_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_gzip_decoder(bool portable) {
    if (portable) return std::make_unique<ZlibDecoder>();
    return std::make_unique<IgzipDecoder>();
}

std::unique_ptr<Decoder> make_zstd_decoder() {
    return std::make_unique<ZstdDecoder>();
}

Inflater::~Inflater() = default;

// A skippable zstd frame has a magic of 0x184D2A50 to 0x184D2A5F, little endian.
Status Inflater::detect() {
    std::string_view head = head_ = {first_, first_bytes_};
    bool skippable =
        head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18";
    if (head.starts_with(gzip_magic)) {
        compression_ = Compression::gzip;
        decoder_ = make_gzip_decoder();
    } else if (head.starts_with(zstd_magic) || skippable) {
        compression_ = Compression::zstd;
        decoder_ = make_zstd_decoder();
    } else if (head.starts_with(xz_magic)) {
        compression_ = Compression::xz;
        decoder_ = make_xz_decoder();
    } else if (head.starts_with(bzip2_magic)) {
        compression_ = Compression::bzip2;
        decoder_ = make_bzip2_decoder();
    } else {
        compression_ = Compression::none;
    }
    return {};
}

Result<std::size_t> Inflater::step(std::string_view& in, char* out, std::size_t capacity) {
    if (compression_ == Compression::unknown) {
        std::size_t taken = std::min(in.size(), sizeof first_ - first_bytes_);
        std::memcpy(first_ + first_bytes_, in.data(), taken);
        first_bytes_ += taken;
        in.remove_prefix(taken);
        if (first_bytes_ < sizeof first_) return std::size_t{0};
        TRY_DO(detect());
    }
    std::size_t filled = 0;
    while (filled < capacity) {
        std::string_view& from = head_.empty() ? in : head_;
        std::size_t before = from.size(), made = 0;
        if (decoder_) {
            TRY(made, decoder_->step(from, out + filled, capacity - filled));
        } else {
            made = std::min(from.size(), capacity - filled);
            std::memcpy(out + filled, from.data(), made);
            from.remove_prefix(made);
        }
        filled += made;
        if (made > 0 || from.size() < before) continue;
        if (!from.empty()) return bad("no progress");
        if (in.empty()) break;
    }
    return filled;
}

Status Inflater::feed(std::string_view bytes) {
    if (passes_through()) return bytes.empty() ? Status() : output_(bytes);
    if (!buffer_) buffer_ = std::make_unique<char[]>(inflate_buffer_bytes);
    for (std::size_t made = inflate_buffer_bytes; made == inflate_buffer_bytes;) {
        TRY(made, step(bytes, buffer_.get(), inflate_buffer_bytes));
        if (made > 0) TRY_DO(output_({buffer_.get(), made}));
    }
    return {};
}

Status Inflater::finish() {
    // No format is that short.
    if (compression_ == Compression::unknown && first_bytes_ > 0) return bad("unexpected EOF");
    if (decoder_ && !decoder_->complete()) return bad("unexpected EOF");
    return {};
}

}  // namespace store
