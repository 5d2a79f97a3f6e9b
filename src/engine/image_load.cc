// load and import: archives that become images. Layers are unpacked while they stream in; which of
// them belong to an image is told by a document that usually comes last, then all is committed at
// once.
#include "base/limits.h"
#include "base/log.h"
#include "codec/json.h"
#include "engine/image_archive.h"
#include "engine/image_names.h"
#include "engine/images.h"
#include "store/archive_intake.h"
#include "wire/archive.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>

namespace engine {

using store::ArchiveIntake;
using store::IntakeItem;
using wire::oci::Descriptor;

namespace {

constexpr std::size_t images_max = 1024;  // of one archive
constexpr unsigned index_depth_max = registry::index_depth_max;

// An image as the archive describes it.
struct Described {
    std::string config_path;
    std::vector<std::string> layer_paths, names;  // names as written
};

// One that is complete: its documents checked, its layers unpacked.
struct Ready {
    std::string id, config_text;
    wire::oci::ImageConfig config;
    std::vector<std::string> tags;  // canonical
    std::uint64_t size = 0;
};

struct Committed {
    std::vector<Ready> images;
    std::vector<std::pair<std::string, std::uint64_t>> layers;  // that are new: diff id, size
};

std::string blob_path(const std::string& digest) {
    return "blobs/sha256/" + digest.substr(std::min<std::size_t>(7, digest.size()));
}

Result<std::string> text_of(ArchiveIntake& intake, const std::string& path) {
    IntakeItem* item = intake.find(path);
    if (item == nullptr)
        return Error(Kind::invalid, fmt::format("open {}: no such file or directory", path));
    if (item->error) return Error(*item->error).context(path);
    if (item->draft || !item->known_diff_id.empty())
        return Error(Kind::invalid, fmt::format("{} is no document", path));
    return item->text;
}

Result<std::vector<Described>> read_docker_list(ArchiveIntake& intake) {
    TRY(std::string text, text_of(intake, "manifest.json"));
    TRY(auto saved, json::read<std::vector<wire::SavedImage>>(text).context("manifest.json"));
    std::vector<Described> out;
    for (wire::SavedImage& one : saved)
        out.push_back({std::move(one.config), std::move(one.layers), std::move(one.repo_tags)});
    return out;
}

// A name that stands in an index: containerd's is whole, OCI's own may be a bare tag, which names
// nothing by itself.
std::vector<std::string> names_in(const Descriptor& entry) {
    for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
        auto found = entry.annotations.find(key);
        if (found != entry.annotations.end() &&
            found->second.find_first_of(":/") != found->second.npos)
            return {found->second};
    }
    return {};
}

Result<std::string> verified(ArchiveIntake& intake, const Descriptor& entry) {
    if (!registry::is_digest(entry.digest))
        return Error(Kind::invalid, "invalid digest in the archive's index");
    TRY(std::string text, text_of(intake, blob_path(entry.digest)));
    if (store::sha256_digest(text) != entry.digest)
        return Error(Kind::invalid, fmt::format("verification failed for digest {}", entry.digest));
    return text;
}

// The image manifest that `entry` leads to on one of `platforms`.
Result<registry::ImageManifest> resolve(ArchiveIntake& intake, Descriptor entry,
                                        const std::vector<registry::Platform>& platforms) {
    for (unsigned depth = 0; depth <= index_depth_max; ++depth) {
        TRY(std::string text, verified(intake, entry));
        TRY(registry::Manifest manifest, registry::parse_manifest(text, entry.media_type));
        if (auto* image = std::get_if<registry::ImageManifest>(&manifest)) return std::move(*image);
        registry::Platform wanted = platforms.empty() ? registry::host_platform() : platforms[0];
        TRY(const Descriptor* chosen,
            registry::choose(std::get<registry::Index>(manifest), wanted));
        Descriptor next = *chosen;
        entry = std::move(next);
    }
    return Error(Kind::invalid, "image index is nested too deep");
}

Result<std::vector<Described>> read_layout(ArchiveIntake& intake,
                                           const std::vector<registry::Platform>& platforms) {
    TRY(std::string text, text_of(intake, "index.json"));
    TRY(registry::Manifest parsed,
        registry::parse_manifest(text, "application/vnd.oci.image.index.v1+json"));
    std::vector<Described> out;
    const auto* index = std::get_if<registry::Index>(&parsed);
    if (index == nullptr) return Error(Kind::invalid, "index.json is no image index");
    for (const Descriptor& entry : index->manifests) {
        TRY(registry::ImageManifest manifest, resolve(intake, entry, platforms));
        Described one{.config_path = blob_path(manifest.config.digest),
                      .layer_paths = {},
                      .names = names_in(entry)};
        for (const Descriptor& layer : manifest.layers)
            one.layer_paths.push_back(blob_path(layer.digest));
        out.push_back(std::move(one));
    }
    return out;
}

Result<std::vector<Described>> describe_all(ArchiveIntake& intake, const LoadOrder& order) {
    bool docker = intake.find("manifest.json") != nullptr;
    if (!docker && intake.find("index.json") == nullptr)
        return Error(Kind::invalid,
                     "invalid archive: does not contain a manifest.json or an index.json");
    TRY(auto found, docker ? read_docker_list(intake) : read_layout(intake, order.platforms));
    if (found.size() > images_max)
        return Error(Kind::too_large, fmt::format("archive has more than {} images", images_max));
    return found;
}

class Commit {
public:
    Commit(store::Store& store, ArchiveIntake& intake) : store_(store), intake_(intake) {}

