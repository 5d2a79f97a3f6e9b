#include "engine/images.h"

#include "base/limits.h"
#include "base/log.h"
#include "codec/json.h"
#include "engine/image_names.h"
#include "registry/reference.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

using registry::Pulled;
using registry::Target;
using wire::oci::ImageConfig;

namespace {

struct Loaded {
    std::vector<Image> images;
    std::vector<std::string> broken;  // texts for the log
};

// Worker: the records with what their configs say.
Result<Loaded> load_images(store::Store* store) {
    Loaded out;
    TRY(std::vector<store::Image> records, store->images().list());
    for (store::Image& record : records) {
        auto bytes = store->images().read_blob(record.id, limits::image_config_bytes_max);
        auto config = bytes ? registry::parse_image_config(*bytes, record.diff_ids.size())
                            : Result<ImageConfig>(bytes.error());
        bool complete = std::ranges::all_of(record.diff_ids, [&](const std::string& diff_id) {
            return store->layers().find(diff_id).has_value();
        });
        if (config && complete)
            out.images.push_back(make_image(std::move(record), *config));
        else
            out.broken.push_back(record.id + ": " +
                                 (config ? "a layer is missing" : config.error().message()));
    }
    return out;
}

Result<ImageConfig> read_config(store::Store* store, std::string id) {
    TRY(std::string bytes, store->images().read_blob(id, limits::image_config_bytes_max));
    return json::read<ImageConfig>(bytes);
}

// Worker: the new holder of a tag first, then the old one without it: a cut between the two leaves
// the tag on both, and load() gives it to the one tagged last.
Status put_records(store::Store* store, std::vector<store::Image> records) {
    for (const store::Image& record : records)
        TRY_DO(store->images().put(record));
    return {};
}

}  // namespace

Image make_image(store::Image record, const ImageConfig& config) {
    Image out;
    out.record = std::move(record);
    std::ranges::sort(out.record.tags);
    std::ranges::sort(out.record.digests);
    out.platform = {.architecture = config.architecture,
                    .os = config.os,
                    .os_version = {},
                    .variant = config.variant};
    out.labels = config.config.labels;
    return out;
}

Images::Images(Loop& loop, Workers& workers, store::Store& store, registry::Puller& puller,
               registry::Pusher& pusher, Events& events)
    : loop_(loop), workers_(workers), store_(store), puller_(puller), pusher_(pusher),
      events_(events), changing_(loop), pulls_(loop) {}

Images::~Images() = default;

// An image's event carries its labels and a name; for a pull the actor is the reference.
void Images::tell(std::string action, const std::string& id, std::string actor, std::string name) {
    wire::StringMap attributes;
    if (auto found = images_.find(id); found != images_.end()) attributes = found->second.labels;
    attributes["name"] = std::move(name);
    events_.publish("image", std::move(action), std::move(actor), std::move(attributes));
}

void Images::tell(std::string action, const Image& image) {
    wire::StringMap attributes = image.labels;
    attributes["name"] = image.record.id;
    events_.publish("image", std::move(action), image.record.id, std::move(attributes));
}

Task<Status> Images::load() {
    CO_TRY(Loaded loaded, co_await workers_.run(loop::Lane::quick, load_images, &store_));
    for (const std::string& text : loaded.broken)
        base::log::warn("image left out image={:?}", text);
    std::ranges::sort(loaded.images, {}, [](const Image& i) { return i.record.tagged.ns; });
    for (Image& image : loaded.images) {
        // Tagged later wins a tag that two records hold.
        for (auto& [id, older] : images_)
            std::erase_if(older.record.tags, [&](const std::string& tag) {
                return std::ranges::find(image.record.tags, tag) != image.record.tags.end();
            });
        std::string id = image.record.id;
        images_.insert_or_assign(std::move(id), std::move(image));
    }
    co_return Status();
}

