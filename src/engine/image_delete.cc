// Untagging and deleting: what Docker refuses, and the order in which names, records and layers go.
#include "base/log.h"
#include "engine/image_names.h"
#include "engine/images.h"
#include "registry/reference.h"
#include "store/sha256.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

namespace {

Status remove_record(store::Store* store, std::string id, std::vector<std::string> blobs) {
    TRY_DO(store->images().remove(id));
    for (const std::string& blob : blobs)
        TRY_DO(store->images().remove_blob(blob));
    return {};
}

Status remove_layer_files(store::Store* store, std::vector<std::string> ids) {
    for (const std::string& id : ids)
        TRY_DO(store->layers().remove(id));
    return {};
}

// The names Docker prints for layers: a chain of hashes, bottom to top.
std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
    std::vector<std::string> out;
    for (const std::string& diff_id : diff_ids)
        out.push_back(out.empty() ? diff_id : store::sha256_digest(out.back() + " " + diff_id));
    return out;
}

Error conflict(const std::string& id, bool hard, std::string_view why) {
    return Error(Kind::conflict,
                 fmt::format("conflict: unable to delete {} ({}) - {}", short_id(id),
                             hard ? "cannot be forced" : "must be forced", why));
}

}  // namespace

std::optional<Error> Images::in_use(const Image& image, bool hard_only, bool multiple) const {
    const std::string& id = image.record.id;
    auto uses = users_ != nullptr ? users_->users_of(id) : std::vector<ImageUsers::Use>();
    for (const auto& use : uses)
        if (use.running)
            return conflict(id, true,
                            fmt::format("image is being used by running container {}",
                                        short_id(use.container)));
    if (hard_only) return std::nullopt;
    if (multiple) return conflict(id, false, "image is referenced in multiple repositories");
    if (!uses.empty())
        return conflict(id, false,
                        fmt::format("image is being used by stopped container {}",
                                    short_id(uses[0].container)));
    return std::nullopt;
}

Task<Status> Images::drop_reference(std::string id, std::string reference,
                                    std::vector<Deleted>& done) {
    auto found = images_.find(id);
    if (found == images_.end())
        co_return Error(Kind::missing, fmt::format("No such image: {}", id));
    Image image = found->second;
    std::erase(image.record.tags, reference);
    std::erase(image.record.digests, reference);
    CO_TRY_DO(co_await put(std::move(image)));
    std::string shown = registry::familiar(reference);
    done.push_back({.untagged = shown, .deleted = {}});
    tell("untag", id, id, id);
    co_return Status();
}

Task<Result<std::vector<Deleted>>> Images::remove(std::string reference, bool force, bool prune) {
    CO_TRY(auto lock, co_await changing_.lock());
    CO_TRY(const Image* found, find(reference));
    Image image = *found;
    const std::string& id = image.record.id;
    std::vector<std::string> all = image.record.tags;
    all.insert(all.end(), image.record.digests.begin(), image.record.digests.end());
    std::set<std::string> repositories;
    for (const std::string& name : all)
        repositories.insert(name_part(name));
    bool single = image.record.tags.size() <= 1 && repositories.size() <= 1;
    std::vector<Deleted> done;
    auto target = registry::parse_reference(reference);
    std::string named;
    if (target) {
        named = target->digest.empty() ? registry::canonical_tag(*target)
                                       : registry::canonical_name(*target) + "@" + target->digest;
        if (std::ranges::find(all, named) == all.end()) named.clear();
    }
    if (named.empty()) {
        // By id: all references at once, unless that takes names the caller may not know of.
        if (auto refused = in_use(image, force, !single)) co_return *refused;
    } else {
        auto uses = users_ != nullptr ? users_->users_of(id) : std::vector<ImageUsers::Use>();
        if (!force && single && !uses.empty())
            co_return Error(Kind::conflict,
                            fmt::format("conflict: unable to remove repository reference \"{}\" "
                                        "(must force) - container {} "
                                        "is using its referenced image {}",
                                        reference, short_id(uses[0].container), short_id(id)));
        bool last = image.record.tags.size() <= 1;
        if (last && single)
            if (auto refused = in_use(image, force, false)) co_return *refused;
        CO_TRY_DO(co_await loop::shield(drop_reference(id, named, done)));
        // With a repository's last tag go its digests.
        bool tag_left = std::ranges::any_of(image.record.tags, [&](const std::string& tag) {
            return tag != named && name_part(tag) == name_part(named);
        });
        std::vector<std::string> digests = image.record.digests;
        for (const std::string& digest : digests)
            if (target->digest.empty() && !tag_left && name_part(digest) == name_part(named))
                CO_TRY_DO(co_await loop::shield(drop_reference(id, digest, done)));
        auto now = images_.find(id);
        if (now == images_.end() || !now->second.record.tags.empty() ||
            !now->second.record.digests.empty())
            co_return done;
    }
    co_return co_await loop::shield(erase(id, force, std::move(done)));
}

