// Which bytes of a zstd:chunked layer are to be fetched when this host has some of its files.
#pragma once

#include "base/error.h"
#include "codec/chunked.h"
#include "store/assembly.h"
#include "store/layers.h"

#include <memory>
#include <optional>
#include <string>

namespace store {

// What lies closer together is fetched in one request: asking again costs more than this.
inline constexpr std::uint64_t partial_gap_bytes_max = 128 * 1024;
// Requests for one layer.
inline constexpr std::size_t partial_spans_max = 64;
// Smaller ones come whole before the question is answered.
inline constexpr std::uint64_t partial_blob_bytes_min = 128 * 1024;

// The bytes of the blob that plan_partial wants: TOC and tar-split, which stand together. Nothing
// when they do not.
std::optional<codec::chunked::Span> tables_of(const codec::chunked::Layout& layout);

// `tables` are these bytes. Null when the whole layer is nearly as little; an error when the tables
// are not what they should be: the layer is to be fetched whole then, too.
Result<std::unique_ptr<Assembly>> plan_partial(const Layers& layers, codec::chunked::Layout layout,
                                               std::string tables, std::uint64_t blob_bytes,
                                               UnpackLimits limits = {});

// For the layer in `folder`, which came by that plan, or whole with these bytes in its blob.
Status write_contents(const Fd& folder, const codec::chunked::Layout& layout,
                      std::string_view packed_toc, std::uint64_t blob_bytes);

}  // namespace store
