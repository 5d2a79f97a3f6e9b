// A layer's tar, byte for byte as it came in: from its folder and its skeleton. For save, push and
// `system check`. Blocking: one thread at a time, a worker (loop::WorkerSource carries it to the
// loop).
#pragma once

#include "base/error.h"
#include "codec/skeleton.h"
#include "store/sha256.h"
#include "sys/fd.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace store {

class Layers;

class LayerTar {
public:
    // unsupported for a layer from before there were skeletons, missing for no such layer.
    static Result<LayerTar> open(const Layers& layers, std::string_view diff_id);
    // `layer` is the folder that holds diff/ and skeleton.
    static Result<LayerTar> open(Fd layer, std::string diff_id);
    LayerTar(LayerTar&&) noexcept;
    LayerTar& operator=(LayerTar&&) noexcept;
    ~LayerTar();

    // The next bytes, as many as fit unless the end comes; 0 is the end, which is only told when
    // all bytes hash to the diff id. An error (a damaged file, skeleton or hash) names the layer
    // and the file; after it every call repeats it.
    Result<std::size_t> read(char* out, std::size_t capacity);
    std::uint64_t done_bytes() const;

    // For `system check`: goes on over damaged files (with zeros in their place) and collects their
    // paths here; the end is then told without comparing with the diff id when there were any.
    void collect_damaged();
    const std::vector<std::string>& damaged() const;

private:
    struct Parts;
    explicit LayerTar(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

// Reads the whole layer: the paths of its files that are damaged (empty: the layer is what its diff
// id says). An error when the skeleton or what is not a file is damaged, or stop was requested.
Result<std::vector<std::string>> damaged_files(const Layers& layers, std::string_view diff_id,
                                               const std::atomic<bool>* stop = nullptr);

}  // namespace store
