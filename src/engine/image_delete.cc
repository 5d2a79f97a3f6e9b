// Untagging, deleting and pruning: what Docker refuses, and the order in which names, records and
// layers go.
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

bool is_digest_name(const std::string& name) {
    return name.find('@') != std::string::npos;
}

// At most one tag, and all names in one repository.
bool single_reference(const std::vector<std::string>& names) {
    auto tags = std::ranges::count_if(names, [](const auto& n) { return !is_digest_name(n); });
    return tags <= 1 && std::ranges::all_of(names, [&](const std::string& name) {
               return name_part(name) == name_part(names[0]);
           });
}

// As Docker asks it: the user named the image by (the begin of) its id.
bool names_id(const std::string& id, const std::string& reference) {
    return id.starts_with(reference) || id.substr(id.find(':') + 1).starts_with(reference);
}

// How many layers of `diff_ids`, from the bottom, `other` begins with, too.
std::size_t common_layers(const std::vector<std::string>& diff_ids,
                          const std::vector<std::string>& other) {
    auto [mine, theirs] = std::ranges::mismatch(diff_ids, other);
    return static_cast<std::size_t>(mine - diff_ids.begin());
}

std::vector<std::string> all_names(const store::Image& record) {
    std::vector<std::string> names = record.tags;
    names.insert(names.end(), record.digests.begin(), record.digests.end());
    std::ranges::sort(names);
    return names;
}

}  // namespace

struct Images::Conflict {
    bool hard = false;
    std::string why;
    Error error(const std::string& id) const {
        return Error(Kind::conflict,
                     fmt::format("conflict: unable to delete {} ({}) - {}", short_id(id),
                                 hard ? "cannot be forced" : "must be forced", why));
    }
};

// `referenced`: names are left that a soft look counts.
std::optional<Images::Conflict> Images::conflict_of(const Image& image, Soft soft,
                                                    bool referenced) const {
    const std::string& id = image.record.id;
    if (parents().contains(id)) return Conflict{true, "image has dependent child images"};
    auto uses = users_ != nullptr ? users_->users_of(id) : std::vector<ImageUsers::Use>();
    for (const auto& use : uses)
        if (use.running)
            return Conflict{true,
                            "image is being used by running container " + short_id(use.container)};
    if (soft == Soft::all && referenced)
        return Conflict{false, "image is referenced in multiple repositories"};
    if (soft != Soft::none && !uses.empty())
        return Conflict{false,
                        "image is being used by stopped container " + short_id(uses[0].container)};
    return std::nullopt;
}

Task<Result<std::vector<Deleted>>> Images::remove(RemoveOrder order) {
    CO_TRY(auto lock, co_await changing_.lock());
    co_return co_await loop::shield(remove_locked(std::move(order)));
}

// Plans on a copy of the names; the store is changed once, when it is known what goes.
Task<Result<std::vector<Deleted>>> Images::remove_locked(RemoveOrder order) {
    if (order.platforms.size() > 1)
        co_return Error(Kind::invalid, "multiple platforms are not supported");
    CO_TRY(const Image* found, find_for(order.reference, order.platforms));
    std::string id = found->record.id;
    std::vector<std::string> left = all_names(found->record), dropped;
    std::vector<Deleted> done;
    bool by_id = names_id(id, order.reference);
    if (!by_id) {
        auto uses = users_ != nullptr ? users_->users_of(id) : std::vector<ImageUsers::Use>();
        if (!order.force && single_reference(left) && !uses.empty())
            co_return Error(Kind::conflict,
                            fmt::format("conflict: unable to remove repository reference \"{}\" "
                                        "(must force) - container {} is using its referenced "
                                        "image {}",
                                        order.reference, short_id(uses[0].container),
                                        short_id(id)));
        CO_TRY(registry::Target target, registry::parse_reference(order.reference));
        std::string named = target.digest.empty()
                                ? registry::canonical_tag(target)
                                : registry::canonical_name(target) + "@" + target.digest;
        std::erase(left, named);
        dropped.push_back(named);
        done.push_back({.untagged = target.familiar(), .deleted = {}});
        auto same_repository = [&](const std::string& name) {
            return name_part(name) == name_part(named);
        };
        // With a repository's last tag go its digests.
        bool tag_left = std::ranges::any_of(left, [&](const std::string& name) {
            return !is_digest_name(name) && same_repository(name);
        });
        if (!is_digest_name(named) && !tag_left)
            for (const std::string& name : std::vector(left))
                if (same_repository(name)) {
                    std::erase(left, name);
                    dropped.push_back(name);
                    done.push_back({.untagged = registry::familiar(name), .deleted = {}});
                }
        auto kept = left.empty() ? conflict_of(*found, order.force ? Soft::none : Soft::all, false)
                                 : std::optional(Conflict());
        if (kept) {
            CO_TRY_DO(co_await untag(id, std::move(dropped)));
            tell("untag", images_.at(id));
            co_return done;
        }
    } else {
        bool single = !left.empty() && single_reference(left);
        Soft soft = order.force ? Soft::none : single ? Soft::stopped : Soft::all;
        if (auto refused = conflict_of(*found, soft, !left.empty())) co_return refused->error(id);
        for (const std::string& name : left)
            done.push_back({.untagged = registry::familiar(name), .deleted = {}});
    }
    // Digests that go with their tag are told in the answer only, as dockerd does.
    std::size_t untagged = by_id ? left.size() : 1;
    for (std::string next = id; !next.empty();) {
        std::string parent = images_.at(next).record.parent;
        CO_TRY(done, co_await erase(next, std::exchange(untagged, 0), std::move(done)));
        if (!order.prune || !images_.contains(parent)) break;
        const Image& above = images_.at(parent);
        if (conflict_of(above, Soft::all, !all_names(above.record).empty())) break;
        next = std::move(parent);
    }
    co_return done;
}

