// A layer's compressed stream to plain bytes: gzip (also several members), zstd (also several
// frames), xz, bzip2 or plain, told apart by their first bytes. Pushed through from one reused
// buffer, or drawn into the caller's.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace store {

enum class Compression { unknown, none, gzip, zstd, xz, bzip2 };

inline constexpr int zstd_window_log_max = 27;  // 128 MiB; encoders are asked for 8 MiB
inline constexpr std::uint64_t xz_memory_bytes_max = 72 << 20;  // `xz -9` asks for 65 MiB
inline constexpr std::size_t inflate_buffer_bytes = 256 * 1024;

// One compressed format's engine.
class Decoder {
public:
    virtual ~Decoder() = default;
    // Consumes from `in`, fills from `out` on; returns the bytes written. Called again while it
    // leaves input or fills `capacity`.
    virtual Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity) = 0;
    // All members or frames seen so far are complete.
    virtual bool complete() const = 0;
};

// ISA-L where it is built in, else zlib; `portable` asks for zlib anyway (tests compare both).
std::unique_ptr<Decoder> make_gzip_decoder(bool portable = false);
std::unique_ptr<Decoder> make_zstd_decoder();
std::unique_ptr<Decoder> make_xz_decoder();
std::unique_ptr<Decoder> make_bzip2_decoder();

class Inflater {
public:
    // Gets the plain bytes; they are valid during the call only.
    using Output = std::function<Status(std::string_view)>;

    Inflater() = default;  // for step() alone
    explicit Inflater(Output output) : output_(std::move(output)) {}
    ~Inflater();
    // Either everything of `bytes` to the output,
    Status feed(std::string_view bytes);
    // or as much of `in` as fills `out`: the bytes written. Nothing of `in` is left, and nothing
    // more comes of it, when that is less than `capacity`.
    Result<std::size_t> step(std::string_view& in, char* out, std::size_t capacity);
    // The stream has ended; an error when that is in the middle.
    Status finish();
    Compression compression() const { return compression_; }
    // Plain from here on: what comes in is what goes out.
    bool passes_through() const { return compression_ == Compression::none && head_.empty(); }

private:
    Status detect();

    Output output_;
    Compression compression_ = Compression::unknown;
    std::unique_ptr<Decoder> decoder_;
    std::unique_ptr<char[]> buffer_;
    char first_[8];  // until the format is known
    std::size_t first_bytes_ = 0;
    std::string_view head_;  // what of them no decoder has seen yet
};

}  // namespace store
