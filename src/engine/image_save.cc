// save and history: images as they go out. The archive is an OCI layout and Docker's own layout in
// one tar, as Docker writes it since version 25; older ones and podman read it by manifest.json.
#include "base/limits.h"
#include "codec/json.h"
#include "engine/image_archive.h"
#include "engine/images.h"
#include "store/sha256.h"
#include "wire/archive.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace engine {

using wire::oci::Descriptor;

namespace {

constexpr const char* config_type = "application/vnd.oci.image.config.v1+json";
constexpr const char* layer_type = "application/vnd.oci.image.layer.v1.tar";
constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* index_type = "application/vnd.oci.image.index.v1+json";

// An image to be saved, with the names it is saved by (canonical).
struct Wanted {
    store::Image record;
    std::vector<std::string> tags;
};

std::string blob_path(const std::string& digest) {
    return "blobs/sha256/" + digest.substr(7);
}

Descriptor describe(const char* type, const std::string& digest, std::uint64_t size) {
    Descriptor out;
    out.media_type = type;
    out.digest = digest;
    out.size = static_cast<std::int64_t>(size);
    return out;
}

class Layout {
public:
    explicit Layout(store::Store& store) : store_(store), stream_(store.layers()) {
        stream_.add_folder("blobs");
        stream_.add_folder("blobs/sha256");
    }

    Status add(const Wanted& wanted) {
        TRY(std::string config,
            store_.images().read_blob(wanted.record.id, limits::image_config_bytes_max));
        wire::oci::Manifest manifest;
        manifest.schema_version = 2;
        manifest.media_type = manifest_type;
        manifest.config = describe(config_type, wanted.record.id, config.size());
        manifest.layers.emplace();
        wire::SavedImage saved;
        saved.config = blob_path(wanted.record.id);
        for (const std::string& diff_id : wanted.record.diff_ids) {
            auto layer = store_.layers().find(diff_id);
            if (!layer) return Error(Kind::internal, fmt::format("layer {} is missing", diff_id));
            // What cannot be read back is told while there still is a status to tell it with.
            TRY([[maybe_unused]] auto tar, store::LayerTar::open(store_.layers(), diff_id));
            manifest.layers->push_back(describe(layer_type, diff_id, layer->tar_size));
            saved.layers.push_back(blob_path(diff_id));
            if (written_.insert(diff_id).second)
                stream_.add_layer(blob_path(diff_id), diff_id, layer->tar_size);
        }
        document(wanted.record.id, std::move(config));
        std::string text = json::write(manifest);
        std::string digest = store::sha256_digest(text);
        std::uint64_t size = text.size();
        document(digest, std::move(text));
        for (const std::string& tag : wanted.tags)
            name(tag, saved, wanted.record, describe(manifest_type, digest, size));
        if (wanted.tags.empty()) index_.push_back(describe(manifest_type, digest, size));
        images_.push_back(std::move(saved));
        return {};
    }

