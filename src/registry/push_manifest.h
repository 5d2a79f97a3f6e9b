// The manifest that is pushed: the very one the image came with where that still holds, else a new
// one in its manner. Pure.
#pragma once

#include "registry/manifest.h"

#include <string>
#include <string_view>
#include <vector>

namespace registry {

struct ManifestToPush {
    std::string media_type, bytes;
};

// The manifest an image was pulled by; nothing for "" or what is none.
std::optional<ImageManifest> read_original(std::string_view original);

// `original`: that manifest's bytes, or "". `layers`: the blobs as they are at the registry, bottom
// first, media types empty where they are not known.
ManifestToPush make_manifest(std::string_view original, const std::string& config_digest,
                             std::size_t config_size, std::vector<wire::oci::Descriptor> layers);

// Of a blob compressed here: Docker's name for it, which zstd has none of.
std::string layer_media_type(bool zstd);

// A layer that may not be given on: it stays where its manifest says it is.
bool is_foreign(const wire::oci::Descriptor& layer);

}  // namespace registry
