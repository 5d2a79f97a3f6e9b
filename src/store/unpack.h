// The streaming layer unpacker: compressed bytes in, a folder of files out, with both digests. Runs
// on a heavy lane; one thread at a time.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace store {

struct UnpackLimits {
    std::uint64_t unpacked_bytes_max = 256ULL << 30;  // of tar
    std::uint64_t entries_max = 20'000'000;
    // gzip cannot exceed 1032, zstd can: more than this beyond the first GiB is a bomb.
    std::uint64_t ratio_max = 2000;
};

struct UnpackOptions {
    // Known from the manifest and the image config; checked by finish() when given.
    std::optional<std::string> digest;
    std::optional<std::uint64_t> size;  // compressed; also checked at the first extra byte
    std::optional<std::string> diff_id;
    UnpackLimits limits;
    // How many bytes stay in the page cache (absent: cache_allowance()), counted together by all
    // unpackers that share `written`; see write_behind.h. Outlives the unpacker.
    std::optional<std::uint64_t> cached_bytes_max;
    std::atomic<std::uint64_t>* written = nullptr;
    // Looked at between buffers: true makes feed() return Kind::cancelled. Outlives the unpacker.
    const std::atomic<bool>* stop = nullptr;
};

struct Unpacked {
    std::string digest;  // of the compressed bytes
    std::uint64_t size = 0;
    std::string diff_id;              // of the tar
    std::uint64_t unpacked_size = 0;  // bytes of file contents as Docker counts a layer's size
    std::uint64_t tar_size = 0;
    std::uint64_t entries = 0;
    std::string compression;  // "gzip", "zstd", "none"
    // The layer's root is opaque: layers below it are not to be mounted.
    bool opaque_root = false;
    // Folders that have no entry of their own ("" is the root), parents first. Their metadata comes
    // from the layers below: apply_implied() in store/layers.h.
    std::vector<std::string> implied;
};

// A piece of a layer's tar between the two halves of its unpacking.
class Plain {
public:
    static constexpr std::size_t capacity = 512 * 1024;

    std::string_view view() const { return {bytes_.get(), size_}; }
    bool full() const { return size_ == capacity; }
    void clear() { size_ = 0; }
    // What is free behind what is there, for whoever fills it; then how much was filled.
    std::span<char> room();
    void add(std::size_t bytes) { size_ += bytes; }

private:
    std::unique_ptr<char[]> bytes_;  // made when it is first filled
    std::size_t size_ = 0;
};

class Unpacker {
public:
    // `staging` is an empty folder of ours; gets diff/.
    static Result<Unpacker> create(Fd staging, UnpackOptions options);
    Unpacker(Unpacker&&) noexcept;
    Unpacker& operator=(Unpacker&&) noexcept;
    ~Unpacker();

    // After an error every further call returns it again.
    Status feed(std::string_view bytes);
    // The same in two halves, which may run on two threads at once (each on one at a time):
    // inflate() appends to `plain` until that is full; what did not fit stays in `bytes`, and more
    // may come then even when nothing does. write() gets the pieces in that order.
    Status inflate(std::string_view& bytes, Plain& plain);
    Status write(const Plain& plain);
    // Everything is fed: checks digests and sizes. Files are written, not yet synced.
    Result<Unpacked> finish();
    std::uint64_t fed_bytes() const;  // compressed bytes so far: progress "Extracting"

private:
    struct Parts;
    explicit Unpacker(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace store
