// The way out of the layer store: a layer's tar as gzip or zstd. The same input gives the same
// bytes, so that a push that broke can produce its body again from any byte on.
#pragma once

#include "base/error.h"

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace store {

enum class Packing { gzip, zstd };
// "gzip", "zstd"; nothing for anything else.
std::optional<Packing> parse_packing(std::string_view name);

class Compressor {
public:
    // Gets pieces of at most 64 KiB as they are ready.
    using Sink = std::function<Status(std::string_view)>;

    virtual ~Compressor() = default;
    virtual Status feed(std::string_view bytes, const Sink& sink) = 0;
    // The rest and the trailer; once, at the end.
    virtual Status finish(const Sink& sink) = 0;

    static Result<std::unique_ptr<Compressor>> create(Packing kind);
};

}  // namespace store
