// Manifests and indexes as a registry sends them: untrusted, checked here once, so that the rest of
// a pull handles only documents that are what they say they are (security-cases R3, R5, T11).
#pragma once

#include "base/error.h"
#include "wire/registry.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace registry {

inline constexpr std::size_t index_entries_max = 2048;
inline constexpr unsigned index_depth_max = 4;  // an index in an index in ...

// What a request for a manifest accepts, best first, as one Accept value.
extern const std::string manifest_accept;

struct ImageManifest {
    std::string media_type;
    wire::oci::Descriptor config;
    std::vector<wire::oci::Descriptor> layers;  // bottom first; digests and sizes are valid
};
struct Index {
    std::string media_type;
    std::vector<wire::oci::Descriptor> manifests;  // digests and sizes are valid
};
using Manifest = std::variant<ImageManifest, Index>;

// "sha256:" and 64 lower-case hex digits: the only form of digest we take.
bool is_digest(std::string_view text);

// `content_type` is the reply's header, or the media type an index announced. Inside and outside
// must agree; schema 1, unknown types, documents with members of both kinds, bad digests and sizes
// are invalid, each by its own text.
Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type);

// The image config blob: parsed, with as many diff ids as the manifest has layers, each a digest.
Result<wire::oci::ImageConfig> parse_image_config(std::string_view bytes, std::size_t layers);

using wire::oci::Platform;

// What this machine runs ("linux", "amd64"; "arm" with variant "v7" ...).
Platform host_platform();
// "linux/arm/v7", "arm64", "linux/aarch64", "linux": as Docker's --platform reads it. invalid else.
Result<Platform> parse_platform(std::string_view text);
// "linux/arm/v7", "linux/amd64"
std::string platform_text(const Platform& platform);

// The entry of `index` to run on `wanted`, as Docker picks it: exact first, then what the machine
// runs besides (arm64: arm v8, v7, v6, v5; arm v7: v6, v5; amd64: 386), first of equals. missing
// when there is none ("no matching manifest for linux/arm64/v8 in the manifest list entries").
Result<const wire::oci::Descriptor*> choose(const Index& index, const Platform& wanted);
// Whether an image of `actual` satisfies a request for `wanted`.
bool platform_fits(const Platform& wanted, const Platform& actual);

}  // namespace registry
