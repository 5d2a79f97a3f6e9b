// Fuzz target: manifest, index and image config documents.
#include "registry/manifest.h"

#include <cassert>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (std::string_view type : {"", "application/vnd.oci.image.manifest.v1+json",
                                  "application/vnd.docker.distribution.manifest.list.v2+json"}) {
        auto parsed = registry::parse_manifest(text, type);
        if (!parsed) continue;
        if (auto* image = std::get_if<registry::ImageManifest>(&*parsed)) {
            assert(registry::is_digest(image->config.digest));
            for (const auto& layer : image->layers)
                assert(registry::is_digest(layer.digest) && layer.size >= 0);
        } else {
            auto found =
                registry::choose(std::get<registry::Index>(*parsed), registry::host_platform());
            assert(!found || registry::is_digest((*found)->digest));
        }
    }
    auto config = registry::parse_image_config(text, 1);
    assert(!config || registry::is_digest(config->rootfs.diff_ids[0]));
    return 0;
}