Task<Status> Images::load_again() {
    CO_TRY(auto lock, co_await changing_.lock());
    CO_TRY(Loaded loaded, co_await workers_.run(loop::Lane::quick, load_images, &store_));
    for (Image& image : loaded.images) {
        std::string id = image.record.id;
        images_.try_emplace(std::move(id), std::move(image));
    }
    co_return Status();
}

Result<const Image*> Images::find(std::string_view reference) const {
    std::string id(reference.starts_with("sha256:") ? reference
                                                    : "sha256:" + std::string(reference));
    if (auto exact = images_.find(id); exact != images_.end()) return &exact->second;
    auto target = registry::parse_reference(reference);
    if (target) {
        std::string wanted = target->digest.empty()
                                 ? registry::canonical_tag(*target)
                                 : registry::canonical_name(*target) + "@" + target->digest;
        for (const auto& [key, image] : images_) {
            const auto& names = target->digest.empty() ? image.record.tags : image.record.digests;
            if (std::ranges::find(names, wanted) != names.end()) return &image;
        }
    }
    // A short id; "sha256:" in front is allowed, nothing else is.
    bool hex = id.size() > 7 && std::ranges::all_of(id.substr(7), [](char c) {
                   return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
               });
    const Image* found = nullptr;
    for (auto at = hex ? images_.lower_bound(id) : images_.end();
         at != images_.end() && at->first.starts_with(id); ++at) {
        if (found != nullptr)
            return Error(Kind::invalid,
                         fmt::format("multiple IDs found with provided prefix: {}", reference));
        found = &at->second;
    }
    if (found != nullptr) return found;
    if (!target && !hex && target.error().message() != "") {
        // Text that can be no reference at all is the request's fault.
        if (!reference.starts_with("sha256:")) return target.error();
    }
    return Error(Kind::missing, fmt::format("No such image: {}",
                                            target ? target->familiar() : std::string(reference)));
}

// Worker.
Result<std::map<std::string, ManifestFacts>> read_manifests(store::Store* store,
                                                            std::vector<std::string> digests) {
    std::map<std::string, ManifestFacts> out;
    for (const std::string& digest : digests) {
        auto bytes = store->images().read_blob(digest, limits::manifest_bytes_max);
        if (!bytes) continue;
        TRY(auto manifest, json::read<wire::oci::Manifest>(*bytes));
        ManifestFacts& facts = out[digest];
        facts.media_type = manifest.media_type.empty()
                               ? "application/vnd.oci.image.manifest.v1+json"
                               : manifest.media_type;
        facts.digest = digest;
        facts.size = bytes->size();
        // Compressed layers are not kept: the documents are all there is besides the files.
        facts.content_size = facts.size;
        if (manifest.config && manifest.config->size > 0)
            facts.content_size += static_cast<std::uint64_t>(manifest.config->size);
    }
    return out;
}

Task<Result<std::map<std::string, ManifestFacts>>>
Images::manifest_facts(std::vector<std::string> manifests) {
    co_return co_await workers_.run(loop::Lane::quick, read_manifests, &store_,
                                    std::move(manifests));
}

Task<Result<ImageConfig>> Images::config(std::string id) {
    co_return co_await workers_.run(loop::Lane::quick, read_config, &store_, std::move(id));
}

Result<std::vector<std::string>>
Images::layer_paths(const std::vector<std::string>& diff_ids) const {
    std::vector<std::string> out;
    for (auto at = diff_ids.rbegin(); at != diff_ids.rend(); ++at) {
        auto layer = store_.layers().find(*at);
        if (!layer) return Error(Kind::internal, fmt::format("layer {} is missing", *at));
        if (closed_layers_.contains(*at))
            return Error(Kind::conflict,
                         fmt::format("layer {} is being repaired: try again in a moment", *at));
        out.push_back(store_.layers().diff_path(layer->id));
        if (layer->opaque_root) break;
    }
    return out;
}