Task<Result<std::vector<Deleted>>> Images::erase(std::string id, bool force,
                                                 std::vector<Deleted> done) {
    auto found = images_.find(id);
    if (found == images_.end()) co_return done;
    if (auto refused = in_use(found->second, force, false)) {
        // Its names are gone already; what is left is a dangling image in use.
        if (!done.empty()) co_return done;
        co_return *refused;
    }
    std::vector<std::string> names = found->second.record.tags;
    names.insert(names.end(), found->second.record.digests.begin(),
                 found->second.record.digests.end());
    for (const std::string& name : names)
        CO_TRY_DO(co_await drop_reference(id, name, done));
    store::Image record = images_.at(id).record;
    std::vector<std::string> blobs{record.id};
    if (!record.manifest.empty()) blobs.push_back(record.manifest);
    // Out of the index first: nobody finds an image that is half gone.
    images_.erase(id);
    CO_TRY_DO(
        co_await workers_.run(loop::Lane::quick, remove_record, &store_, id, std::move(blobs)));
    done.push_back({.untagged = {}, .deleted = id});
    tell("delete", id, id, id);
    CO_TRY(std::vector<std::string> removed, co_await remove_layers(record.diff_ids));
    std::vector<std::string> chains = chain_ids(record.diff_ids);
    for (std::size_t i = record.diff_ids.size(); i-- > 0;)
        if (std::ranges::find(removed, record.diff_ids[i]) != removed.end())
            done.push_back({.untagged = {}, .deleted = chains[i]});
    co_return done;
}

bool Images::layer_needed(const std::string& diff_id,
                          const std::vector<std::string>& in_use) const {
    if (pins_.contains(diff_id) || std::ranges::find(in_use, diff_id) != in_use.end()) return true;
    return std::ranges::any_of(images_, [&](const auto& pair) {
        return std::ranges::find(pair.second.record.diff_ids, diff_id) !=
               pair.second.record.diff_ids.end();
    });
}

// Those of `diff_ids` that nothing needs; answers which they were.
Task<Result<std::vector<std::string>>> Images::remove_layers(std::vector<std::string> diff_ids) {
    std::vector<std::string> in_use =
        users_ != nullptr ? users_->layers_in_use() : std::vector<std::string>();
    std::vector<std::string> removed, ids;
    for (const std::string& diff_id : diff_ids) {
        auto layer = store_.layers().find(diff_id);
        if (!layer || layer_needed(diff_id, in_use) ||
            std::ranges::find(removed, diff_id) != removed.end())
            continue;
        removed.push_back(diff_id);
        ids.push_back(layer->id);
    }
    if (!ids.empty())
        CO_TRY_DO(
            co_await workers_.run(loop::Lane::heavy, remove_layer_files, &store_, std::move(ids)));
    co_return removed;
}

Task<Status> Images::sweep() {
    CO_TRY(auto lock, co_await changing_.lock());
    std::vector<std::string> diff_ids;
    for (const store::Layer& layer : store_.layers().list())
        diff_ids.push_back(layer.diff_id);
    CO_TRY(std::vector<std::string> removed, co_await remove_layers(std::move(diff_ids)));
    if (!removed.empty())
        base::log::info("layers without an image removed count={}", removed.size());
    co_return Status();
}

}  // namespace engine
