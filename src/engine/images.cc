#include "engine/images.h"

#include "base/limits.h"
#include "base/log.h"
#include "codec/json.h"
#include "registry/reference.h"
#include "store/sha256.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

using registry::Progress;
using registry::ProgressSink;
using registry::Pulled;
using registry::Target;
using wire::oci::ImageConfig;

// One pull and everybody who looks at it. Viewers take themselves out before they end.
struct Images::Pull final : ProgressSink {
    Pull(Loop& loop, PullOrder wanted) : order(std::move(wanted)), ended(loop) {}

    PullOrder order;
    std::vector<ProgressSink*> viewers;
    std::vector<Progress>
        told;  // the latest of each id, in order of appearance: for who comes late
    loop::Stop* stop = nullptr;  // of the task that runs it
    loop::WaitList ended;
    std::optional<Result<std::string>> result;

    void progress(Progress what) override {
        for (ProgressSink* viewer : viewers)
            viewer->progress(what);
        auto same = std::ranges::find_if(
            told, [&](const Progress& p) { return !p.id.empty() && p.id == what.id; });
        if (same != told.end())
            *same = std::move(what);
        else
            told.push_back(std::move(what));
    }
    bool same_order(const PullOrder& other) const {
        auto platform = [](const PullOrder& o) {
            return o.platform ? registry::platform_text(*o.platform) : "";
        };
        const auto &a = order.credentials, &b = other.credentials;
        return registry::canonical_tag(order.target) == registry::canonical_tag(other.target) &&
               order.target.digest == other.target.digest && platform(order) == platform(other) &&
               a.username == b.username && a.password == b.password &&
               a.identity_token == b.identity_token && a.registry_token == b.registry_token;
    }
};

