#include "store/layer_tar.h"

#include "store/layers.h"
#include "store/skeleton.h"
#include "sys/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <zstd.h>

namespace store {

namespace {

namespace skeleton = codec::skeleton;

constexpr std::size_t packed_bytes = 32 * 1024;
constexpr std::size_t plain_bytes = 64 * 1024;
// Our own files: what claims a larger window is not one of ours.
constexpr int window_log_max = 20;

}  // namespace

struct LayerTar::Parts {
    Parts(std::string wanted, Fd diff_folder, Fd kept_folder, Fd skeleton_file)
        : diff_id(std::move(wanted)), diff(std::move(diff_folder)), kept(std::move(kept_folder)),
          file(std::move(skeleton_file)), context(ZSTD_createDCtx(), ZSTD_freeDCtx),
          packed(std::make_unique<char[]>(packed_bytes)) {
        if (context) ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
    }

    Error damaged(std::string_view what) const {
        return Error(Kind::internal, fmt::format("layer {} is damaged: {}", diff_id, what));
    }

    Status list_kept() {
        if (!kept) return {};
        TRY(std::vector<std::string> names, sys::list_names(kept));
        for (const std::string& name : names) {
            std::uint64_t inode = 0;
            auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), inode);
            if (error == std::errc() && end == name.data() + name.size()) kept_inodes.insert(inode);
        }
        return {};
    }

    // More of the skeleton behind what is not parsed yet.
    Status more_records() {
        if (!context) return Error(Kind::internal, "out of memory for zstd");
        plain.erase(0, parsed);
        parsed = 0;
        std::size_t before = plain.size();
        plain.resize(before + plain_bytes);
        ZSTD_outBuffer output{plain.data(), plain.size(), before};
        while (output.pos == before) {
            if (input.pos == input.size) {
                ssize_t got = ::read(file.get(), packed.get(), packed_bytes);
                if (got < 0 && errno == EINTR) continue;
                if (got < 0) return base::errno_error(errno, "read the skeleton of " + diff_id);
                if (got == 0) return damaged("its skeleton ends too early");
                input = {packed.get(), static_cast<std::size_t>(got), 0};
            }
            std::size_t hint = ZSTD_decompressStream(context.get(), &output, &input);
            if (ZSTD_isError(hint) != 0)
                return damaged(fmt::format("its skeleton: {}", ZSTD_getErrorName(hint)));
        }
        plain.resize(output.pos);
        return {};
    }

    Status next_record() {
        for (;;) {
            std::string_view rest = std::string_view(plain).substr(parsed);
            std::size_t before = rest.size();
            auto there = skeleton::next(rest, record);
            if (!there) return damaged(there.error().message());
            if (*there) {
                parsed += before - rest.size();
                break;
            }
            TRY_DO(more_records());
        }
        if ((record.kind == skeleton::Kind::begin) == begun)
            return damaged("its skeleton begins wrongly");
        begun = true;
        if (record.kind == skeleton::Kind::begin && record.number != skeleton::version)
            return Error(Kind::unsupported, fmt::format("the skeleton of layer {} is of version {}",
                                                        diff_id, record.number));
        raw = record.raw;
        if (record.kind == skeleton::Kind::file) return open_content();
        if (record.kind == skeleton::Kind::end) return finish();
        return {};
    }

    Status open_content() {
        left = record.stored;
        part = 0;
        part_done = 0;
        content_hash.begin();
        content_bad = false;
        Result<Fd> opened = kept_inodes.contains(record.inode)
                                ? sys::open_at(kept, fmt::format("{}", record.inode),
                                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
                                : sys::open_beneath(diff, record.path, O_RDONLY | O_NONBLOCK);
        if (!opened) {
            content.reset();
            if (!collecting) return opened.error().context(damaged(record.path).message());
            content_bad = true;
        } else {
            content = std::move(*opened);
        }
        return {};
    }

    // Some of the current file's stored bytes.
    Result<std::size_t> read_content(char* out, std::size_t capacity) {
        std::uint64_t offset = record.stored - left;
        std::uint64_t wanted = std::min<std::uint64_t>(left, capacity);
        if (record.sparse) {
            const codec::tar::Part& now = record.parts[part];
            wanted = std::min(wanted, now.size - part_done);
            offset = now.offset + part_done;
        }
        ssize_t got = -1;
        if (content) {
            do
                got = ::pread(content.get(), out, wanted, static_cast<off_t>(offset));
            while (got < 0 && errno == EINTR);
        }
        if (got <= 0) {
            if (!collecting)
                return got == 0 ? damaged(fmt::format("file {} is too short", record.path))
                                : base::errno_error(errno, fmt::format("layer {}: read {}", diff_id,
                                                                       record.path));
            content_bad = true;
            std::memset(out, 0, wanted);
            got = static_cast<ssize_t>(wanted);
        }
        auto done = static_cast<std::size_t>(got);
        content_hash.update({out, done});
        left -= done;
        part_done += done;
        if (record.sparse && part_done == record.parts[part].size) {
            ++part;
            part_done = 0;
        }
        if (left == 0) TRY_DO(end_content());
        return done;
    }

    Status end_content() {
        if (!content_bad && content_hash.value() == record.hash) return {};
        if (!collecting) return damaged(fmt::format("file {} is not what it was", record.path));
        bad_files.push_back(record.path);
        return {};
    }

    Status finish() {
        ended = true;
        content.reset();
        if (record.number != done)
            return damaged(fmt::format("its tar has {} bytes instead of {}", done, record.number));
        if (!bad_files.empty()) return {};
        std::string found = hash.digest();
        if (found != diff_id) return damaged(fmt::format("its tar is {}", found));
        return {};
    }

    Result<std::size_t> read(char* out, std::size_t capacity) {
        std::size_t filled = 0;
        while (filled < capacity && !ended) {
            if (left > 0) {
                TRY(std::size_t got, read_content(out + filled, capacity - filled));
                note(out + filled, got);
                filled += got;
            } else if (!raw.empty()) {
                std::size_t got = std::min(raw.size(), capacity - filled);
                std::memcpy(out + filled, raw.data(), got);
                raw.remove_prefix(got);
                note(out + filled, got);
                filled += got;
            } else {
                TRY_DO(next_record());
            }
        }
        return filled;
    }
    void note(const char* bytes, std::size_t size) {
        hash.update({bytes, size});
        done += size;
    }

    std::string diff_id;
    Fd diff, kept, file, content;
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context;
    std::unique_ptr<char[]> packed;
    ZSTD_inBuffer input{nullptr, 0, 0};
    std::string plain;       // decompressed records
    std::size_t parsed = 0;  // of them
    std::set<std::uint64_t> kept_inodes;
    skeleton::Record record;
    std::string_view raw;    // what is left of a raw record, in `plain`
    std::uint64_t left = 0;  // of a file's content
    std::size_t part = 0;
    std::uint64_t part_done = 0;
    ContentHash content_hash;
    Sha256 hash;
    std::uint64_t done = 0;
    bool begun = false, ended = false, collecting = false, content_bad = false;
    std::vector<std::string> bad_files;
    std::optional<Error> failed;
};

