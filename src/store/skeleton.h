// The tar skeleton of a layer: everything of its tar but the contents of its files, in order,
// zstd-compressed. With the files it rebuilds the very same tar, byte for byte.
#pragma once

#include "base/error.h"
#include "codec/tar.h"
#include "sys/fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_CCtx_s;

namespace store {

// A skeleton is a sequence of records (numbers are LEB128):
//   'R' length bytes                      bytes of the tar as they are
//   'F' path parts (offset length)*       contents of diff/<path>, those runs of it
//   'M' number path                       the file or folder at <path> was replaced by a later
//   entry
//                                         and lies in replaced/<number> now
//   'E' tar size                          the end
class SkeletonWriter {
public:
    // Creates `name` in `folder`.
    static Result<SkeletonWriter> create(const Fd& folder, const std::string& name);
    Status raw(std::string_view bytes);
    Status file(std::string_view path, const std::vector<codec::tar::Part>& parts);
    Status moved(std::uint64_t number, std::string_view path);
    Status finish(std::uint64_t tar_size);

private:
    struct Free {
        void operator()(ZSTD_CCtx_s* context) const;
    };
    explicit SkeletonWriter(Fd file);
    Status put(std::string_view bytes);
    Status flush_raw();
    Status compress(bool last);

    Fd file_;
    std::unique_ptr<ZSTD_CCtx_s, Free> context_;
    std::string raw_;    // raw bytes not yet made a record
    std::string plain_;  // records not yet compressed
    std::string packed_;
};

// One record; views are valid until the next one is read.
struct SkeletonRecord {
    char kind = 0;
    std::string_view bytes;  // 'R'
    std::string path;        // 'F', 'M'
    std::vector<codec::tar::Part> parts;
    std::uint64_t number = 0;  // 'M': number, 'E': tar size
};

// Pulls records out of a skeleton's bytes; damaged input is an error, never more. Pure: `read`
// fills a buffer and returns 0 at the end.
class SkeletonReader {
public:
    using Read = std::function<Result<std::size_t>(char* to, std::size_t capacity)>;
    explicit SkeletonReader(Read read);
    ~SkeletonReader();
    // 'E' is the last record.
    Result<SkeletonRecord> next();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// Rebuilds the tar of the layer in `folder` (the one with diff/ and skeleton), in order, to
// `output`. A file that is missing, short or changed in size is an error; the caller checks the
// diff id.
Status rebuild_tar(const Fd& folder, const std::function<Status(std::string_view)>& output);

}  // namespace store