namespace {

std::string short_id(const std::string& id) {
    return id.substr(0, 7) == "sha256:" ? id.substr(7, 12) : id.substr(0, 12);
}

std::string name_part(const std::string& canonical) {
    std::size_t at = canonical.find('@');
    if (at != std::string::npos) return canonical.substr(0, at);
    return canonical.substr(0, canonical.rfind(':'));
}

void add_once(std::vector<std::string>& list, std::string text) {
    if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

bool label_holds(const Image& image, const std::string& wanted) {
    std::size_t equals = wanted.find('=');
    auto found = image.labels.find(wanted.substr(0, equals));
    if (found == image.labels.end()) return false;
    return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

Image describe(store::Image record, const ImageConfig& config) {
    Image out;
    out.record = std::move(record);
    out.platform = {.architecture = config.architecture,
                    .os = config.os,
                    .os_version = {},
                    .variant = config.variant};
    out.labels = config.config.labels;
    return out;
}

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
            out.images.push_back(describe(std::move(record), *config));
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

bool path_match(std::string_view pattern, std::string_view text) {
    while (!pattern.empty()) {
        if (pattern.front() == '*') {
            std::string_view rest = pattern.substr(1);
            for (std::size_t i = 0;; ++i) {
                if (path_match(rest, text.substr(i))) return true;
                if (i == text.size() || text[i] == '/') return false;
            }
        }
        if (text.empty()) return false;
        if (pattern.front() == '[') {
            std::size_t at = 1;
            bool negated = at < pattern.size() && pattern[at] == '^', hit = false, first = true;
            if (negated) ++at;
            while (at < pattern.size() && (pattern[at] != ']' || first)) {
                first = false;
                if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
                char low = pattern[at], high = low;
                if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
                    high = pattern[at + 2];
                    at += 2;
                }
                hit |= low <= text.front() && text.front() <= high;
                ++at;
            }
            if (at >= pattern.size() || hit == negated || text.front() == '/') return false;
            pattern.remove_prefix(at + 1);
        } else {
            bool any = pattern.front() == '?';
            if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
            if (any ? text.front() == '/' : pattern.front() != text.front()) return false;
            pattern.remove_prefix(1);
        }
        text.remove_prefix(1);
    }
    return text.empty();
}

Images::Images(Loop& loop, Workers& workers, store::Store& store, registry::Puller& puller,
               Events& events)
    : loop_(loop), workers_(workers), store_(store), puller_(puller), events_(events),
      changing_(loop), pulls_(loop) {}

Images::~Images() = default;

// An image's event carries its labels and a name; for a pull the actor is the reference.
void Images::tell(std::string action, const std::string& id, std::string actor, std::string name) {
    wire::StringMap attributes;
    if (auto found = images_.find(id); found != images_.end()) attributes = found->second.labels;
    attributes["name"] = std::move(name);
    events_.publish("image", std::move(action), std::move(actor), std::move(attributes));
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

Task<void> Images::close() {
    return pulls_.close();
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

Result<std::vector<const Image*>> Images::list(const ImageFilters& filters) const {
    auto bound = [&](const std::vector<std::string>& names, bool latest) -> Result<Time> {
        Time out{latest ? Time::never_ns : INT64_MAX};
        for (const std::string& name : names) {
            TRY(const Image* image, find(name));
            out.ns = latest ? std::max(out.ns, image->record.created.ns)
                            : std::min(out.ns, image->record.created.ns);
        }
        return out;
    };
    TRY(Time before, bound(filters.before, false));
    TRY(Time since, bound(filters.since, true));
    std::vector<const Image*> out;
    for (const auto& [id, image] : images_) {
        const store::Image& record = image.record;
        if (filters.dangling && *filters.dangling != record.tags.empty()) continue;
        if (!filters.before.empty() && record.created >= before) continue;
        if (!filters.since.empty() && record.created <= since) continue;
        if (filters.until && record.created >= *filters.until) continue;
        auto holds = [&](const std::string& label) { return label_holds(image, label); };
        if (!std::ranges::all_of(filters.labels, holds) ||
            std::ranges::any_of(filters.no_labels, holds))
            continue;
        auto named = [&](const std::string& pattern) {
            auto hit = [&](const std::string& canonical) {
                std::string shown = registry::familiar(canonical);
                return path_match(pattern, shown) || path_match(pattern, name_part(shown));
            };
            return std::ranges::any_of(record.tags, hit) ||
                   std::ranges::any_of(record.digests, hit);
        };
        if (!filters.references.empty() && !std::ranges::any_of(filters.references, named))
            continue;
        out.push_back(&image);
    }
    std::ranges::sort(out, [](const Image* a, const Image* b) {
        return std::tie(b->record.created, a->record.id) <
               std::tie(a->record.created, b->record.id);
    });
    return out;
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

Task<Result<std::string>> Images::pull(PullOrder order, ProgressSink& sink) {
    std::shared_ptr<Pull> pull;
    for (const auto& running : running_)
        if (running->same_order(order) && !running->viewers.empty()) pull = running;
    if (!pull) {
        pull = std::make_shared<Pull>(loop_, std::move(order));
        running_.push_back(pull);
        pulls_.spawn(run_pull(pull));
    }
    for (const Progress& what : pull->told)
        sink.progress(what);
    pull->viewers.push_back(&sink);
    Status waited;
    while (!pull->result && waited)
        waited = co_await pull->ended.wait();
    std::erase(pull->viewers, &sink);
    if (pull->viewers.empty() && pull->stop != nullptr) pull->stop->request();
    if (!waited) co_return waited.error();
    co_return *pull->result;
}

Task<void> Images::run_pull(std::shared_ptr<Pull> pull) {
    loop::Stop stop(co_await loop::this_stop());
    pull->stop = &stop;
    // All viewers may have gone before this task began.
    if (pull->viewers.empty()) stop.request();
    Result<std::string> result = co_await loop::with_stop(stop, pull_and_record(pull));
    pull->stop = nullptr;
    pull->result = std::move(result);
    running_.remove(pull);
    pull->ended.wake_all();
}

Task<Result<std::string>> Images::pull_and_record(std::shared_ptr<Pull> pull) {
    registry::PullRequest request;
    request.target = pull->order.target;
    request.platform = pull->order.platform;
    request.credentials = pull->order.credentials;
    registry::Known& known = *this;
    auto pulled = co_await puller_.pull(std::move(request), *pull, known);
    if (!pulled) co_return std::move(pulled).error();
    // Everything is on disk: the record follows whoever has gone.
    auto newer = co_await loop::shield(record(*pulled, pull->order.target));
    if (!pulled->up_to_date) unpin(pulled->diff_ids);
    if (!newer) co_return std::move(newer).error();
    std::string shown = pull->order.target.familiar();
    pull->progress(
        {.id = {},
         .status = fmt::format("Status: {} for {}",
                               *newer ? "Downloaded newer image" : "Image is up to date", shown)});
    tell("pull", pulled->id, shown, pull->order.target.familiar_name());
    co_return pulled->id;
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
        image = describe(std::move(made), pulled.config);
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
    Image image = *found;
    add_once(image.record.tags, registry::canonical_tag(target));
    image.record.tagged = base::now();
    std::string id = image.record.id;
    CO_TRY_DO(co_await loop::shield(put(std::move(image))));
    tell("tag", id, id, target.familiar());
    co_return Status();
}

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