LayerTar::LayerTar(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
LayerTar::LayerTar(LayerTar&&) noexcept = default;
LayerTar& LayerTar::operator=(LayerTar&&) noexcept = default;
LayerTar::~LayerTar() = default;

Result<LayerTar> LayerTar::open(Fd layer, std::string diff_id) {
    auto file = sys::open_at(layer, skeleton_name, O_RDONLY | O_NOFOLLOW);
    if (!file && ::faccessat(layer.get(), "diff", F_OK, 0) == 0)
        return Error(Kind::unsupported,
                     fmt::format("layer {} was unpacked by an older version of this engine, which "
                                 "kept no skeleton of its tar: remove its images and pull them "
                                 "again",
                                 diff_id));
    if (!file) return file.error();
    TRY(Fd diff, sys::open_at(layer, "diff", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    Fd kept(::openat(layer.get(), "kept", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    auto parts = std::make_unique<Parts>(std::move(diff_id), std::move(diff), std::move(kept),
                                         std::move(*file));
    TRY_DO(parts->list_kept());
    return LayerTar(std::move(parts));
}

Result<LayerTar> LayerTar::open(const Layers& layers, std::string_view diff_id) {
    auto layer = layers.find(diff_id);
    if (!layer) return Error(Kind::missing, fmt::format("No such layer: {}", diff_id));
    TRY(Fd diff, sys::open_folder(layers.diff_path(layer->id)));
    TRY(Fd folder, sys::open_at(diff, "..", O_RDONLY | O_DIRECTORY));
    return open(std::move(folder), std::string(diff_id));
}

Result<std::size_t> LayerTar::read(char* out, std::size_t capacity) {
    if (parts_->failed) return *parts_->failed;
    auto got = parts_->read(out, capacity);
    if (!got) parts_->failed = got.error();
    return got;
}

std::uint64_t LayerTar::done_bytes() const {
    return parts_->done;
}

void LayerTar::collect_damaged() {
    parts_->collecting = true;
}

const std::vector<std::string>& LayerTar::damaged() const {
    return parts_->bad_files;
}

Result<std::vector<std::string>> damaged_files(const Layers& layers, std::string_view diff_id,
                                               const std::atomic<bool>* stop) {
    TRY(LayerTar tar, LayerTar::open(layers, diff_id));
    tar.collect_damaged();
    constexpr std::size_t buffer_bytes = 64 * 1024;
    auto buffer = std::make_unique<char[]>(buffer_bytes);
    for (;;) {
        if (stop != nullptr && stop->load(std::memory_order_relaxed))
            return Error(Kind::cancelled, "cancelled");
        TRY(std::size_t got, tar.read(buffer.get(), buffer_bytes));
        if (got == 0) return tar.damaged();
    }
}

}  // namespace store