    Status take(const Described& described) {
        TRY(std::string text, text_of(intake_, described.config_path));
        auto config = registry::parse_image_config(text, described.layer_paths.size());
        if (!config) return std::move(config).error();
        Ready ready;
        ready.id = store::sha256_digest(text);
        if (described.config_path.starts_with("blobs/") &&
            described.config_path != blob_path(ready.id))
            return Error(Kind::invalid, fmt::format("verification failed for the config at {}",
                                                    described.config_path));
        ready.config_text = std::move(text);
        ready.config = std::move(*config);
        for (const std::string& name : described.names) {
            TRY(registry::Target target, registry::parse_reference(name));
            if (target.digest.empty()) ready.tags.push_back(registry::canonical_tag(target));
        }
        std::vector<std::string> lowers;  // topmost first
        for (std::size_t i = 0; i < described.layer_paths.size(); ++i)
            TRY_DO(take_layer(described.layer_paths[i], ready.config.rootfs.diff_ids[i], lowers));
        out_.images.push_back(std::move(ready));
        return {};
    }

    // Of all layers of all images.
    std::vector<std::string> diff_ids() const {
        std::vector<std::string> out;
        for (const Ready& image : out_.images)
            out.insert(out.end(), image.config.rootfs.diff_ids.begin(),
                       image.config.rootfs.diff_ids.end());
        return out;
    }

    Result<Committed> finish() {
        if (!drafts_.empty()) {
            for (const store::Draft& draft : drafts_)
                out_.layers.emplace_back(draft.unpacked.diff_id, draft.unpacked.unpacked_size);
            TRY(auto committed, store_.layers().commit(std::move(drafts_)));
            (void)committed;
        }
        for (Ready& image : out_.images) {
            for (const std::string& diff_id : image.config.rootfs.diff_ids) {
                auto layer = store_.layers().find(diff_id);
                if (!layer) return Error(Kind::conflict, "a layer was removed while it was loaded");
                image.size += layer->size;
            }
            TRY_DO(store_.images().write_blob(image.id, image.config_text));
        }
        return std::move(out_);
    }

private:
    Status take_layer(const std::string& path, const std::string& diff_id,
                      std::vector<std::string>& lowers) {
        IntakeItem* item = intake_.find(path);
        if (item == nullptr)
            return Error(Kind::invalid, fmt::format("open {}: no such file or directory", path));
        if (item->error) return Error(*item->error).context(path);
        std::string found = item->known_diff_id;
        if (item->draft) found = item->draft->unpacked.diff_id;
        if (taken_.contains(item)) found = taken_[item];
        if (found != diff_id)
            return Error(Kind::invalid,
                         fmt::format("invalid diffID for layer {}: expected \"{}\", got \"{}\"",
                                     path, diff_id, found));
        std::string folder;
        if (auto layer = store_.layers().find(diff_id)) {
            folder = store_.layers().diff_path(layer->id);
        } else if (item->draft) {
            folder = item->draft->diff_path();
            TRY_DO(store::apply_implied(folder, item->draft->unpacked.implied, lowers));
            taken_[item] = diff_id;
            folders_[diff_id] = folder;
            drafts_.push_back(std::move(*item->draft));
            item->draft.reset();
        } else {
            folder = folders_[diff_id];
        }
        lowers.insert(lowers.begin(), std::move(folder));
        return {};
    }

