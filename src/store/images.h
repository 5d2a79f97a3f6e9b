// Images on disk: configs and manifests as files images/<hex>.json, read back only if their digest
// still fits, and one durable record per image.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "store/database.h"
#include "store/reserve.h"
#include "sys/fd.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace store {

struct Image {
    std::string id;                 // digest of the config blob: Docker's image id
    std::string manifest;           // digest of the manifest blob; empty for built or loaded images
    std::vector<std::string> tags;  // "docker.io/library/centos:latest"
    std::vector<std::string> digests;   // "docker.io/library/centos@sha256:..."
    std::vector<std::string> diff_ids;  // bottom first
    std::uint64_t size = 0;             // of all layers
    Time created;                       // as the config says
    Time tagged;                        // Docker's LastTagTime
    std::string parent;  // the image it was committed from; empty for what was pulled
};

class Images {
public:
    static Result<std::unique_ptr<Images>> open(const std::string& data_root, Database& database,
                                                Reserve& reserve);

    // Blobs: config, manifest, index documents. Durable when it returns; already there is fine.
    // `bytes` must hash to `digest` (checked).
    Status write_blob(std::string_view digest, std::string_view bytes);
    // Verified against the digest; missing if it is not there.
    Result<std::string> read_blob(std::string_view digest, std::size_t bytes_max) const;
    Status remove_blob(std::string_view digest);

    Status put(const Image& image);
    Status remove(std::string_view id);
    Result<std::vector<Image>> list() const;
    // Removes blobs that no image record names.
    Status sweep();

private:
    Images(Database& database, Reserve& reserve, Fd folder)
        : database_(database), reserve_(reserve), folder_(std::move(folder)) {}
    Database& database_;
    Reserve& reserve_;
    Fd folder_;
};

}  // namespace store
