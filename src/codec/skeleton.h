// The tar skeleton's records: all of a layer's tar but the contents of the files that are in its
// folder. Bytes <-> values; the file itself is one zstd frame of these records
// (store/skeleton.h writes it, store/layer_tar.h reads it).
#pragma once

#include "base/error.h"
#include "codec/tar.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace codec::skeleton {

inline constexpr std::uint64_t version = 1;
inline constexpr std::size_t raw_bytes_max = 64 * 1024;  // of one raw record
// A path and the largest sparse map; what claims to be longer is damaged.
inline constexpr std::size_t record_bytes_max = 3 * 1024 * 1024;

enum class Kind : std::uint8_t {
    begin = 1,  // first record: the version
    raw = 2,    // bytes as they stand in the tar
    file = 3,   // the content of a file of the layer's folder stands here
    end = 4,    // last record: the tar's size
};

struct Record {
    codec::skeleton::Kind kind = codec::skeleton::Kind::raw;
    std::uint64_t number = 0;  // begin: the version; end: the tar's size
    std::string_view raw;      // points into what was parsed
    // file:
    std::string path;          // clean, as below diff/
    std::uint64_t inode = 0;   // when it was written: finds it in kept/ when it was replaced later
    std::uint64_t stored = 0;  // bytes of it in the tar
    std::uint64_t hash = 0;    // XXH3-64 of those bytes
    bool sparse = false;
    std::vector<tar::Part> parts;  // of a sparse file: where the stored bytes belong
};

void append_begin(std::string& out);
// Any length: cut into records.
void append_raw(std::string& out, std::string_view bytes);
void append_file(std::string& out, const Record& record);
void append_end(std::string& out, std::uint64_t tar_bytes);

// Takes the next record off `bytes`; false when it is not all there yet. invalid for what no writer
// writes.
Result<bool> next(std::string_view& bytes, Record& record);

}  // namespace codec::skeleton