    store::Store& store_;
    ArchiveIntake& intake_;
    std::vector<store::Draft> drafts_;
    std::map<IntakeItem*, std::string> taken_;    // items whose draft went into drafts_
    std::map<std::string, std::string> folders_;  // of drafts_, by diff id
    Committed out_;
};

// What one load owns; begins and ends on a worker, as its drafts are folders.
struct Loading {
    explicit Loading(store::Store& store)
        : intake(store.layers(), store::IntakeLimits()), commit(store, intake) {}
    ArchiveIntake intake;
    Commit commit;
};

// Worker: the archive has ended; what its documents say of it. Gives the layers it needs.
Result<std::vector<std::string>> prepare(Loading* loading, LoadOrder order) {
    TRY_DO(loading->intake.finish());
    TRY(std::vector<Described> all, describe_all(loading->intake, order));
    for (const Described& one : all)
        TRY_DO(loading->commit.take(one));
    return loading->commit.diff_ids();
}

Result<Committed> finish(Loading* loading) {
    return loading->commit.finish();
}

Status drop(std::unique_ptr<Loading> loading) {
    loading.reset();
    return {};
}

}  // namespace

Task<Status> Images::load_archive(loop::ByteSource source, LoadOrder order, LoadTold told) {
    auto loading = std::make_unique<Loading>(store_);
    WorkerFeed<ArchiveIntake> feed(workers_, loading->intake);
    Status done = co_await feed.run(std::move(source));
    Result<std::vector<std::string>> needed = std::vector<std::string>();
    if (done)
        needed = co_await workers_.run(loop::Lane::heavy, prepare, loading.get(), std::move(order));
    if (!needed) done = needed.error();
    if (done) {
        LayerPins pins(*this, std::move(*needed));
        Task<Result<Committed>> committing = workers_.run(loop::Lane::heavy, finish, loading.get());
        auto committed = co_await loop::shield(std::move(committing));
        if (committed) {
            for (const auto& [diff_id, size] : committed->layers)
                told.layer(short_id(diff_id), size);
            for (Ready& image : committed->images) {
                store::Image record;
                record.id = image.id;
                record.tags = std::move(image.tags);
                record.diff_ids = image.config.rootfs.diff_ids;
                record.size = image.size;
                record.created = image.config.created;
                Image made = make_image(std::move(record), image.config);
                if (done)
                    done = co_await loop::shield(record_archived(std::move(made), "load", told));
            }
        } else {
            done = committed.error();
        }
    }
    Task<Status> dropping = workers_.run(loop::Lane::heavy, drop, std::move(loading));
    (void)co_await loop::shield(std::move(dropping));
    co_return done;
}

// An image that came by an archive: its tags leave those who had them.
Task<Status> Images::record_archived(Image made, std::string action, LoadTold told) {
    CO_TRY(auto lock, co_await changing_.lock());
    std::string id = made.record.id;
    std::vector<std::string> tags = std::move(made.record.tags);
    if (auto known = images_.find(id); known != images_.end())
        made = known->second;
    else
        made.record.tags.clear();
    for (const std::string& tag : tags) {
        auto at = std::ranges::lower_bound(made.record.tags, tag);
        if (at == made.record.tags.end() || *at != tag) made.record.tags.insert(at, tag);
    }
    made.record.tagged = base::now();
    for (const std::string& tag : tags)
        for (const auto& [other_id, other] : images_)
            if (told.stream && other_id != id &&
                std::ranges::find(other.record.tags, tag) != other.record.tags.end())
                told.stream(fmt::format("The image {} already exists, renaming the old one with ID "
                                        "{} to empty string\n",
                                        registry::familiar(tag), other_id));
    Image shown = made;
    CO_TRY_DO(co_await put(std::move(made)));
    if (told.stream) {
        for (const std::string& tag : tags)
            told.stream(fmt::format("Loaded image: {}\n", registry::familiar(tag)));
        if (tags.empty()) told.stream(fmt::format("Loaded image ID: {}\n", id));
    }
    tell(std::move(action), shown);
    co_return Status();
}

}  // namespace engine
