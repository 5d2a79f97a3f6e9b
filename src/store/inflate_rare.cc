// The formats that images rarely come in: xz and bzip2.
#include "store/inflate.h"

#include <algorithm>
#include <bzlib.h>
#include <fmt/core.h>
#include <lzma.h>

namespace store {

namespace {

Error bad(std::string_view what) {
    return Error(Kind::invalid, fmt::format("invalid compressed layer: {}", what));
}

// One stream after another, as pxz and pbzip2 write them; what begins otherwise is read over, as
// behind gzip's.
class XzDecoder final : public Decoder {
public:
    XzDecoder() { begin(); }
    ~XzDecoder() override { lzma_end(&stream_); }
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) override {
        if (started_ != LZMA_OK) return Error(Kind::internal, "cannot start liblzma");
        if (done_) {
            // Streams are padded with zeros.
            if (!trailing_) in.remove_prefix(std::min(in.find_first_not_of('\0'), in.size()));
            trailing_ = trailing_ || (!in.empty() && in[0] != '\xfd');
            if (trailing_ || in.empty()) {
                in = {};
                return std::size_t{0};
            }
            begin();
        }
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        stream_.avail_in = in.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
        stream_.avail_out = capacity;
        lzma_ret told = lzma_code(&stream_, LZMA_RUN);
        in.remove_prefix(in.size() - stream_.avail_in);
        if (told == LZMA_MEMLIMIT_ERROR)
            return Error(Kind::too_large,
                         fmt::format("xz data asks for {} MiB of memory, more than {} MiB",
                                     (lzma_memusage(&stream_) >> 20) + 1,
                                     xz_memory_bytes_max >> 20));
        if (told != LZMA_OK && told != LZMA_STREAM_END && told != LZMA_BUF_ERROR)
            return bad("xz data is damaged");
        done_ = told == LZMA_STREAM_END;
        return capacity - stream_.avail_out;
    }
    bool complete() const override { return done_; }

private:
    void begin() {
        started_ = lzma_stream_decoder(&stream_, xz_memory_bytes_max, 0);
        done_ = false;
    }
    lzma_stream stream_ = LZMA_STREAM_INIT;
    lzma_ret started_ = LZMA_OK;
    bool done_ = false, trailing_ = false;
};

// At most 3.7 MB whatever the data says: that is the format's largest block.
class Bzip2Decoder final : public Decoder {
public:
    Bzip2Decoder() { begin(); }
    ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) override {
        if (!good_) return Error(Kind::internal, "cannot start libbz2");
        if (done_) {
            if (trailing_ || in.empty() || in[0] != 'B') {
                trailing_ = trailing_ || !in.empty();
                in = {};
                return std::size_t{0};
            }
            BZ2_bzDecompressEnd(&stream_);
            begin();
        }
        auto given = static_cast<unsigned>(std::min<std::size_t>(in.size(), UINT32_MAX));
        stream_.next_in = const_cast<char*>(in.data());
        stream_.avail_in = given;
        stream_.next_out = out;
        stream_.avail_out = static_cast<unsigned>(capacity);
        int told = BZ2_bzDecompress(&stream_);
        in.remove_prefix(given - stream_.avail_in);
        if (told != BZ_OK && told != BZ_STREAM_END) return bad("bzip2 data is damaged");
        done_ = told == BZ_STREAM_END;
        return capacity - stream_.avail_out;
    }
    bool complete() const override { return done_; }

private:
    void begin() {
        stream_ = {};
        good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
        done_ = false;
    }
    bz_stream stream_{};
    bool good_ = false, done_ = false, trailing_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_xz_decoder() {
    return std::make_unique<XzDecoder>();
}

std::unique_ptr<Decoder> make_bzip2_decoder() {
    return std::make_unique<Bzip2Decoder>();
}

}  // namespace store
