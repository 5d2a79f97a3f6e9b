#include "store/unpack.h"

#include "store/inflate.h"
#include "store/sha256.h"
#include "store/skeleton.h"
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
// Of a plain layer; cancelling is looked at in between.
constexpr std::size_t feed_piece_bytes = 256 * 1024;

std::string_view compression_name(Compression compression) {
    if (compression == Compression::gzip) return "gzip";
    if (compression == Compression::zstd) return "zstd";
    if (compression == Compression::xz) return "xz";
    if (compression == Compression::bzip2) return "bzip2";
    return "none";
}

}  // namespace

// The two halves share nothing that changes: they may run on two threads.
struct Unpacker::Parts {
    // Compressed bytes to tar.
    struct Front {
        explicit Front(const UnpackOptions& wanted) : options(wanted) {}

        // A plain layer's blob is its tar: hashed once, by the back.
        bool hashes() const { return inflater.compression() != Compression::none; }
        Status look_at_limits() const {
            if (options.size && fed > *options.size)
                return Error(
                    Kind::invalid,
                    fmt::format("layer is larger than the {} bytes announced", *options.size));
            if (made > options.limits.unpacked_bytes_max)
                return Error(Kind::too_large, fmt::format("layer unpacks to more than {} bytes",
                                                          options.limits.unpacked_bytes_max));
            if (made > ratio_free_bytes &&
                made / std::max<std::uint64_t>(fed, 1) > options.limits.ratio_max)
                return Error(Kind::too_large,
                             fmt::format("layer unpacks to more than {} times its size",
                                         options.limits.ratio_max));
            if (options.stop != nullptr && options.stop->load(std::memory_order_relaxed))
                return Error(Kind::cancelled, "cancelled");
            return {};
        }
        // Fills `out`; see Inflater::step.
        Result<std::size_t> step(std::string_view& bytes, char* out, std::size_t capacity) {
            std::string_view given = bytes;
            TRY(std::size_t filled, inflater.step(bytes, out, capacity));
            given.remove_suffix(bytes.size());
            if (hashes()) hash.update(given);
            fed += given.size();
            made += filled;
            TRY_DO(look_at_limits());
            return filled;
        }

        const UnpackOptions& options;
        Inflater inflater;
        Sha256 hash;
        std::uint64_t fed = 0;   // compressed
        std::uint64_t made = 0;  // of tar
        std::optional<Error> failed;
    };

    // Tar to files.
    struct Back {
        Back(Fd diff, Fd kept_in, Fd staging, const UnpackOptions& options)
            : files(std::move(diff), options, std::move(kept_in)),
              skeleton(files, std::move(staging)), reader(skeleton) {}

        Status write(std::string_view bytes) {
            size += bytes.size();
            hash.update(bytes);
            return reader.feed(bytes);
        }

        LayerFiles files;
        SkeletonWriter skeleton;
        codec::tar::Reader reader;
        Sha256 hash;
        std::uint64_t size = 0;
        std::optional<Error> failed;
    };

    Parts(UnpackOptions wanted, Fd diff, Fd kept_in, Fd staging)
        : options(std::move(wanted)), front(options),
          back(std::move(diff), std::move(kept_in), std::move(staging), options) {}

    Status feed(std::string_view bytes) {
        for (bool more = true; more;) {
            if (front.inflater.passes_through()) {
                std::string_view piece = bytes.substr(0, feed_piece_bytes);
                bytes.remove_prefix(piece.size());
                front.fed += piece.size();
                front.made += piece.size();
                TRY_DO(front.look_at_limits());
                TRY_DO(back.write(piece));
                more = !bytes.empty();
                continue;
            }
            TRY(std::size_t filled, front.step(bytes, buffer.get(), inflate_buffer_bytes));
            TRY_DO(back.write({buffer.get(), filled}));
            more = filled == inflate_buffer_bytes || !bytes.empty();
        }
        return {};
    }
    Result<Unpacked> finish() {
        if (options.size && front.fed != *options.size)
            return Error(Kind::invalid,
                         fmt::format("layer has {} bytes instead of the {} announced", front.fed,
                                     *options.size));
        Unpacked made;
        made.diff_id = back.hash.digest();
        made.digest = front.hashes() ? front.hash.digest() : made.diff_id;
        if (options.digest && made.digest != *options.digest)
            return Error(
                Kind::invalid,
                fmt::format("filesystem layer verification failed for digest {}", *options.digest));
        TRY_DO(front.inflater.finish());
        TRY_DO(back.reader.finish());
        if (options.diff_id && made.diff_id != *options.diff_id)
            return Error(Kind::invalid, fmt::format("layer unpacks to {} instead of {}",
                                                    made.diff_id, *options.diff_id));
        TRY_DO(back.skeleton.finish(back.size));
        TRY_DO(back.files.finish());
        made.size = front.fed;
        made.unpacked_size = back.files.file_bytes();
        made.tar_size = back.size;
        made.entries = back.files.entries();
        made.compression = compression_name(front.inflater.compression());
        made.opaque_root = back.files.opaque_root();
        made.implied = back.files.implied();
        return made;
    }

    UnpackOptions options;
    Front front;
    Back back;
    std::unique_ptr<char[]> buffer;  // of feed()
};

std::span<char> Plain::room() {
    if (!bytes_) bytes_ = std::make_unique_for_overwrite<char[]>(capacity);
    return {bytes_.get() + size_, capacity - size_};
}

Unpacker::Unpacker(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

Result<Unpacker> Unpacker::create(Fd staging, UnpackOptions options) {
    if (::mkdirat(staging.get(), "diff", 0755) != 0) return base::errno_error(errno, "mkdir diff");
    TRY(Fd diff, sys::open_at(staging, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchmod(diff.get(), 0755) != 0) return base::errno_error(errno, "chmod diff");
    TRY(Fd skeleton_folder, staging.duplicate());
    return Unpacker(std::make_unique<Parts>(std::move(options), std::move(diff), std::move(staging),
                                            std::move(skeleton_folder)));
}

Status Unpacker::feed(std::string_view bytes) {
    std::optional<Error>& failed = parts_->front.failed;
    if (failed) return *failed;
    if (!parts_->buffer)
        parts_->buffer = std::make_unique_for_overwrite<char[]>(inflate_buffer_bytes);
    Status done = parts_->feed(bytes);
    if (!done) failed = done.error();
    return done;
}

Status Unpacker::inflate(std::string_view& bytes, Plain& plain) {
    std::optional<Error>& failed = parts_->front.failed;
    if (failed) return *failed;
    std::span<char> room = plain.room();
    auto filled = parts_->front.step(bytes, room.data(), room.size());
    if (!filled) failed = filled.error();
    if (failed) return *failed;
    plain.add(*filled);
    return {};
}

Status Unpacker::write(const Plain& plain) {
    std::optional<Error>& failed = parts_->back.failed;
    if (failed) return *failed;
    Status done = parts_->back.write(plain.view());
    if (!done) failed = done.error();
    return done;
}

Result<Unpacked> Unpacker::finish() {
    if (parts_->front.failed) return *parts_->front.failed;
    if (parts_->back.failed) return *parts_->back.failed;
    return parts_->finish();
}

std::uint64_t Unpacker::fed_bytes() const {
    return parts_->front.fed;
}

}  // namespace store