std::string Images::image_of(const std::string& digest, const registry::Platform& platform) {
    for (const auto& [id, image] : images_)
        if (registry::platform_fits(platform, image.platform) &&
            std::ranges::any_of(image.record.digests,
                                [&](const std::string& d) { return d.ends_with("@" + digest); }))
            return id;
    return "";
}

void Images::pin(std::span<const std::string> diff_ids) {
    for (const std::string& diff_id : diff_ids)
        ++pins_[diff_id];
}

void Images::unpin(std::span<const std::string> diff_ids) {
    for (const std::string& diff_id : diff_ids)
        if (auto pin = pins_.find(diff_id); pin != pins_.end() && --pin->second == 0)
            pins_.erase(pin);
}

// True when the reference means another image than before.
Task<Result<bool>> Images::record(const Pulled& pulled, const Target& target) {
    CO_TRY(auto lock, co_await changing_.lock());
    Image image;
    auto known = images_.find(pulled.id);
    if (known != images_.end()) {
        image = known->second;
    } else if (pulled.up_to_date) {
        co_return Error(Kind::conflict, "image was removed while it was pulled");
    } else {
        store::Image made;
        made.id = pulled.id;
        made.manifest = pulled.manifest_digest;
        made.diff_ids = pulled.config.rootfs.diff_ids;
        made.size = pulled.size;
        made.created = pulled.config.created;
        image = make_image(std::move(made), pulled.config);
    }
    bool newer = known == images_.end();
    store::Image before = image.record;
    add_once(image.record.digests,
             registry::canonical_name(target) + "@" + pulled.reference_digest);
    if (target.digest.empty()) {
        std::string tag = registry::canonical_tag(target);
        newer |= std::ranges::find(image.record.tags, tag) == image.record.tags.end();
        add_once(image.record.tags, std::move(tag));
    }
    bool same = before.tags == image.record.tags && before.digests == image.record.digests;
    if (known != images_.end() && same) co_return newer;
    image.record.tagged = base::now();
    CO_TRY_DO(co_await put(std::move(image)));
    co_return newer;
}

// Makes the record durable, takes its tags from others, then changes the index.
Task<Status> Images::put(Image changed) {
    std::vector<store::Image> records{changed.record};
    for (const auto& [id, other] : images_) {
        if (id == changed.record.id) continue;
        store::Image without = other.record;
        auto taken = [&](const std::string& tag) {
            return std::ranges::find(changed.record.tags, tag) != changed.record.tags.end();
        };
        if (std::erase_if(without.tags, taken) > 0) records.push_back(std::move(without));
    }
    std::vector<store::Image> written = records;
    CO_TRY_DO(co_await workers_.run(loop::Lane::quick, put_records, &store_, std::move(written)));
    for (std::size_t i = 1; i < records.size(); ++i) {
        auto other = images_.find(records[i].id);
        if (other != images_.end()) other->second.record = std::move(records[i]);
    }
    std::string id = changed.record.id;
    images_.insert_or_assign(std::move(id), std::move(changed));
    co_return Status();
}

Task<Status> Images::tag(std::string source, std::string repository, std::string tag) {
    CO_TRY(auto lock, co_await changing_.lock());
    CO_TRY(const Image* found, find(source));
    if (!tag.empty() && !registry::is_tag(tag))
        co_return Error(Kind::invalid, "invalid tag format");
    CO_TRY(Target target,
           registry::parse_reference(tag.empty() ? repository : repository + ":" + tag));
    if (!target.digest.empty())
        co_return Error(Kind::invalid, "refusing to create a tag with a digest reference");
    if (target.familiar_name() == "sha256")
        co_return Error(Kind::invalid, "refusing to create an ambiguous tag using digest algorithm "
                                       "as name");
    Image image = *found;
    add_once(image.record.tags, registry::canonical_tag(target));
    image.record.tagged = base::now();
    std::string id = image.record.id;
    CO_TRY_DO(co_await loop::shield(put(std::move(image))));
    tell("tag", id, id, target.familiar());
    co_return Status();
}

}  // namespace engine
