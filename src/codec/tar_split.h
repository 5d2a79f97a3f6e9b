// tar-split, how podman keeps a tar without its files' contents: JSON lines that are either raw
// bytes of the tar or stand for the content of its next entry. Bytes -> values.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace codec::tar_split {

// Headers come in one piece: Go's reader takes a megabyte of them.
inline constexpr std::size_t line_bytes_max = 4 * 1024 * 1024;

struct Record {
    bool content = false;    // of an entry (each has one, also folders and links), else raw bytes
    std::uint64_t size = 0;  // of the content
    std::string raw;
};

// Takes the next line off `bytes`; false when it is not all there yet. invalid for what is no
// record, and for a line that is too long.
Result<bool> next(std::string_view& bytes, Record& record);

}  // namespace codec::tar_split
