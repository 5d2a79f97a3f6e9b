#include "registry/push_manifest.h"

#include "codec/json.h"

#include <algorithm>

namespace registry {

using wire::oci::Descriptor;

namespace {

constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";

// A layer's media type in the other manner. Docker's own has no zstd; an uncompressed layer is
// known as one only by its type.
std::string in_manner(const std::string& type, bool oci) {
    if (type.find("foreign") != type.npos || type.find("nondistributable") != type.npos)
        return type;
    if (type.ends_with("zstd")) return std::string(oci_layer) + "+zstd";
    if (type.ends_with(".tar")) return std::string(oci ? oci_layer : docker_layer);
    return oci ? std::string(oci_layer) + "+gzip" : std::string(docker_layer) + ".gzip";
}

}  // namespace

std::optional<ImageManifest> read_original(std::string_view original) {
    if (original.empty()) return std::nullopt;
    auto manifest = parse_manifest(original, "");
    if (!manifest) return std::nullopt;
    auto* image = std::get_if<ImageManifest>(&*manifest);
    return image ? std::optional(std::move(*image)) : std::nullopt;
}

std::string layer_media_type(bool zstd) {
    return zstd ? std::string(oci_layer) + "+zstd" : std::string(docker_layer) + ".gzip";
}

bool is_foreign(const Descriptor& layer) {
    return !layer.urls.empty() && (layer.media_type.find("foreign") != std::string::npos ||
                                   layer.media_type.find("nondistributable") != std::string::npos);
}

ManifestToPush make_manifest(std::string_view original, const std::string& config_digest,
                             std::size_t config_size, std::vector<Descriptor> layers) {
    std::optional<ImageManifest> old = read_original(original);
    if (old && old->config.digest == config_digest &&
        std::ranges::equal(old->layers, layers, {}, &Descriptor::digest, &Descriptor::digest))
        return {old->media_type, std::string(original)};
    bool oci = (old && old->media_type == oci_manifest) ||
               std::ranges::any_of(layers, [](const Descriptor& layer) {
                   return layer.media_type.ends_with("zstd");
               });
    wire::oci::Manifest made;
    made.schema_version = 2;
    made.media_type = oci ? oci_manifest : docker_manifest;
    made.config.emplace();
    made.config->media_type = oci ? oci_config : docker_config;
    made.config->digest = config_digest;
    made.config->size = static_cast<std::int64_t>(config_size);
    for (Descriptor& layer : layers) {
        layer.media_type = in_manner(layer.media_type, oci);
        // What was said of this very blob (where a foreign one is, zstd:chunked's table) holds.
        if (old)
            for (const Descriptor& before : old->layers)
                if (before.digest == layer.digest) {
                    layer.annotations = before.annotations;
                    layer.urls = before.urls;
                }
    }
    made.layers = std::move(layers);
    return {made.media_type, json::write(made)};
}

}  // namespace registry
