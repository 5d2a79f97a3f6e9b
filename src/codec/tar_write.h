// Writing tar archives: the headers that stand before each entry's content, what pads the content,
// and the end. ustar where it can hold the entry, PAX records before it where it cannot.
#pragma once

#include "base/error.h"
#include "codec/tar.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace codec::tar {

// Everything that goes before the entry's content: one block, or PAX records and one block. Uses
// all of Entry but what concerns sparse files; `size` is the number of bytes that follow, and 0 for
// all but files. A folder's path gets its final slash. Times are written with their fraction.
// Invalid for what tar cannot say: an empty path, NUL in a text, records beyond
// extension_bytes_max, devices beyond 7 octal digits.
Result<std::string> header(const Entry& entry);

// Zero bytes that follow content of `size` bytes.
inline constexpr std::size_t padding_bytes(std::uint64_t size) {
    return static_cast<std::size_t>((block_bytes - size % block_bytes) % block_bytes);
}

// Zero bytes at the end of an archive.
inline constexpr std::size_t end_bytes = 2 * block_bytes;

}  // namespace codec::tar
