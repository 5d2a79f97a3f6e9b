#include "registry/manifest.h"

#include "base/limits.h"
#include "base/text.h"
#include "codec/json.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sys/utsname.h>

namespace registry {
namespace {

using wire::oci::Descriptor;

constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";

bool is_image_type(std::string_view type) {
    return type == docker_manifest || type == oci_manifest;
}
bool is_index_type(std::string_view type) {
    return type == docker_list || type == oci_index;
}
bool is_schema1_type(std::string_view type) {
    return type == "application/vnd.docker.distribution.manifest.v1+json" ||
           type == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}
// Static file servers and old proxies know no better than these.
bool is_vague_type(std::string_view type) {
    return type.empty() || type == "application/json" || type == "application/octet-stream" ||
           type == "text/plain" || type == "binary/octet-stream";
}
bool is_layer_type(std::string_view type) {
    static constexpr std::string_view known[] = {
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    };
    return std::ranges::find(known, type) != std::end(known);
}
bool is_config_type(std::string_view type) {
    return type == "application/vnd.docker.container.image.v1+json" ||
           type == "application/vnd.oci.image.config.v1+json" ||
           // Very old Docker Hub images.
           type == "application/octet-stream";
}

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

// Untrusted text on its way into a message: printable and short.
std::string shown(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, 200))
        out += c >= 0x20 && c < 0x7f ? c : '?';
    return out;
}

// "Application/JSON; charset=utf-8" -> "application/json"
std::string essence(std::string_view content_type) {
    return base::lowered(base::trimmed(content_type.substr(0, content_type.find(';'))));
}

Error schema1_error() {
    return Error(
        Kind::unsupported,
        "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been "
        "removed. Suggest the author of the image to upgrade it to the OCI Format or Docker "
        "Image manifest v2, schema 2");
}

Status check_descriptor(const Descriptor& descriptor, std::string_view what,
                        std::int64_t size_max) {
    if (!is_digest(descriptor.digest))
        return bad(fmt::format("invalid digest in {}: \"{}\"", what, shown(descriptor.digest)));
    if (descriptor.size < 0) return bad(fmt::format("missing or negative size in {}", what));
    if (descriptor.size > size_max)
        return bad(fmt::format("{} of {} bytes is larger than the limit of {} bytes", what,
                               descriptor.size, size_max));
    return {};
}

// Which of the four known types this is, from the header and the member inside.
Result<std::string> agreed_type(const wire::oci::Manifest& document, const std::string& outside) {
    const std::string& inside = document.media_type;
    if (is_schema1_type(outside) || is_schema1_type(inside) || document.schema_version == 1 ||
        !document.fs_layers.text.empty())
        return schema1_error();
    if (document.schema_version != 2)
        return bad(fmt::format("unsupported manifest schema version {}", document.schema_version));
    bool vague = is_vague_type(outside);
    if (!inside.empty() && !vague && inside != outside)
        return bad(fmt::format("mediaType in manifest should be '{}' not '{}'", shown(outside),
                               shown(inside)));
    std::string type = vague ? inside : outside;
    if (type.empty()) {
        // No type anywhere: the OCI document its members make it (mixtures are refused later).
        if (document.layers) type = oci_manifest;
        if (document.manifests) type = oci_index;
    }
    if (!is_image_type(type) && !is_index_type(type))
        return bad(fmt::format("unsupported manifest media type: \"{}\"", shown(type)));
    return type;
}

Result<Manifest> to_image(wire::oci::Manifest document, std::string type) {
    if (document.manifests) return bad("image manifest must not have \"manifests\"");
    if (!document.config || !document.layers) return bad("image manifest without config or layers");
    ImageManifest out{std::move(type), std::move(*document.config), std::move(*document.layers)};
    if (!is_config_type(out.config.media_type))
        return Error(Kind::unsupported, fmt::format("unsupported image config media type: \"{}\"",
                                                    shown(out.config.media_type)));
    TRY_DO(check_descriptor(out.config, "image config", limits::image_config_bytes_max));
    if (out.layers.size() > limits::manifest_layers_max)
        return bad(fmt::format("image has {} layers, more than the limit of {}", out.layers.size(),
                               limits::manifest_layers_max));
    std::int64_t total = 0;
    for (const Descriptor& layer : out.layers) {
        if (!is_layer_type(layer.media_type))
            return Error(Kind::unsupported, fmt::format("unsupported layer media type: \"{}\"",
                                                        shown(layer.media_type)));
        TRY_DO(check_descriptor(layer, "layer", INT64_MAX));
        if (__builtin_add_overflow(total, layer.size, &total)) return bad("layer sizes overflow");
    }
    return Manifest(std::move(out));
}

