#include "engine/check.h"

#include "base/limits.h"
#include "base/log.h"
#include "codec/human.h"
#include "codec/json.h"
#include "registry/reference.h"
#include "store/layer_check.h"
#include "sys/file.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace engine {

namespace {

std::string layer_name(const std::string& diff_id) {
    return "layer " + diff_id;
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
    return std::ranges::find(list, text) != list.end();
}

// "docker.io/library/centos" of "docker.io/library/centos@sha256:..."
std::string repository_of(const std::string& digest_name) {
    return digest_name.substr(0, digest_name.find('@'));
}

Result<store::LayerCheck> check_files(const loop::Stopping& stopping, store::Store* store,
                                      std::string diff_id) {
    return store::check_layer(store->layers(), diff_id, [&] { return stopping.requested(); });
}

// Puts the copy's implied folders right and the copy into the layer's place.
Status place_copy(store::Store* store, std::unique_ptr<store::Draft> draft,
                  std::vector<std::string> lowers) {
    TRY_DO(store::apply_implied(draft->diff_path(), draft->unpacked.implied, lowers));
    if (store->layers().find(draft->unpacked.diff_id))
        return store->layers().replace(std::move(*draft));
    std::vector<store::Draft> drafts;
    drafts.push_back(std::move(*draft));
    TRY(auto committed, store->layers().commit(std::move(drafts)));
    (void)committed;
    return {};
}

Status drop_copy(std::unique_ptr<store::Draft> draft) {
    draft.reset();
    return {};
}

std::string bytes_text(std::uint64_t bytes) {
    return codec::human_size(static_cast<std::int64_t>(bytes));
}

struct Leftover {
    std::string place, name;
    std::uint64_t bytes = 0;
    std::int64_t changed_s = 0;
};

Result<std::vector<Leftover>> list_folder(const std::string& root, const std::string& place) {
    TRY(Fd folder, sys::open_folder(root + "/" + place));
    TRY(std::vector<std::string> names, sys::list_names(folder));
    std::vector<Leftover> found;
    for (const std::string& name : names) {
        struct stat info {};
        if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        found.push_back({place, name, static_cast<std::uint64_t>(info.st_size), info.st_ctime});
    }
    return found;
}

Result<std::vector<Leftover>> list_leftovers(store::Store* store) {
    std::vector<Leftover> all;
    for (const char* place : {"layers", "staging", "ingest"}) {
        TRY(std::vector<Leftover> found, list_folder(store->data_root(), place));
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

Status remove_leftover(store::Store* store, std::string place, std::string name) {
    TRY(Fd folder, sys::open_folder(store->data_root() + "/" + place));
    return sys::remove_tree(folder, name);
}

// What the blobs of an image say that are not as they were.
struct BrokenBlob {
    std::string digest, why;
    bool manifest = false;
};
Result<std::vector<BrokenBlob>> check_blobs(store::Store* store, std::string id,
                                            std::string manifest) {
    std::vector<BrokenBlob> broken;
    auto config = store->images().read_blob(id, limits::image_config_bytes_max);
    if (!config) broken.push_back({id, "its config: " + config.error().message(), false});
    if (manifest.empty()) return broken;
    auto text = store->images().read_blob(manifest, limits::manifest_bytes_max);
    if (!text) broken.push_back({manifest, "its manifest: " + text.error().message(), true});
    return broken;
}

}  // namespace

// One check under way.
struct Checks::Run {
    CheckOrder order;
    CheckSink& sink;
    CheckReport report;
    Facts facts;
    std::set<std::string> missing_told;  // diff ids
};

Checks::Checks(Parts parts) : parts_(parts), begun_s_(base::now().seconds()) {}

Result<Checks::Facts> Checks::read_facts(store::Store* store) {
    Facts facts;
    TRY(facts.images, store->images().list());
    for (const store::Image& image : facts.images) {
        facts.stacks.push_back(image.diff_ids);
        if (image.manifest.empty() || image.digests.empty()) continue;
        auto text = store->images().read_blob(image.manifest, limits::manifest_bytes_max);
        auto manifest = text ? json::read<wire::oci::Manifest>(*text)
                             : Result<wire::oci::Manifest>(text.error());
        if (!manifest || !manifest->layers || manifest->layers->size() != image.diff_ids.size())
            continue;
        for (std::size_t i = 0; i < image.diff_ids.size(); ++i)
            for (const std::string& name : image.digests)
                facts.sources[image.diff_ids[i]].push_back(
                    {repository_of(name), (*manifest->layers)[i]});
    }
    return facts;
}

Task<Result<CheckReport>> Checks::run(CheckOrder order, CheckSink& sink) {
    if (running_) co_return Error(Kind::conflict, "a check operation is already running");
    running_ = true;
    Run run{.order = std::move(order), .sink = sink, .report = {}, .facts = {}, .missing_told = {}};
    Status done = co_await check_database(run);
    if (done) {
        auto facts = co_await parts_.workers.run(loop::Lane::quick, read_facts, &parts_.store);
        if (facts)
            run.facts = std::move(*facts);
        else
            done = facts.error();
    }
    if (done) done = co_await check_images(run);
    if (done) done = co_await check_layers(run);
    if (done) done = co_await check_containers(run);
    if (done) done = co_await check_leftovers(run);
    running_ = false;
    if (!done) co_return done.error();
    co_return run.report;
}

Task<Status> Checks::damaged(Run& run, std::string id, std::vector<std::string> what) {
    for (std::string& one : what) {
        ++run.report.problems;
        base::log::warn("check id={} problem={:?}", id, one);
        CheckLine line{id, "Damaged", std::move(one)};
        CO_TRY_DO(co_await run.sink.tell(std::move(line)));
    }
    co_return Status();
}

Task<Status> Checks::repaired(Run& run, std::string id, std::uint64_t problems, Status how) {
    if (!how && how.error().kind() == Kind::cancelled) co_return how;
    if (how) run.report.repaired += problems;
    base::log::info("check id={} {}", id,
                    how ? std::string("repaired") : "not repaired: " + how.error().message());
    CheckLine line{std::move(id), how ? "Repaired" : "Not repaired",
                   how ? "" : how.error().message()};
    co_return co_await run.sink.tell(std::move(line));
}

Task<Status> Checks::check_database(Run& run) {
    CheckLine line{"database", "Checking", {}};
    CO_TRY_DO(co_await run.sink.tell(std::move(line)));
    Status sound = co_await parts_.workers.run(
        loop::Lane::quick, [](store::Database* database) { return database->verify(); },
        &parts_.store.database());
    if (sound) co_return Status();
    if (sound.error().kind() == Kind::cancelled) co_return sound;
    std::vector<std::string> what{sound.error().message()};
    CO_TRY_DO(co_await damaged(run, "database", std::move(what)));
    if (!run.order.repair) co_return Status();
    Status how = Error(Kind::unsupported,
                       "restart the engine: it sets the database aside and rebuilds it then");
    co_return co_await repaired(run, "database", 1, std::move(how));
}

Task<Status> Checks::check_images(Run& run) {
    for (const store::Image& image : run.facts.images) {
        ++run.report.images;
        std::string id = "image " + image.id;
        auto broken = co_await parts_.workers.run(loop::Lane::quick, check_blobs, &parts_.store,
                                                  image.id, image.manifest);
        if (!broken) co_return broken.error();
        std::vector<std::string> repositories;
        for (const std::string& name : image.digests)
            repositories.push_back(repository_of(name));
        for (const BrokenBlob& blob : *broken) {
            std::vector<std::string> what{blob.why};
            CO_TRY_DO(co_await damaged(run, id, std::move(what)));
            if (!run.order.repair) continue;
            Status how = co_await repair_blob(run, blob.digest, repositories, blob.manifest);
            CO_TRY_DO(co_await repaired(run, id, 1, std::move(how)));
        }
        for (const std::string& diff_id : image.diff_ids) {
            if (parts_.store.layers().find(diff_id) || !run.missing_told.insert(diff_id).second)
                continue;
            std::string layer = layer_name(diff_id);
            std::vector<std::string> what{"is missing"};
            CO_TRY_DO(co_await damaged(run, layer, std::move(what)));
            if (!run.order.repair) continue;
            Status how = co_await repair_layer(run, diff_id, std::nullopt);
            CO_TRY_DO(co_await repaired(run, layer, 1, std::move(how)));
        }
    }
    // Those that could not be loaded for what was missing.
    if (run.report.repaired > 0) CO_TRY_DO(co_await parts_.images.load_again());
    co_return Status();
}

Task<Status> Checks::check_layers(Run& run) {
    for (store::Layer& layer : parts_.store.layers().list()) {
        std::vector<std::string> diff_ids{layer.diff_id};
        LayerPins pins(parts_.images, diff_ids);
        // Removed since the list was made.
        if (!parts_.store.layers().find(layer.diff_id)) continue;
        ++run.report.layers;
        CO_TRY_DO(co_await check_layer(run, std::move(layer)));
    }
    co_return Status();
}

Task<Status> Checks::check_layer(Run& run, store::Layer layer) {
    std::string id = layer_name(layer.diff_id);
    CheckLine begin{id, "Checking", bytes_text(layer.size)};
    CO_TRY_DO(co_await run.sink.tell(std::move(begin)));
    auto found =
        co_await parts_.workers.run(loop::Lane::heavy, check_files, &parts_.store, layer.diff_id);
    if (!found) co_return found.error();
    if (found->unknown) {
        CheckLine note{id, "Note",
                       "cannot be verified: an older version of this engine unpacked it"};
        co_return co_await run.sink.tell(std::move(note));
    }
    std::uint64_t problems = found->findings.size();
    if (problems == 0) co_return Status();
    CO_TRY_DO(co_await damaged(run, id, std::move(found->findings)));
    if (!run.order.repair) co_return Status();
    Status how = co_await repair_layer(run, layer.diff_id, layer);
    if (how) {
        auto again = co_await parts_.workers.run(loop::Lane::heavy, check_files, &parts_.store,
                                                 layer.diff_id);
        if (!again)
            how = again.error();
        else if (!again->findings.empty())
            how = Error(Kind::internal, "the new copy is damaged, too: " + again->findings[0]);
    }
    co_return co_await repaired(run, std::move(id), problems, std::move(how));
}

registry::Caller Checks::caller_for(const Run& run, const registry::Target& target) const {
    registry::Caller caller;
    caller.headers = run.order.headers;
    auto found = run.order.credentials.find(target.domain);
    if (found != run.order.credentials.end()) caller.credentials = found->second;
    return caller;
}

Task<Status> Checks::repair_blob(Run& run, std::string digest,
                                 std::vector<std::string> repositories, bool manifest) {
    Error last(Kind::missing, "it was not pulled from a registry: load or pull the image again");
    for (const std::string& repository : repositories) {
        auto target = registry::parse_reference(repository);
        if (!target) continue;
        registry::Caller caller = caller_for(run, *target);
        auto bytes =
            co_await parts_.puller.fetch_document(*target, std::move(caller), digest, manifest);
        Status written = bytes ? Status() : Status(bytes.error());
        if (bytes)
            written = co_await parts_.workers.run(
                loop::Lane::quick,
                [](store::Store* store, std::string name, std::string text) {
                    return store->images().write_blob(name, text);
                },
                &parts_.store, digest, std::move(*bytes));
        if (written || written.error().kind() == Kind::cancelled) co_return written;
        last = written.error();
    }
    co_return last;
}

std::optional<Error> Checks::user_of(const std::string& diff_id) const {
    for (const ContainerPtr& container : parts_.containers.all())
        if ((container->running || container->ending) &&
            contains(container->record.diff_ids, diff_id))
            return Error(Kind::conflict,
                         fmt::format("container {} runs on it: stop it and repair again",
                                     container->record.name));
    return std::nullopt;
}

Task<Result<store::Draft>> Checks::fetch(Run& run, const std::string& diff_id,
                                         std::vector<Source> sources) {
    class Silent final : public registry::ProgressSink {
        void progress(registry::Progress) override {}
    } silent;
    Error last(Kind::missing, "it was not pulled from a registry: load its images again");
    std::set<std::string> tried;
    for (Source& source : sources) {
        auto target = registry::parse_reference(source.repository);
        bool usable = target && registry::is_digest(source.blob.digest) && source.blob.size >= 0;
        if (!usable || !tried.insert(source.repository + source.blob.digest).second) continue;
        CheckLine line{layer_name(diff_id), "Fetching",
                       fmt::format("{} from {}",
                                   bytes_text(static_cast<std::uint64_t>(source.blob.size)),
                                   source.repository)};
        CO_TRY_DO(co_await run.sink.tell(std::move(line)));
        registry::LayerRequest request{.target = *target,
                                       .caller = caller_for(run, *target),
                                       .blob = std::move(source.blob),
                                       .diff_id = diff_id};
        auto draft = co_await parts_.puller.fetch_copy(std::move(request), silent);
        if (draft || draft.error().kind() == Kind::cancelled) co_return std::move(draft);
        last = std::move(draft).error().context(source.repository);
    }
    co_return last;
}

Task<Status> Checks::repair_layer(Run& run, std::string diff_id,
                                  std::optional<store::Layer> layer) {
    if (auto used = user_of(diff_id)) co_return *used;
    std::vector<Source> sources;
    if (layer && !layer->source.empty()) {
        Source own;
        own.repository = layer->source;
        own.blob.digest = layer->digest;
        own.blob.size = static_cast<std::int64_t>(layer->compressed_size);
        sources.push_back(std::move(own));
    }
    if (auto found = run.facts.sources.find(diff_id); found != run.facts.sources.end())
        sources.insert(sources.end(), found->second.begin(), found->second.end());
    CO_TRY(store::Draft draft, co_await fetch(run, diff_id, std::move(sources)));
    co_return co_await put_in_place(run, std::move(diff_id), std::move(draft));
}

// Whoever wants to start on the layer waits for its lock, or is refused for this moment if it was
// created in it.
Task<Status> Checks::put_in_place(Run& run, std::string diff_id, store::Draft draft) {
    parts_.images.close_layer(diff_id);
    Status done = co_await put_in_place_closed(run, diff_id, draft);
    parts_.images.reopen_layer(diff_id);
    auto left = std::make_unique<store::Draft>(std::move(draft));
    Task<Status> dropping = parts_.workers.run(loop::Lane::heavy, drop_copy, std::move(left));
    (void)co_await loop::shield(std::move(dropping));
    co_return done;
}

Task<Status> Checks::put_in_place_closed(Run& run, std::string diff_id, store::Draft& draft) {
    std::vector<loop::Mutex::Lock> locks;
    for (const ContainerPtr& container : parts_.containers.all()) {
        if (!contains(container->record.diff_ids, diff_id)) continue;
        CO_TRY(auto lock, co_await container->changing.lock());
        locks.push_back(std::move(lock));
    }
    if (auto used = user_of(diff_id)) co_return *used;
    std::vector<std::vector<std::string>> stacks = run.facts.stacks;
    for (auto& stack : parts_.containers.layers_in_use())
        stacks.push_back(std::move(stack));
    std::vector<std::string> lowers;  // topmost first
    for (const auto& stack : stacks) {
        auto at = std::ranges::find(stack, diff_id);
        if (at == stack.end()) continue;
        while (at != stack.begin())
            if (auto layer = parts_.store.layers().find(*--at))
                lowers.push_back(parts_.store.layers().diff_path(layer->id));
        break;
    }
    auto copy = std::make_unique<store::Draft>(std::move(draft));
    Task<Status> placing = parts_.workers.run(loop::Lane::heavy, place_copy, &parts_.store,
                                              std::move(copy), std::move(lowers));
    co_return co_await loop::shield(std::move(placing));
}

Task<Status> Checks::check_containers(Run& run) {
    auto records = co_await parts_.workers.run(
        loop::Lane::quick, [](store::Containers* all) { return all->list(); }, &parts_.records);
    if (!records) co_return records.error();
    auto folders = co_await parts_.workers.run(
        loop::Lane::quick, [](store::Folders* all) { return all->list_containers(); },
        &parts_.store.folders());
    if (!folders) co_return folders.error();
    std::set<std::string> recorded;
    for (const store::Record& record : *records) {
        ++run.report.containers;
        recorded.insert(record.key);
        std::string id = "container " + record.key;
        std::vector<std::string> what;
        auto read = json::read<ContainerRecord>(record.json);
        if (!read) what.push_back("its record cannot be read: " + read.error().message());
        // Gone since the list was made.
        if (!parts_.containers.find(record.key) && read) continue;
        bool folder = contains(*folders, record.key);
        if (!folder) what.emplace_back("its folder is missing, with what it had written");
        for (const std::string& diff_id : read ? read->diff_ids : std::vector<std::string>())
            if (!parts_.store.layers().find(diff_id))
                what.push_back(layer_name(diff_id) + " is missing");
        std::uint64_t problems = what.size();
        CO_TRY_DO(co_await damaged(run, id, std::move(what)));
        if (!run.order.repair || problems == 0) continue;
        Status how = Error(Kind::unsupported, "remove it and create it again");
        // An empty one is what a start would make, too.
        if (!folder && problems == 1)
            how = co_await parts_.workers.run(
                loop::Lane::quick,
                [](store::Folders* all, std::string name) {
                    return all->create_container(name, "");
                },
                &parts_.store.folders(), record.key);
        CO_TRY_DO(co_await repaired(run, std::move(id), problems, std::move(how)));
    }
    for (const std::string& name : *folders) {
        // One that is being created has no record yet, one that is being removed no more.
        if (recorded.contains(name) || parts_.containers.find(name)) continue;
        std::string id = "folder containers/" + name;
        std::vector<std::string> what{"belongs to no container"};
        CO_TRY_DO(co_await damaged(run, id, std::move(what)));
        if (!run.order.repair) continue;
        Status how = co_await parts_.workers.run(
            loop::Lane::heavy,
            [](store::Folders* all, std::string which) { return all->remove_container(which); },
            &parts_.store.folders(), name);
        CO_TRY_DO(co_await repaired(run, std::move(id), 1, std::move(how)));
    }
    co_return Status();
}

Task<Status> Checks::check_leftovers(Run& run) {
    auto found = co_await parts_.workers.run(loop::Lane::quick, list_leftovers, &parts_.store);
    if (!found) co_return found.error();
    std::set<std::string> known;
    for (const store::Layer& layer : parts_.store.layers().list())
        known.insert(layer.id);
    // A commit names folders just before it records them.
    constexpr std::int64_t young_s = 60;
    for (const Leftover& one : *found) {
        std::string id = fmt::format("{}/{}", one.place, one.name);
        if (one.place == "ingest") {
            if (!one.name.ends_with(".part")) continue;
            CheckLine note{id, "Note",
                           fmt::format("{} of a broken pull, kept for a week to go on with",
                                       bytes_text(one.bytes))};
            CO_TRY_DO(co_await run.sink.tell(std::move(note)));
            continue;
        }
        bool theirs = one.place == "layers" ? known.contains(one.name) ||
                                                  one.changed_s + young_s > base::now().seconds()
                                            : one.changed_s >= begun_s_;
        if (theirs) continue;
        std::vector<std::string> what{"belongs to nothing"};
        CO_TRY_DO(co_await damaged(run, id, std::move(what)));
        if (!run.order.repair) continue;
        Status how = co_await parts_.workers.run(loop::Lane::heavy, remove_leftover, &parts_.store,
                                                 one.place, one.name);
        CO_TRY_DO(co_await repaired(run, std::move(id), 1, std::move(how)));
    }
    co_return Status();
}

}  // namespace engine
