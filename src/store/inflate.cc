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

Inflater::Inflater(Output output) : output_(std::move(output)) {}
Inflater::~Inflater() = default;

Status Inflater::feed(std::string_view bytes) {
    if (compression_ != Compression::unknown) return run(bytes);
    std::size_t taken = std::min(bytes.size(), sizeof head_ - head_bytes_);
    std::memcpy(head_ + head_bytes_, bytes.data(), taken);
    head_bytes_ += taken;
    bytes.remove_prefix(taken);
    if (head_bytes_ < sizeof head_) return {};
    TRY_DO(detect(false));
    return run(bytes);
}

// A skippable zstd frame has a magic of 0x184D2A50 to 0x184D2A5F, little endian.
Status Inflater::detect(bool last) {
    std::string_view head(head_, head_bytes_);
    bool skippable =
        head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18";
    if (head.starts_with(gzip_magic)) {
        compression_ = Compression::gzip;
        decoder_ = make_gzip_decoder();
    } else if (head.starts_with(zstd_magic) || skippable) {
        compression_ = Compression::zstd;
        decoder_ = make_zstd_decoder();
    } else if (head.starts_with("BZh") || head.starts_with(std::string_view("\xfd"
                                                                            "7zXZ",
                                                                            5))) {
        return Error(Kind::unsupported, "layers compressed with bzip2 or xz are not supported");
    } else {
        compression_ = Compression::none;
    }
    if (decoder_) buffer_ = std::make_unique<char[]>(inflate_buffer_bytes);
    (void)last;
    return run(head);
}

Status Inflater::run(std::string_view bytes) {
    if (!decoder_) return bytes.empty() ? Status() : output_(bytes);
    std::size_t made = 0;
    // A full buffer may hide more output of the same input.
    while (!bytes.empty() || made == inflate_buffer_bytes) {
        std::size_t before = bytes.size();
        TRY(made, decoder_->step(bytes, buffer_.get(), inflate_buffer_bytes));
        if (made > 0) TRY_DO(output_({buffer_.get(), made}));
        if (made == 0 && bytes.size() == before && !bytes.empty()) return bad("no progress");
        if (made == 0 && bytes.empty()) break;
    }
    return {};
}

Status Inflater::finish() {
    if (compression_ == Compression::unknown) TRY_DO(detect(true));
    if (decoder_ && !decoder_->complete()) return bad("unexpected EOF");
    return {};
}

}  // namespace store
