#include "store/skeleton.h"

#include "sys/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

namespace store {

namespace {

constexpr std::size_t records_flush_bytes = 64 * 1024;
constexpr std::size_t packed_capacity = 64 * 1024;
// Headers repeat themselves within a few entries: the fastest level and a small window already make
// a tenth of them, with 300 KB of memory a layer under way.
constexpr int zstd_level = 1;
constexpr int zstd_window_log = 17;

}  // namespace

struct ContentHash::State {
    XXH3_state_t hash;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
    begin();
}
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash::~ContentHash() = default;
void ContentHash::begin() {
    XXH3_64bits_reset(&state_->hash);
}
void ContentHash::update(std::string_view bytes) {
    XXH3_64bits_update(&state_->hash, bytes.data(), bytes.size());
}
std::uint64_t ContentHash::value() const {
    return XXH3_64bits_digest(&state_->hash);
}

void SkeletonWriter::Free::operator()(ZSTD_CCtx_s* context) const {
    ZSTD_freeCCtx(context);
}

SkeletonWriter::SkeletonWriter(LayerFiles& files, Fd staging)
    : files_(files), staging_(std::move(staging)) {
    codec::skeleton::append_begin(records_);
}
SkeletonWriter::~SkeletonWriter() = default;

Status SkeletonWriter::entry(const codec::tar::Entry& entry) {
    TRY_DO(files_.entry(entry));
    in_file_ = files_.current_file() >= 0 && entry.stored_bytes > 0;
    if (!in_file_) return {};
    struct stat info {};
    if (::fstat(files_.current_file(), &info) != 0)
        return base::errno_error(errno, "stat " + entry.path);
    file_record_.inode = info.st_ino;
    file_record_.path = files_.current_path();
    file_record_.stored = entry.stored_bytes;
    file_record_.sparse = entry.sparse;
    file_record_.parts = entry.parts;
    hash_.begin();
    return {};
}

Status SkeletonWriter::content(std::uint64_t offset, std::string_view bytes) {
    if (!in_file_) return raw(bytes);  // of an entry that makes no file
    hash_.update(bytes);
    return files_.content(offset, bytes);
}

Status SkeletonWriter::entry_end() {
    TRY_DO(files_.entry_end());
    if (!in_file_) return {};
    in_file_ = false;
    TRY_DO(put_raw());
    file_record_.hash = hash_.value();
    codec::skeleton::append_file(records_, file_record_);
    return flush(false);
}

Status SkeletonWriter::raw(std::string_view bytes) {
    if (raw_.size() + bytes.size() > codec::skeleton::raw_bytes_max) TRY_DO(put_raw());
    if (bytes.size() > codec::skeleton::raw_bytes_max) {
        codec::skeleton::append_raw(records_, bytes);
        return flush(false);
    }
    raw_ += bytes;
    return {};
}

Status SkeletonWriter::put_raw() {
    codec::skeleton::append_raw(records_, raw_);
    raw_.clear();
    return flush(false);
}

Status SkeletonWriter::flush(bool last) {
    if (!last && records_.size() < records_flush_bytes) return {};
    if (!context_) {
        context_.reset(ZSTD_createCCtx());
        if (!context_) return Error(Kind::internal, "out of memory for zstd");
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, zstd_level);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, zstd_window_log);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
        packed_ = std::make_unique<char[]>(packed_capacity);
        TRY(file_,
            sys::open_at(staging_, skeleton_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    }
    ZSTD_inBuffer input{records_.data(), records_.size(), 0};
    for (;;) {
        ZSTD_outBuffer output{packed_.get(), packed_capacity, 0};
        std::size_t left = ZSTD_compressStream2(context_.get(), &output, &input,
                                                last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0)
            return Error(Kind::internal,
                         fmt::format("pack the skeleton: {}", ZSTD_getErrorName(left)));
        TRY_DO(sys::write_all(file_, {packed_.get(), output.pos}, "skeleton"));
        if (last ? left == 0 : input.pos == input.size) break;
    }
    records_.clear();
    return {};
}

Status SkeletonWriter::finish(std::uint64_t tar_bytes) {
    TRY_DO(put_raw());
    codec::skeleton::append_end(records_, tar_bytes);
    TRY_DO(flush(true));
    file_.reset();
    context_.reset();
    return {};
}

}  // namespace store
