// A tar put together while it is read: documents from memory, layers from their folders, byte for
// byte as they came. For save. Blocking: one thread at a time, a worker.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "store/layer_tar.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace store {

class ArchiveStream {
public:
    // `layers` outlives it. The layers named must not be removed meanwhile.
    explicit ArchiveStream(const Layers& layers) : layers_(&layers) {}

    // In the order of the archive.
    void add_folder(std::string path);
    void add_document(std::string path, std::string text);
    // The layer's tar as one file.
    void add_layer(std::string path, std::string diff_id, std::uint64_t tar_bytes);

    // The next bytes; 0 is the end. An error of a layer names it.
    Result<std::size_t> read(char* out, std::size_t capacity);

private:
    struct Item {
        std::string path, text, diff_id;
        std::uint64_t bytes = 0;
        bool folder = false;
    };
    Status begin_item();
    Result<std::size_t> read_layer(char* out, std::size_t capacity);

    const Layers* layers_;
    std::deque<Item> items_;
    std::string ready_;  // bytes to be handed out first
    std::size_t ready_done_ = 0;
    std::optional<LayerTar> layer_;
    std::uint64_t left_ = 0;  // of the layer
    bool ended_ = false;
};

}  // namespace store
