// The data root as a whole: its folders, its lock, and the parts that work in it. Everything in
// this room blocks: call it from a worker.
#pragma once

#include "base/error.h"
#include "store/database.h"
#include "store/folders.h"
#include "store/images.h"
#include "store/ingest.h"
#include "store/layer_blobs.h"
#include "store/layers.h"
#include "store/reserve.h"
#include "sys/fd.h"

#include <memory>
#include <string>

namespace store {

class Store {
public:
    // Makes the folders (mode 0710), takes the lock ("data root /x is in use by another engine"),
    // opens the database, sweeps what was under way when the last engine ended.
    static Result<std::unique_ptr<Store>> open(const std::string& data_root);

    const std::string& data_root() const { return data_root_; }
    Database& database() { return *database_; }
    Layers& layers() { return *layers_; }
    LayerBlobs& layer_blobs() { return *layer_blobs_; }
    Images& images() { return *images_; }
    Ingest& ingest() { return *ingest_; }
    Folders& folders() { return *folders_; }
    Reserve& reserve() { return *reserve_; }

private:
    Store() = default;
    std::string data_root_;
    Fd lock_;
    std::unique_ptr<Reserve> reserve_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<Layers> layers_;
    std::unique_ptr<LayerBlobs> layer_blobs_;
    std::unique_ptr<Images> images_;
    std::unique_ptr<Ingest> ingest_;
    std::unique_ptr<Folders> folders_;
};

}  // namespace store