Result<Manifest> to_index(wire::oci::Manifest document, std::string type) {
    if (document.layers || document.config)
        return bad("image index must not have \"layers\" or \"config\"");
    if (!document.manifests) return bad("image index without manifests");
    Index out{std::move(type), std::move(*document.manifests)};
    if (out.manifests.size() > index_entries_max)
        return bad(fmt::format("image index has {} entries, more than the limit of {}",
                               out.manifests.size(), index_entries_max));
    for (const Descriptor& entry : out.manifests)
        TRY_DO(check_descriptor(entry, "image index", limits::manifest_bytes_max));
    return Manifest(std::move(out));
}

struct Alias {
    std::string_view name, architecture, variant;
};
constexpr Alias aliases[] = {
    {"x86_64", "amd64", ""}, {"x86-64", "amd64", ""},  {"i386", "386", ""},
    {"i686", "386", ""},     {"aarch64", "arm64", ""}, {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},  {"armv5l", "arm", "v5"},  {"armv6l", "arm", "v6"},
    {"armv7l", "arm", "v7"}, {"armv8l", "arm", "v8"},  {"ppc64el", "ppc64le", ""},
};

// Variants that are the default are left away ("arm64/v8" and "arm64" are one, "arm" is v7).
Platform normal(Platform platform) {
    for (const Alias& alias : aliases)
        if (platform.architecture == alias.name) {
            platform.architecture = alias.architecture;
            if (platform.variant.empty()) platform.variant = alias.variant;
        }
    std::string& variant = platform.variant;
    if (!variant.empty() && variant.front() >= '1' && variant.front() <= '9')
        variant.insert(0, "v");
    if (platform.architecture == "arm64" && variant == "v8") variant.clear();
    if (platform.architecture == "amd64" && variant == "v1") variant.clear();
    if (platform.architecture == "arm" && variant.empty()) variant = "v7";
    return platform;
}

// What `wanted` runs, best first.
std::vector<Platform> runnable(const Platform& wanted) {
    Platform first = normal(wanted);
    std::vector<Platform> out{first};
    auto add = [&](std::string_view architecture, std::string_view variant) {
        Platform more = first;
        more.architecture = architecture;
        more.variant = variant;
        out.push_back(more);
    };
    static constexpr std::array<std::string_view, 4> arm{"v8", "v7", "v6", "v5"};
    if (first.architecture == "arm64") {
        if (!first.variant.empty()) add("arm64", "");
        for (std::string_view variant : arm)
            add("arm", variant);
    } else if (first.architecture == "arm") {
        for (std::string_view variant : arm)
            if (variant < first.variant) add("arm", variant);
    } else if (first.architecture == "amd64") {
        if (!first.variant.empty()) add("amd64", "");
        add("386", "");
    }
    return out;
}

bool same(const Platform& a, const Platform& b) {
    return a.os == b.os && a.architecture == b.architecture && a.variant == b.variant;
}

}  // namespace

const std::string manifest_accept = fmt::format("{}, {}, {}, {}, application/json;q=0.1", oci_index,
                                                docker_list, oci_manifest, docker_manifest);

