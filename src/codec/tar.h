// Reading tar archives as a stream: ustar, star, GNU and PAX headers, long names, extended
// attributes and all sparse forms. Bytes are pushed in, entries come out; nothing here touches
// files.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codec::tar {

inline constexpr std::size_t block_bytes = 512;
// Extended headers, GNU long names and PAX sparse maps are held in memory: Go's reader has the same
// bound (and CVE-2025-58183 is what happens without it).
inline constexpr std::size_t extension_bytes_max = 1024 * 1024;
inline constexpr std::size_t sparse_parts_max = 128 * 1024;
inline constexpr std::size_t path_bytes_max = 4095;      // PATH_MAX without its NUL
inline constexpr std::size_t component_bytes_max = 255;  // NAME_MAX

enum class Type { file, hard_link, symlink, char_device, block_device, folder, fifo };

struct Moment {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

// A run of stored bytes of a sparse file; what lies between runs is a hole.
struct Part {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

struct Entry {
    Type type = Type::file;
    std::string path;                // as written in the archive; clean_path() makes it safe
    std::string link;                // target of a hard link or symlink
    std::uint64_t size = 0;          // of the file, holes included; 0 for everything else
    std::uint64_t stored_bytes = 0;  // of it in the archive
    std::uint32_t mode = 0;          // permission bits with set-id and sticky, 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    Moment modified;
    std::vector<std::pair<std::string, std::string>> xattrs;  // SCHILY.xattr.*, prefix removed
    bool sparse = false;
    std::vector<Part> parts;  // ascending, not overlapping, within size; set when sparse
};

// What a reader reports, in the archive's order: every byte fed is reported once, either as raw()
// (headers, padding, trailer, extension data, sparse maps) or as content().
class Sink {
public:
    virtual Status entry(const Entry& entry) = 0;
    // Bytes of the last entry's file from `offset` on, which ascends.
    virtual Status content(std::uint64_t offset, std::string_view bytes) = 0;
    // The last entry's content is complete (called for every entry).
    virtual Status entry_end() = 0;
    virtual Status raw(std::string_view bytes) = 0;

protected:
    ~Sink() = default;
};

class Reader {
public:
    explicit Reader(Sink& sink) : sink_(&sink) {}

    // The archive's next bytes, cut anywhere. After an error the reader must not be fed again.
    Status feed(std::string_view bytes);
    // The stream has ended: an error inside an entry or header. Some writers leave out the
    // end-of-archive blocks; ended() tells.
    Status finish();
    // The two zero blocks were seen. What follows them is reported as raw() and otherwise ignored.
    bool ended() const { return state_ == State::after_end; }

private:
    enum class State { header, extension, sparse_old, sparse_map, content, padding, after_end };
    enum class Extension { pax, pax_global, gnu_name, gnu_link };

    // What PAX and GNU extensions said about the entry that follows.
    struct Pending {
        bool any = false;
        std::string path, link;
        bool has_path = false, has_link = false, has_size = false, has_uid = false, has_gid = false,
             has_modified = false;
        std::uint64_t size = 0;
        std::uint32_t uid = 0, gid = 0;
        Moment modified;
        std::vector<std::pair<std::string, std::string>> xattrs;
        // GNU.sparse.*: version by which the map is written.
        int sparse_major = -1, sparse_minor = -1;
        bool has_sparse_size = false, has_sparse_name = false;
        std::uint64_t sparse_size = 0;
        std::string sparse_name;
        std::vector<std::uint64_t> sparse_numbers;  // offset, size, offset, size...
    };

    // Numbers of a PAX 1.0 sparse map, which stands in front of the content.
    struct MapReader {
        std::uint64_t value = 0;
        bool digits = false;
        bool has_count = false;
        std::uint64_t wanted = 0;  // numbers still to come
    };

    Status take_block(std::string_view block);
    Status take_header(std::string_view block);
    Status take_special(char type, std::uint64_t size);
    Status end_extension();
    Status take_pax(std::string_view records);
    Status take_pax_record(std::string_view key, std::string_view value);
    Status take_pax_sparse(std::string_view key, std::string_view value);
    Status apply_pending(std::uint64_t& stored_bytes);
    Status take_old_sparse(std::string_view block, std::size_t at, int count);
    Status take_sparse_map(std::string_view block);
    Status begin_content();
    Status make_parts();
    Status end_content();
    Status feed_content(std::string_view& bytes);
    Status feed_extension(std::string_view& bytes);

    Sink* sink_;
    State state_ = State::header;
    char block_[block_bytes];
    std::size_t block_filled_ = 0;
    bool zero_block_seen_ = false;

    Extension extension_kind_ = Extension::pax;
    std::string extension_;
    std::uint64_t left_ = 0;     // bytes of the extension or content still to come
    std::uint64_t padding_ = 0;  // up to the next block

    Pending pending_;
    Entry entry_;
    MapReader map_;
    std::size_t part_ = 0;  // where the content is
    std::uint64_t part_done_ = 0;
    std::uint64_t offset_ = 0;
};

// "./a//b/../c" -> "a/c"; the root is "". Refuses what would leave the root, NUL, and names no
// Linux file system takes (component_bytes_max, path_bytes_max).
Result<std::string> clean_path(std::string_view path);

}  // namespace codec::tar
