// What is in a layer's files, by SHA-256: layers/<id>/contents, made from the table of contents of
// a layer that came as zstd:chunked. A later pull takes from here what it need not fetch. It is a
// hint: whoever copies hashes what he copies. It comes and goes with its layer.
#pragma once

#include "base/error.h"
#include "codec/chunked.h"
#include "store/layers.h"
#include "sys/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace store {

inline constexpr const char* contents_name = "contents";
inline constexpr std::uint64_t contents_bytes_max = 32 * 1024 * 1024;  // of one layer's file
// The newest are looked at.
inline constexpr std::size_t contents_layers_max = 256;

// The table of contents out of its zstd frame. invalid when it is not what the layout says.
Result<codec::chunked::Toc> unpack_toc(const codec::chunked::Layout& layout,
                                       std::string_view packed, std::uint64_t blob_bytes);

// Writes the file into the folder of a layer under way. Not synced: that comes with the layer.
Status write_contents(const Fd& folder, const codec::chunked::Toc& toc);

// Some layer of this host has such a file.
bool any_contents(const Layers& layers);

// Where the bytes of a chunk lie on this host.
struct Place {
    static constexpr std::uint32_t nowhere = UINT32_MAX;
    std::uint32_t layer = nowhere;  // in Found::layers
    std::uint32_t path = 0;         // in Found::paths, which it begins there and ends with a NUL
    std::uint64_t offset = 0;
};
struct FoundLayer {
    std::string id;
    Fd diff;
};
struct Found {
    std::vector<FoundLayer> layers;
    std::string paths;
    std::vector<Place> places;  // of each chunk of the TOC

    std::string path_of(const Place& place) const { return paths.c_str() + place.path; }
};
// Files that match as a whole are preferred to single chunks.
Result<Found> find_contents(const Layers& layers, const codec::chunked::Toc& toc);

// The layer's file has lied: it helps nobody.
void drop_contents(const Layers& layers, std::string_view id);

}  // namespace store
