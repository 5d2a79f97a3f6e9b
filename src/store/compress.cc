#include "store/compress.h"

#include <array>
#include <fmt/core.h>
#include <isa-l/igzip_lib.h>
#include <vector>
#include <zstd.h>

namespace store {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

// ISA-L's level 3: what zlib -1 gives at three times its speed. zlib's 6, which Docker uses, makes
// layers a tenth smaller for ten times the work; who pays for bytes asks for zstd, which does both.
class Gzip final : public Compressor {
public:
    Gzip() : level_buffer_(ISAL_DEF_LVL3_DEFAULT) {
        isal_deflate_init(&stream_);
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.level = 3;
        stream_.level_buf = level_buffer_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    }

    Status feed(std::string_view bytes, const Sink& sink) override {
        stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<std::uint32_t>(bytes.size());
        do {
            TRY_DO(step(sink));
        } while (stream_.avail_in > 0 || full_);
        return {};
    }
    Status finish(const Sink& sink) override {
        stream_.end_of_stream = 1;
        stream_.avail_in = 0;
        do {
            TRY_DO(step(sink));
        } while (stream_.internal_state.state != ZSTATE_END || full_);
        return {};
    }

private:
    Status step(const Sink& sink) {
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out_.data());
        stream_.avail_out = static_cast<std::uint32_t>(out_.size());
        if (int failed = isal_deflate(&stream_); failed != COMP_OK)
            return Error(Kind::internal, fmt::format("gzip: compression failed ({})", failed));
        full_ = stream_.avail_out == 0;
        std::size_t size = out_.size() - stream_.avail_out;
        return size > 0 ? sink(std::string_view(out_.data(), size)) : Status();
    }

    isal_zstream stream_{};
    std::vector<std::uint8_t> level_buffer_;
    std::array<char, piece_bytes> out_;
    bool full_ = false;
};

class Zstd final : public Compressor {
public:
    explicit Zstd(ZSTD_CCtx* context) : context_(context) {}

    Status feed(std::string_view bytes, const Sink& sink) override {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (in.pos < in.size) {
            TRY(std::size_t left, step(in, ZSTD_e_continue, sink));
            (void)left;
        }
        return {};
    }
    Status finish(const Sink& sink) override {
        ZSTD_inBuffer none{nullptr, 0, 0};
        for (;;) {
            TRY(std::size_t left, step(none, ZSTD_e_end, sink));
            if (left == 0) return {};
        }
    }

private:
    Result<std::size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective how, const Sink& sink) {
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in, how);
        if (ZSTD_isError(left))
            return Error(Kind::internal, fmt::format("zstd: {}", ZSTD_getErrorName(left)));
        if (out.pos > 0) TRY_DO(sink(std::string_view(out_.data(), out.pos)));
        return left;
    }

    struct Free {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };
    std::unique_ptr<ZSTD_CCtx, Free> context_;
    std::array<char, piece_bytes> out_;
};

}  // namespace

std::optional<Packing> parse_packing(std::string_view name) {
    if (name == "gzip") return Packing::gzip;
    if (name == "zstd") return Packing::zstd;
    return std::nullopt;
}

Result<std::unique_ptr<Compressor>> Compressor::create(Packing kind) {
    if (kind == Packing::gzip) return std::unique_ptr<Compressor>(std::make_unique<Gzip>());
    ZSTD_CCtx* context = ZSTD_createCCtx();
    if (context == nullptr) return Error(Kind::internal, "zstd: out of memory");
    // Level 3 takes 1.3 MB; the checksum costs nothing beside it and finds what memory broke.
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    return std::unique_ptr<Compressor>(std::make_unique<Zstd>(context));
}

}  // namespace store
