#include "store/unpack.h"

#include "store/inflate.h"
#include "store/sha256.h"
#include "store/unpack_files.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace store {

namespace {

// Below this much output a high ratio is nobody's problem.
constexpr std::uint64_t ratio_free_bytes = 1ULL << 30;
// Cancelling is looked at between pieces of this size.
constexpr std::size_t feed_piece_bytes = 64 * 1024;

std::string_view compression_name(Compression compression) {
    if (compression == Compression::gzip) return "gzip";
    if (compression == Compression::zstd) return "zstd";
    return "none";
}

}  // namespace

struct Unpacker::Parts {
    Parts(UnpackOptions wanted, Fd diff)
        : options(std::move(wanted)), files(std::move(diff), options.limits.entries_max),
          reader(files), inflater([this](std::string_view bytes) { return plain(bytes); }) {}

    Status plain(std::string_view bytes) {
        tar_size += bytes.size();
        if (tar_size > options.limits.unpacked_bytes_max)
            return Error(Kind::too_large, fmt::format("layer unpacks to more than {} bytes",
                                                      options.limits.unpacked_bytes_max));
        if (tar_size > ratio_free_bytes &&
            tar_size / std::max<std::uint64_t>(fed, 1) > options.limits.ratio_max)
            return Error(Kind::too_large,
                         fmt::format("layer unpacks to more than {} times its size",
                                     options.limits.ratio_max));
        tar_hash.update(bytes);
        return reader.feed(bytes);
    }
    Status feed(std::string_view bytes) {
        while (!bytes.empty()) {
            if (options.stop != nullptr && options.stop->load(std::memory_order_relaxed))
                return Error(Kind::cancelled, "cancelled");
            std::string_view piece = bytes.substr(0, feed_piece_bytes);
            bytes.remove_prefix(piece.size());
            fed += piece.size();
            if (options.size && fed > *options.size)
                return Error(
                    Kind::invalid,
                    fmt::format("layer is larger than the {} bytes announced", *options.size));
            blob_hash.update(piece);
            TRY_DO(inflater.feed(piece));
        }
        return {};
    }
    Result<Unpacked> finish() {
        if (options.size && fed != *options.size)
            return Error(
                Kind::invalid,
                fmt::format("layer has {} bytes instead of the {} announced", fed, *options.size));
        Unpacked made;
        made.digest = blob_hash.digest();
        if (options.digest && made.digest != *options.digest)
            return Error(
                Kind::invalid,
                fmt::format("filesystem layer verification failed for digest {}", *options.digest));
        TRY_DO(inflater.finish());
        TRY_DO(reader.finish());
        made.diff_id = tar_hash.digest();
        if (options.diff_id && made.diff_id != *options.diff_id)
            return Error(Kind::invalid, fmt::format("layer unpacks to {} instead of {}",
                                                    made.diff_id, *options.diff_id));
        TRY_DO(files.finish());
        made.size = fed;
        made.unpacked_size = files.file_bytes();
        made.tar_size = tar_size;
        made.entries = files.entries();
        made.compression = compression_name(inflater.compression());
        made.opaque_root = files.opaque_root();
        made.implied = files.implied();
        return made;
    }

    UnpackOptions options;
    LayerFiles files;
    codec::tar::Reader reader;
    Inflater inflater;
    Sha256 blob_hash;
    Sha256 tar_hash;
    std::uint64_t fed = 0;
    std::uint64_t tar_size = 0;
    std::optional<Error> failed;
};

Unpacker::Unpacker(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

Result<Unpacker> Unpacker::create(Fd staging, UnpackOptions options) {
    if (::mkdirat(staging.get(), "diff", 0755) != 0) return base::errno_error(errno, "mkdir diff");
    TRY(Fd diff, sys::open_at(staging, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchmod(diff.get(), 0755) != 0) return base::errno_error(errno, "chmod diff");
    return Unpacker(std::make_unique<Parts>(std::move(options), std::move(diff)));
}

Status Unpacker::feed(std::string_view bytes) {
    if (parts_->failed) return *parts_->failed;
    Status done = parts_->feed(bytes);
    if (!done) parts_->failed = done.error();
    return done;
}

Result<Unpacked> Unpacker::finish() {
    if (parts_->failed) return *parts_->failed;
    return parts_->finish();
}

std::uint64_t Unpacker::fed_bytes() const {
    return parts_->fed;
}

}  // namespace store