bool is_digest(std::string_view text) {
    return text.size() == 71 && text.starts_with("sha256:") &&
           std::ranges::all_of(text.substr(7), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

Result<Manifest> parse_manifest(std::string_view bytes, std::string_view content_type) {
    if (bytes.size() > limits::manifest_bytes_max)
        return bad(fmt::format("manifest is larger than the limit of {} bytes",
                               limits::manifest_bytes_max));
    std::string outside = essence(content_type);
    if (is_schema1_type(outside)) return schema1_error();
    auto read = json::read<wire::oci::Manifest>(bytes, {.bytes_max = limits::manifest_bytes_max});
    if (!read) return std::move(read).error().context("manifest");
    TRY(std::string type, agreed_type(*read, outside));
    if (is_index_type(type)) return to_index(std::move(*read), std::move(type));
    return to_image(std::move(*read), std::move(type));
}

Result<wire::oci::ImageConfig> parse_image_config(std::string_view bytes, std::size_t layers) {
    auto read = json::read<wire::oci::ImageConfig>(bytes);
    if (!read) return std::move(read).error().context("image config");
    if (!read->os.empty() && read->os != "linux")
        return Error(Kind::invalid,
                     fmt::format("image operating system \"{}\" cannot be used on this platform",
                                 shown(read->os)));
    if (read->rootfs.type != "layers")
        return bad(fmt::format("unsupported rootfs type in image config: \"{}\"",
                               shown(read->rootfs.type)));
    if (read->rootfs.diff_ids.size() != layers)
        return bad(fmt::format("image config has {} diff ids, the manifest {} layers",
                               read->rootfs.diff_ids.size(), layers));
    for (const std::string& diff_id : read->rootfs.diff_ids)
        if (!is_digest(diff_id))
            return bad(fmt::format("invalid diff id in image config: \"{}\"", shown(diff_id)));
    return std::move(*read);
}

Platform host_platform() {
    utsname name{};
    uname(&name);
    Platform out{.architecture = name.machine, .os = "linux", .os_version = {}, .variant = {}};
    out = normal(std::move(out));
    // A 32-bit engine on a 64-bit kernel runs 32-bit images.
    if (sizeof(void*) == 4 && out.architecture == "arm64")
        out.architecture = "arm", out.variant = "v7";
    if (sizeof(void*) == 4 && out.architecture == "amd64") out.architecture = "386";
    return out;
}

Result<Platform> parse_platform(std::string_view text) {
    auto refuse = [&](std::string_view why) {
        return bad(fmt::format("\"{}\": {}: invalid argument", shown(text), why));
    };
    if (text.size() > 255) return refuse("platform specifier is too long");
    std::vector<std::string> parts(1);
    for (char c : text) {
        c = base::lower(c);
        if (c == '/') {
            parts.emplace_back();
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-') {
            parts.back() += c;
        } else {
            return refuse("is an invalid component of the platform specifier");
        }
    }
    if (parts.size() > 3 || std::ranges::any_of(parts, &std::string::empty))
        return refuse("cannot parse platform specifier");
    Platform out = host_platform();
    if (parts.size() == 1) {
        if (parts[0] == "linux") return out;
        static constexpr std::string_view known[] = {"386",     "amd64",    "arm",     "arm64",
                                                     "loong64", "mips64le", "ppc64le", "s390x",
                                                     "riscv64", "mips",     "mipsle"};
        bool alias =
            std::ranges::any_of(aliases, [&](const Alias& a) { return a.name == parts[0]; });
        if (!alias && std::ranges::find(known, parts[0]) == std::end(known))
            return refuse("unknown operating system or architecture");
        return normal(
            Platform{.architecture = parts[0], .os = "linux", .os_version = {}, .variant = {}});
    }
    out = Platform{.architecture = parts[1], .os = parts[0], .os_version = {}, .variant = {}};
    if (parts.size() == 3) out.variant = parts[2];
    return normal(std::move(out));
}

std::string platform_text(const Platform& platform) {
    std::string out = platform.os + "/" + platform.architecture;
    if (!platform.variant.empty()) out += "/" + platform.variant;
    // As containerd prints it: the normal form keeps v8 away, the message names it.
    if (platform.architecture == "arm64" && platform.variant.empty()) out += "/v8";
    return out;
}

bool platform_fits(const Platform& wanted, const Platform& actual) {
    Platform other = normal(actual);
    return std::ranges::any_of(runnable(wanted), [&](const Platform& p) { return same(p, other); });
}

Result<const wire::oci::Descriptor*> choose(const Index& index, const Platform& wanted) {
    auto usable = [](const Descriptor& entry) {
        return is_image_type(entry.media_type) || is_index_type(entry.media_type);
    };
    for (const Platform& candidate : runnable(wanted))
        for (const Descriptor& entry : index.manifests)
            if (usable(entry) && entry.platform && same(normal(*entry.platform), candidate))
                return &entry;
    // An entry that does not say fits any machine (indexes of indexes, single images).
    for (const Descriptor& entry : index.manifests)
        if (usable(entry) && (!entry.platform || entry.platform->os.empty())) return &entry;
    return Error(Kind::missing,
                 fmt::format("no matching manifest for {} in the manifest list entries",
                             platform_text(normal(wanted))));
}

}  // namespace registry
