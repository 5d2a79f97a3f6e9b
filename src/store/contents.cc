#include "store/contents.h"

#include "codec/tar.h"
#include "store/inflate.h"
#include "store/sha256.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <sys/stat.h>
#include <zstd.h>

namespace store {

namespace {

using codec::chunked::Chunk;
using codec::chunked::Digest;
using codec::chunked::File;
using codec::chunked::Toc;

// The file: one Header, its records in the order of their digests, then the paths, each with a NUL
// behind it. Numbers are the host's: the file never leaves it.
constexpr char magic[8] = {'L', 'T', 'R', 'C', 'O', 'N', 'T', '1'};
struct Header {
    char magic[8];
    std::uint32_t records, path_bytes;
};
struct Stored {
    Digest digest;
    std::uint64_t offset, size;  // in the file
    std::uint32_t path, unused;
};
static_assert(sizeof(Header) == 16 && sizeof(Stored) == 56);

constexpr std::size_t records_at_once = 1024;

// What is looked for.
struct Want {
    Digest digest;
    std::uint64_t size = 0;
    std::uint32_t first = 0, chunks = 0;  // it is for these
    bool whole = false;                   // a file of several chunks
};

std::vector<Want> wants_of(const Toc& toc) {
    std::vector<Want> wants;
    for (const File& file : toc.files) {
        if (file.chunks > 1)
            wants.push_back({file.digest, file.size, file.first, file.chunks, true});
        for (std::uint32_t i = file.first; i < file.first + file.chunks; ++i)
            if (const Chunk& chunk = toc.chunks[i]; !chunk.zeros)
                wants.push_back({chunk.digest, chunk.size, i, 1, false});
    }
    std::ranges::sort(wants, {}, &Want::digest);
    return wants;
}

Status read_at(const Fd& file, void* into, std::size_t size, std::uint64_t offset) {
    for (auto* at = static_cast<char*>(into); size > 0;) {
        ssize_t got = ::pread(file.get(), at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read a layer's contents");
        if (got == 0) return Error(Kind::invalid, "a layer's contents are cut off");
        at += got;
        size -= static_cast<std::size_t>(got);
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

// One layer's file, read once from its begin to its end.
class Records {
public:
    static Result<Records> open(const Fd& layer) {
        Records records;
        TRY(records.file_, sys::open_at(layer, contents_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        struct stat info {};
        if (::fstat(records.file_.get(), &info) != 0)
            return base::errno_error(errno, "stat a layer's contents");
        Header& header = records.header_;
        TRY_DO(read_at(records.file_, &header, sizeof header, 0));
        std::uint64_t size = records.paths_at() + header.path_bytes;
        if (std::memcmp(header.magic, magic, sizeof magic) != 0 || size > contents_bytes_max ||
            static_cast<std::uint64_t>(info.st_size) != size)
            return Error(Kind::invalid, "a layer's contents are damaged");
        records.buffer_.resize(records_at_once);
        return records;
    }
    // Null at the end.
    Result<const Stored*> next() {
        if (at_ == filled_) {
            if (read_ == header_.records) return static_cast<const Stored*>(nullptr);
            filled_ = std::min<std::size_t>(records_at_once, header_.records - read_);
            TRY_DO(read_at(file_, buffer_.data(), filled_ * sizeof(Stored),
                           sizeof(Header) + read_ * sizeof(Stored)));
            read_ += filled_;
            at_ = 0;
        }
        return &buffer_[at_++];
    }
    Result<std::string> path(const Stored& record) const {
        if (record.path >= header_.path_bytes)
            return Error(Kind::invalid, "a layer's contents are damaged");
        std::string path(
            std::min<std::size_t>(codec::tar::path_bytes_max + 1, header_.path_bytes - record.path),
            '\0');
        TRY_DO(read_at(file_, path.data(), path.size(), paths_at() + record.path));
        path.resize(std::min(path.find('\0'), path.size()));
        return path;
    }

private:
    std::uint64_t paths_at() const {
        return sizeof(Header) + std::uint64_t{header_.records} * sizeof(Stored);
    }
    Fd file_;
    Header header_{};
    std::vector<Stored> buffer_;
    std::size_t at_ = 0, filled_ = 0, read_ = 0;
};

// Both lists are in order: one pass.
Status match(Records& records, const std::vector<Want>& wants, std::uint32_t layer,
             std::vector<bool>& found_whole, Found& found) {
    auto want = wants.begin();
    std::optional<Digest> done;
    for (;;) {
        TRY(const Stored* stored, records.next());
        if (!stored) return {};
        if (done == stored->digest) continue;  // the same content again is of no use
        done = stored->digest;
        while (want != wants.end() && want->digest < stored->digest)
            ++want;
        if (want == wants.end()) return {};
        std::optional<std::uint32_t> path;
        for (auto same = want; same != wants.end() && same->digest == stored->digest; ++same) {
            bool new_place = same->whole ? !found_whole[same->first]
                                         : found.places[same->first].layer == Place::nowhere;
            if (!new_place || same->size != stored->size) continue;
            if (!path) {
                TRY(std::string text, records.path(*stored));
                if (found.paths.size() + text.size() >= UINT32_MAX) return {};
                path = static_cast<std::uint32_t>(found.paths.size());
                found.paths.append(text).push_back('\0');
            }
            if (same->whole) found_whole[same->first] = true;
            for (std::uint32_t i = 0; i < same->chunks; ++i)
                found.places[same->first + i] = {layer, *path, stored->offset};
        }
    }
}

Result<Fd> layer_folder(const Layers& layers, std::string_view id) {
    TRY(Fd diff, sys::open_folder(layers.diff_path(id)));
    return sys::open_at(diff, "..", O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<Toc> unpack_toc(const codec::chunked::Layout& layout, std::string_view packed,
                       std::uint64_t blob_bytes) {
    if (sha256_digest(packed) != layout.toc_digest)
        return Error(Kind::invalid, "the table of contents is not what its checksum says");
    codec::chunked::TocReader reader(blob_bytes);
    std::uint64_t plain = 0;
    Inflater inflater([&](std::string_view bytes) -> Status {
        plain += bytes.size();
        if (plain > layout.toc.plain_bytes)
            return Error(Kind::invalid, "the table of contents is larger than announced");
        return reader.feed(bytes);
    });
    TRY_DO(inflater.feed(packed));
    TRY_DO(inflater.finish());
    return reader.finish();
}

Status write_contents(const Fd& folder, const Toc& toc) {
    std::vector<Stored> records;
    std::string paths;
    std::set<std::string_view> names;
    for (const File& file : toc.files) {
        if (file.size == 0) continue;
        // Which of them became the file is not told here.
        if (!names.insert(toc.name_of(file)).second)
            return Error(Kind::invalid, "the table of contents names a file twice");
        auto path = static_cast<std::uint32_t>(paths.size());
        paths.append(toc.name_of(file)).push_back('\0');
        records.push_back({file.digest, 0, file.size, path, 0});
        std::uint64_t offset = 0;
        for (std::uint32_t i = file.first; i < file.first + file.chunks; ++i) {
            const Chunk& chunk = toc.chunks[i];
            if (file.chunks > 1 && !chunk.zeros)
                records.push_back({chunk.digest, offset, chunk.size, path, 0});
            offset += chunk.size;
        }
    }
    std::ranges::sort(records, {}, &Stored::digest);
    Header header{
        {}, static_cast<std::uint32_t>(records.size()), static_cast<std::uint32_t>(paths.size())};
    std::memcpy(header.magic, magic, sizeof magic);
    std::size_t record_bytes = records.size() * sizeof(Stored);
    if (sizeof header + record_bytes + paths.size() > contents_bytes_max)
        return Error(Kind::too_large, "the layer has too many files for an index");
    TRY(Fd file,
        sys::open_at(folder, contents_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    auto bytes_of = [](const void* at, std::size_t size) {
        return std::string_view(static_cast<const char*>(at), size);
    };
    Status done = sys::write_all(file, bytes_of(&header, sizeof header), contents_name);
    if (done) done = sys::write_all(file, bytes_of(records.data(), record_bytes), contents_name);
    if (done) done = sys::write_all(file, paths, contents_name);
    if (!done) ::unlinkat(folder.get(), contents_name, 0);
    return done;
}

bool any_contents(const Layers& layers) {
    for (const Layer& layer : layers.list()) {
        auto folder = layer_folder(layers, layer.id);
        if (folder && ::faccessat(folder->get(), contents_name, F_OK, 0) == 0) return true;
    }
    return false;
}

Result<Found> find_contents(const Layers& layers, const Toc& toc) {
    Found found;
    found.places.resize(toc.chunks.size());
    std::vector<Want> wants = wants_of(toc);
    std::vector<bool> found_whole(toc.chunks.size());
    std::vector<Layer> all = layers.list();
    std::size_t looked_at = 0;
    for (auto layer = all.rbegin(); layer != all.rend() && looked_at < contents_layers_max;
         ++layer) {
        auto folder = layer_folder(layers, layer->id);
        if (!folder) continue;  // removed just now
        auto records = Records::open(*folder);
        if (!records) continue;
        ++looked_at;
        auto diff = sys::open_at(*folder, "diff", O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (!diff) continue;
        auto index = static_cast<std::uint32_t>(found.layers.size());
        found.layers.push_back({layer->id, std::move(*diff)});
        // What was found before a damage is as good as the rest: it is all verified.
        (void)match(*records, wants, index, found_whole, found);
    }
    // Each chunk stands behind the one before it.
    for (const codec::chunked::File& file : toc.files) {
        if (file.chunks < 2 || !found_whole[file.first]) continue;
        std::uint64_t offset = found.places[file.first].offset;
        for (std::uint32_t i = file.first; i < file.first + file.chunks; ++i) {
            found.places[i].offset = offset;
            offset += toc.chunks[i].size;
        }
    }
    return found;
}

void drop_contents(const Layers& layers, std::string_view id) {
    if (auto folder = layer_folder(layers, id)) ::unlinkat(folder->get(), contents_name, 0);
}

}  // namespace store