// Takes names off an image that stays.
Task<Status> Images::untag(std::string id, std::vector<std::string> names) {
    Image image = images_.at(id);
    for (const std::string& name : names) {
        std::erase(image.record.tags, name);
        std::erase(image.record.digests, name);
    }
    co_return co_await put(std::move(image));
}

// The image with what names it has, and the layers only it needs.
Task<Result<std::vector<Deleted>>> Images::erase(std::string id, std::size_t untagged,
                                                 std::vector<Deleted> done) {
    // Out of the index first: nobody finds an image that is half gone.
    auto gone = images_.extract(id);
    const store::Image& record = gone.mapped().record;
    std::vector<std::string> blobs{record.id};
    if (!record.manifest.empty()) blobs.push_back(record.manifest);
    Status removed =
        co_await workers_.run(loop::Lane::quick, remove_record, &store_, id, std::move(blobs));
    if (!removed) {
        images_.insert(std::move(gone));
        co_return removed.error();
    }
    for (std::size_t i = 0; i < untagged; ++i)
        tell("untag", gone.mapped());
    tell("delete", gone.mapped());
    done.push_back({.untagged = {}, .deleted = id});
    // Docker counts users of a layer in its place above others, and tells them by that; our layers
    // are shared wherever they stand.
    std::size_t shared = 0;
    for (const auto& [other, image] : images_)
        shared = std::max(shared, common_layers(record.diff_ids, image.record.diff_ids));
    if (users_ != nullptr)
        for (const auto& layers : users_->layers_in_use())
            shared = std::max(shared, common_layers(record.diff_ids, layers));
    CO_TRY_DO(co_await remove_layers(record.diff_ids));
    std::vector<std::string> chains = chain_ids(record.diff_ids);
    for (std::size_t i = chains.size(); i-- > shared;)
        done.push_back({.untagged = {}, .deleted = chains[i]});
    co_return done;
}

// Those of `diff_ids` that nothing needs; answers which they were.
Task<Result<std::vector<std::string>>> Images::remove_layers(std::vector<std::string> diff_ids) {
    std::set<std::string> needed;
    for (const auto& [diff_id, pins] : pins_)
        needed.insert(diff_id);
    for (const auto& [id, image] : images_)
        needed.insert(image.record.diff_ids.begin(), image.record.diff_ids.end());
    if (users_ != nullptr)
        for (const auto& layers : users_->layers_in_use())
            needed.insert(layers.begin(), layers.end());
    std::vector<std::string> removed, ids;
    for (const std::string& diff_id : diff_ids) {
        auto layer = store_.layers().find(diff_id);
        if (!layer || !needed.insert(diff_id).second) continue;
        removed.push_back(diff_id);
        ids.push_back(layer->id);
        reclaimed_ += layer->size;
    }
    if (!ids.empty())
        CO_TRY_DO(
            co_await workers_.run(loop::Lane::heavy, remove_layer_files, &store_, std::move(ids)));
    co_return removed;
}

Task<Result<PruneReport>> Images::prune(PruneOrder order) {
    if (pruning_) co_return Error(Kind::conflict, "a prune operation is already running");
    pruning_ = true;
    auto report = co_await prune_all(std::move(order));
    pruning_ = false;
    co_return report;
}

Task<Result<PruneReport>> Images::prune_all(PruneOrder order) {
    std::set<std::string> parents = this->parents();
    std::vector<std::string> candidates;
    for (const auto& [id, image] : images_) {
        const store::Image& record = image.record;
        bool unnamed = record.tags.empty() && record.digests.empty();
        if (parents.contains(id) && (order.dangling || unnamed)) continue;
        if (order.dangling && !record.tags.empty()) continue;
        if (order.until && record.created > *order.until) continue;
        if (order.labels.labels(image.labels)) candidates.push_back(id);
    }
    PruneReport report;
    CO_TRY(auto lock, co_await changing_.lock());
    std::uint64_t before = reclaimed_;
    for (const std::string& id : candidates) {
        auto image = images_.find(id);
        if (image == images_.end()) continue;
        std::vector<std::string> names = all_names(image->second.record);
        if (names.empty()) names.push_back(id.substr(id.find(':') + 1));
        for (const std::string& name : names) {
            if (!images_.contains(id)) break;
            RemoveOrder one{.reference = name, .platforms = {}};
            auto done = co_await loop::shield(remove_locked(std::move(one)));
            if (done)
                report.deleted.insert(report.deleted.end(), done->begin(), done->end());
            else if (done.error().kind() != Kind::conflict)
                base::log::warn("image not pruned name={} reason={}", name, done.error().message());
        }
    }
    report.reclaimed = reclaimed_ - before;
    events_.publish("image", "prune", "", {{"reclaimed", std::to_string(report.reclaimed)}});
    co_return report;
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