    store::ArchiveStream finish() {
        wire::oci::Manifest index;
        index.schema_version = 2;
        index.media_type = index_type;
        index.manifests = std::move(index_);
        stream_.add_document("index.json", json::write(index));
        stream_.add_document("manifest.json", json::write(images_));
        stream_.add_document("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
        if (!repositories_.empty())
            stream_.add_document("repositories", json::write(repositories_));
        return std::move(stream_);
    }

private:
    void document(const std::string& digest, std::string text) {
        if (written_.insert(digest).second)
            stream_.add_document(blob_path(digest), std::move(text));
    }
    void name(const std::string& canonical, wire::SavedImage& saved, const store::Image& record,
              Descriptor descriptor) {
        std::string shown = registry::familiar(canonical);
        std::size_t colon = shown.rfind(':');
        std::string tag = shown.substr(colon + 1);
        saved.repo_tags.push_back(shown);
        if (!record.diff_ids.empty())
            repositories_[shown.substr(0, colon)][tag] = record.diff_ids.back().substr(7);
        descriptor.annotations["io.containerd.image.name"] = canonical;
        descriptor.annotations["org.opencontainers.image.ref.name"] = tag;
        index_.push_back(std::move(descriptor));
    }

    store::Store& store_;
    store::ArchiveStream stream_;
    std::set<std::string> written_;  // blobs, by digest
    std::vector<Descriptor> index_;
    std::vector<wire::SavedImage> images_;
    std::map<std::string, std::map<std::string, std::string>> repositories_;
};

Result<store::ArchiveStream> lay_out(store::Store* store, std::vector<Wanted> wanted) {
    Layout layout(*store);
    for (const Wanted& each : wanted)
        TRY_DO(layout.add(each));
    return layout.finish();
}

}  // namespace

LayerPins::LayerPins(Images& images, std::vector<std::string> diff_ids)
    : images_(&images), diff_ids_(std::move(diff_ids)) {
    images_->pin(diff_ids_);
}
LayerPins::LayerPins(LayerPins&& other) noexcept
    : images_(std::exchange(other.images_, nullptr)), diff_ids_(std::move(other.diff_ids_)) {}
LayerPins::~LayerPins() {
    if (images_ != nullptr) images_->unpin(diff_ids_);
}

Task<Result<SavedImages>> Images::save(std::vector<std::string> names,
                                       std::vector<registry::Platform> platforms) {
    std::vector<Wanted> wanted;
    auto want = [&](const Image& image, const std::string& tag) {
        auto same =
            std::ranges::find(wanted, image.record.id, [](const Wanted& w) { return w.record.id; });
        if (same == wanted.end()) same = wanted.insert(wanted.end(), {image.record, {}});
        if (!tag.empty() && std::ranges::find(same->tags, tag) == same->tags.end())
            same->tags.push_back(tag);
    };
    for (const std::string& name : names) {
        auto target = registry::parse_reference(name);
        bool tagged = name.find_first_of(":@", name.rfind('/') + 1) != std::string::npos;
        bool any = false;
        // A repository's name alone means all its tags.
        if (target && !tagged)
            for (const auto& [id, image] : images_)
                for (const std::string& tag : image.record.tags)
                    if (tag.starts_with(registry::canonical_name(*target) + ":") &&
                        tag.find('/', registry::canonical_name(*target).size()) == tag.npos) {
                        CO_TRY_DO(find_for(tag, platforms));
                        want(image, tag);
                        any = true;
                    }
        if (any) continue;
        CO_TRY(const Image* image, find_for(name, platforms));
        bool by_tag = target && tagged && target->digest.empty() &&
                      std::ranges::find(image->record.tags, registry::canonical_tag(*target)) !=
                          image->record.tags.end();
        want(*image, by_tag ? registry::canonical_tag(*target) : "");
    }
    std::vector<std::string> diff_ids;
    for (const Wanted& each : wanted)
        diff_ids.insert(diff_ids.end(), each.record.diff_ids.begin(), each.record.diff_ids.end());
    LayerPins pins(*this, std::move(diff_ids));
    std::vector<store::Image> saved;
    for (const Wanted& each : wanted)
        saved.push_back(each.record);
    CO_TRY(store::ArchiveStream stream,
           co_await workers_.run(loop::Lane::quick, lay_out, &store_, std::move(wanted)));
    for (const store::Image& record : saved)
        if (auto found = images_.find(record.id); found != images_.end())
            tell("save", found->second);
    SavedImages out{std::move(stream), std::move(pins)};
    co_return std::move(out);
}

Task<Result<std::vector<HistoryLine>>> Images::history(std::string name,
                                                       std::vector<registry::Platform> platforms) {
    CO_TRY(const Image* found, find_for(name, platforms));
    Image image = *found;  // the index may change while the config is read
    CO_TRY(wire::oci::ImageConfig config, co_await this->config(image.record.id));
    std::vector<HistoryLine> out;
    std::size_t layer = 0;
    for (const wire::oci::History& step : config.history) {
        HistoryLine line{.id = "<missing>",
                         .created = step.created,
                         .created_by = step.created_by,
                         .comment = step.comment,
                         .tags = {}};
        if (!step.empty_layer) {
            if (layer == image.record.diff_ids.size())
                co_return Error(Kind::internal, "too many non-empty layers in History section");
            if (auto known = store_.layers().find(image.record.diff_ids[layer++]))
                line.size = known->size;
        }
        out.insert(out.begin(), std::move(line));
    }
    // The image's own line, then those of the images it was made from, as far as they are here.
    const Image* shown = &image;
    for (HistoryLine& line : out) {
        line.id = shown->record.id;
        for (const std::string& tag : shown->record.tags)
            line.tags.push_back(registry::familiar(tag));
        auto above = images_.find(shown->record.parent);
        if (above == images_.end()) break;
        shown = &above->second;
    }
    co_return out;
}

}  // namespace engine
