#include "registry/puller.h"

#include "base/limits.h"
#include "base/log.h"
#include "registry/distribution.h"
#include "store/sha256.h"

#include <algorithm>
#include <fmt/format.h>

namespace registry {

using wire::oci::Descriptor;

// A layer under way. Others may wait for it: first for its unpacked files, then for its end.
struct Puller::Running {
    explicit Running(Loop& loop) : changed(loop) {}
    loop::WaitList changed;
    std::unique_ptr<LayerWork> work;
    Status status;
    bool disk_failed = false;
    std::string diff_path;  // once unpacked
    bool ended = false;     // committed, or failed
};

struct Puller::Documents {
    std::string reference_digest, manifest_digest;
    std::vector<std::pair<std::string, std::string>>
        blobs;  // digest, bytes: index(es), manifest, config
    ImageManifest manifest;
    wire::oci::ImageConfig config;
    std::string known_id;  // set: the image is here
    std::string source;    // repository, as in a name
};

namespace {

std::string short_id(const std::string& digest) {
    return digest.substr(7, 12);
}

using Seen = store::LayerBlobs::Seen;

// The documents; and where the layers are, so that a push has not to send them there again.
Status write_blobs(store::Store* store, std::vector<std::pair<std::string, std::string>> blobs,
                   std::vector<Seen> seen, std::string repository) {
    for (const auto& [digest, bytes] : blobs)
        TRY_DO(store->images().write_blob(digest, bytes));
    return store->layer_blobs().add(seen, repository);
}

struct Lower {
    std::string diff_id;
    std::string draft_path;  // its files while it is not committed
};
struct CommitJob {
    std::vector<std::unique_ptr<LayerWork>> works;  // bottom first
    std::vector<std::vector<Lower>> lowers;         // of each, topmost first
};

Status imply(store::Store& store, const store::Draft& draft, const std::vector<Lower>& lowers) {
    std::vector<std::string> paths;
    for (const Lower& lower : lowers) {
        auto layer = store.layers().find(lower.diff_id);
        paths.push_back(layer ? store.layers().diff_path(layer->id) : lower.draft_path);
    }
    return store::apply_implied(draft.diff_path(), draft.unpacked.implied, paths);
}

// Worker: metadata of implied folders from the layers below, then everything durable at once.
Status commit_layers(store::Store* store, CommitJob job) {
    std::vector<store::Draft> drafts;
    for (std::size_t i = 0; i < job.works.size(); ++i) {
        const store::Draft& draft = *job.works[i]->draft;
        if (draft.unpacked.implied.empty()) continue;
        Status done = imply(*store, draft, job.lowers[i]);
        // A layer of another pull may have been renamed into its place just now: look again.
        if (!done) done = imply(*store, draft, job.lowers[i]);
        if (!done) return done;
    }
    for (auto& work : job.works)
        drafts.push_back(std::move(*work->draft));
    for (auto& work : job.works)
        work->part->drop_if_new();
    TRY(auto committed, store->layers().commit(std::move(drafts)));
    (void)committed;
    for (auto& work : job.works)
        work->part->drop();
    return {};
}

// Worker: the copy's part is needed no more.
Status finish_copy(std::unique_ptr<LayerWork> work) {
    work->part->drop();
    return {};
}

// Worker: what was kept to go on with later only fills a disk that is full already.
Status drop_parts(store::Store* store, std::vector<std::string> digests) {
    for (const std::string& digest : digests)
        store->ingest().drop(digest);
    return {};
}

Error wrong_size(const Descriptor& announced) {
    return Error(Kind::invalid, fmt::format("manifest {} does not have the {} bytes its index says",
                                            announced.digest, announced.size));
}

Status check_announced(const Descriptor& announced, const Manifest& manifest) {
    const std::string& type =
        std::visit([](const auto& one) -> const std::string& { return one.media_type; }, manifest);
    if (type == announced.media_type) return {};
    return Error(Kind::invalid, fmt::format("manifest {} is of type '{}', its index says '{}'",
                                            announced.digest, type, announced.media_type));
}

Error reference_error(const Trouble& trouble, const Target& target) {
    if (!trouble.answered() || trouble.told) return trouble.error;
    return pull_refused(trouble.refusal, target.familiar_name(), target.familiar());
}

}  // namespace

Puller::Puller(Loop& loop, Workers& workers, store::Store& store, Transport& transport,
               const Registries& registries, PullSettings settings)
    : loop_(loop), workers_(workers), store_(store), transport_(transport), registries_(registries),
      settings_(settings), downloads_(loop, std::max(1U, settings.concurrent_downloads_max)),
      throttle_(loop) {
    throttle_.set_rate(settings.bytes_per_second_max);
}

void Puller::set_settings(PullSettings settings) {
    auto limit = [](const PullSettings& of) {
        return static_cast<long>(std::max(1U, of.concurrent_downloads_max));
    };
    downloads_.change(limit(settings) - limit(settings_));
    throttle_.set_rate(settings.bytes_per_second_max);
    settings_ = settings;
}

Task<Result<Pulled>> Puller::pull(PullRequest request, ProgressSink& sink, Known& known) {
    std::vector<Endpoint> endpoints =
        co_await find_endpoints(loop_, registries_, request.target.domain);
    Throttle throttle(loop_, &throttle_);
    throttle.set_rate(request.bytes_per_second_max);
    Error last(Kind::internal, "no endpoint");
    // A mirror that had the image says more about what is wrong (a full disk) than a registry that
    // cannot be reached.
    std::optional<Error> from_mirror;
    for (Endpoint& endpoint : endpoints) {
        bool answered = false;
        bool mirror = endpoint.mirror;
        auto pulled = co_await pull_from(endpoint, request, sink, known, throttle, answered);
        if (pulled || pulled.error().kind() == Kind::cancelled) co_return std::move(pulled);
        // Plain HTTP is tried only when TLS brought no answer at all; after a mirror always goes
        // on.
        if (answered && !mirror) co_return std::move(pulled);
        if (mirror)
            base::log::debug("mirror did not help mirror={} error={:?}", endpoint.base,
                             pulled.error().message());
        last = pulled.error();
        if (answered) from_mirror = last;
    }
    co_return from_mirror.value_or(last);
}

Task<Result<std::vector<std::string>>> Puller::tags(Target target, Caller caller) {
    auto endpoints = co_await find_endpoints(loop_, registries_, target.domain);
    Error last(Kind::internal, "no endpoint");
    for (Endpoint& endpoint : endpoints) {
        Caller here = caller;
        bool mirror = endpoint.mirror;
        if (mirror) here.credentials = {};
        Session session(loop_, transport_, settings_, std::move(endpoint), target.path,
                        std::move(here));
        Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
        auto found = co_await fetch_tags(session, trouble);
        if (found || found.error().kind() == Kind::cancelled) co_return std::move(found);
        last = trouble.refusal.status >= 400 ? reference_error(trouble, target) : found.error();
        if (trouble.answered() && !mirror) co_return last;
    }
    co_return last;
}

std::vector<Seen> Puller::layers_seen(const Documents& documents) {
    std::vector<Seen> out;
    const std::vector<Descriptor>& layers = documents.manifest.layers;
    for (std::size_t i = 0; i < layers.size(); ++i)
        if (layers[i].urls.empty())  // else it is somewhere else
            out.push_back({documents.config.rootfs.diff_ids[i], layers[i].digest,
                           static_cast<std::uint64_t>(layers[i].size), layers[i].media_type});
    return out;
}

Task<Result<Pulled>> Puller::pull_from(Endpoint endpoint, const PullRequest& request,
                                       ProgressSink& sink, Known& known, Throttle& throttle,
                                       bool& answered) {
    // A mirror is another host: the user's credentials are not for it (R1).
    Caller caller = request.caller;
    if (endpoint.mirror) caller.credentials = {};
    Session session(loop_, transport_, settings_, std::move(endpoint), request.target.path,
                    std::move(caller));
    CO_TRY(Documents found, co_await documents(session, request, sink, known, answered));
    Pulled out;
    out.reference_digest = found.reference_digest;
    if (!found.known_id.empty()) {
        out.id = found.known_id;
        out.up_to_date = true;
        sink.progress({.id = {}, .status = "Digest: " + out.reference_digest});
        co_return out;
    }
    const std::vector<std::string>& diff_ids = found.config.rootfs.diff_ids;
    known.pin(diff_ids);
    Status fetched = co_await layers(session, found, sink, throttle);
    if (fetched)
        fetched = co_await workers_.run(loop::Lane::quick, write_blobs, &store_, found.blobs,
                                        layers_seen(found), canonical_name(request.target));
    if (!fetched) {
        known.unpin(diff_ids);
        co_return fetched.error();
    }
    out.id = found.manifest.config.digest;
    out.manifest_digest = found.manifest_digest;
    out.diff_ids = diff_ids;
    for (const std::string& diff_id : diff_ids)
        if (auto layer = store_.layers().find(diff_id)) out.size += layer->size;
    out.config = std::move(found.config);
    sink.progress({.id = {}, .status = "Digest: " + out.reference_digest});
    co_return out;
}

Task<Result<Puller::Documents>> Puller::documents(Session& session, const PullRequest& request,
                                                  ProgressSink& sink, Known& known,
                                                  bool& answered) {
    const Target& target = request.target;
    Platform platform = request.platform.value_or(host_platform());
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    Documents out;
    out.source = canonical_name(target);
    std::string what = "manifests/" + (target.digest.empty() ? target.tag : target.digest);
    std::string expected = target.digest, content_type;
    std::optional<Descriptor> announced;  // by the index above
    for (unsigned depth = 0;; ++depth) {
        if (depth > index_depth_max)
            co_return Error(Kind::invalid, "image index is nested too deep");
        std::size_t bytes_max =
            announced ? static_cast<std::size_t>(announced->size) + 1 : limits::manifest_bytes_max;
        auto bytes =
            co_await session.document(what, manifest_accept, bytes_max, content_type, trouble);
        if (announced && !bytes && bytes.error().kind() == Kind::too_large)
            co_return wrong_size(*announced);
        if (!bytes) {
            answered = trouble.answered();
            if (bytes.error().kind() == Kind::cancelled) co_return std::move(bytes).error();
            co_return reference_error(trouble, target);
        }
        answered = true;
        if (announced && bytes->size() != static_cast<std::size_t>(announced->size))
            co_return wrong_size(*announced);
        std::string digest = store::sha256_digest(*bytes);
        if (!expected.empty() && digest != expected)
            co_return Error(Kind::invalid,
                            fmt::format("manifest verification failed for digest {}", expected));
        if (depth == 0) {
            out.reference_digest = digest;
            out.known_id = known.image_of(digest, platform);
            std::string id = target.tag;
            if (!target.digest.empty()) id = canonical_name(target) + "@" + target.digest;
            sink.progress({.id = std::move(id), .status = "Pulling from " + target.path});
            if (!out.known_id.empty()) co_return std::move(out);
        }
        CO_TRY(Manifest manifest, parse_manifest(*bytes, content_type));
        if (announced) CO_TRY_DO(check_announced(*announced, manifest));
        out.blobs.emplace_back(digest, std::move(*bytes));
        if (auto* image = std::get_if<ImageManifest>(&manifest)) {
            out.manifest_digest = digest;
            out.manifest = std::move(*image);
            break;
        }
        CO_TRY(const Descriptor* entry, choose(std::get<Index>(manifest), platform));
        bool seen =
            std::ranges::any_of(out.blobs, [&](const auto& b) { return b.first == entry->digest; });
        if (seen) co_return Error(Kind::invalid, "image index refers to itself");
        what = "manifests/" + entry->digest;
        expected = entry->digest;
        announced = *entry;
    }
    const Descriptor& config = out.manifest.config;
    CO_TRY(std::string bytes, co_await fetch_config(session, config));
    CO_TRY(out.config, parse_image_config(bytes, out.manifest.layers.size()));
    out.blobs.emplace_back(config.digest, std::move(bytes));
    co_return std::move(out);
}

Task<Status> Puller::layers(Session& session, const Documents& documents, ProgressSink& sink,
                            Throttle& throttle) {
    std::vector<LayerPlan> plans;
    std::atomic<std::uint64_t> written = 0;
    const auto& diff_ids = documents.config.rootfs.diff_ids;
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        const Descriptor& blob = documents.manifest.layers[i];
        // The same layer twice in one image is one layer.
        if (std::ranges::any_of(plans,
                                [&](const LayerPlan& p) { return p.diff_id == diff_ids[i]; }))
            continue;
        plans.push_back({.blob = blob,
                         .diff_id = diff_ids[i],
                         .short_id = short_id(blob.digest),
                         .written = &written,
                         .order = static_cast<unsigned>(i),
                         .throttle = &throttle,
                         .source = documents.source});
    }
    CO_TRY_DO(co_await check_room(session, plans));
    // A round ends with every layer here, or with an error; a layer that another pull was fetching
    // and gave up is fetched by us in the next one.
    for (bool first = true;; first = false) {
        bool disk_failed = false;
        Status done = co_await layers_round(session, plans, sink, first, disk_failed);
        bool kept = std::ranges::any_of(plans, &LayerPlan::keep);
        if (!done && disk_failed && kept && co_await fits_without_parts(plans)) {
            base::log::debug("the disk is too full to keep what comes, trying again without");
            for (LayerPlan& plan : plans)
                plan.keep = false;
            continue;
        }
        CO_TRY_DO(std::move(done));
        bool all = std::ranges::all_of(
            plans, [&](const LayerPlan& p) { return store_.layers().find(p.diff_id).has_value(); });
        if (all) co_return Status();
    }
}

// Refuses what cannot fit before any of it is fetched. How much a layer unpacks to is not known,
// but hardly less than what comes: tar and its blocks are larger than what compressors leave. What
// is there of a broken pull goes when the layer is in, or before when there is no room for both.
Task<Status> Puller::check_room(Session& session, const std::vector<LayerPlan>& plans) {
    std::uint64_t missing = 0;
    std::vector<std::string> digests;
    for (const LayerPlan& plan : plans) {
        if (store_.layers().find(plan.diff_id) || running_.contains(plan.diff_id)) continue;
        auto size = static_cast<std::uint64_t>(plan.blob.size);
        missing += std::min(size, UINT64_MAX - missing);
        digests.push_back(plan.blob.digest);
    }
    if (digests.empty()) co_return Status();
    std::string what = "image " + session.repository();
    co_return co_await workers_.run(
        loop::Lane::quick,
        [](store::Store* store, std::string name, std::uint64_t bytes,
           std::vector<std::string> parts) {
            std::uint64_t kept = store->ingest().bytes_of(parts);
            return store->reserve().admit(name, bytes - std::min(bytes, kept));
        },
        &store_, std::move(what), missing, std::move(digests));
}

Task<Result<store::Draft>> Puller::fetch_copy(LayerRequest request, ProgressSink& sink) {
    std::vector<Endpoint> endpoints =
        co_await find_endpoints(loop_, registries_, request.target.domain);
    Error last(Kind::internal, "no endpoint");
    for (Endpoint& endpoint : endpoints) {
        Caller caller = request.caller;
        if (endpoint.mirror) caller.credentials = {};  // for the registry itself only (R1)
        Session session(loop_, transport_, settings_, std::move(endpoint), request.target.path,
                        std::move(caller));
        LayerPlan plan{.blob = request.blob,
                       .diff_id = request.diff_id,
                       .short_id = short_id(request.blob.digest),
                       .throttle = &throttle_,
                       .source = canonical_name(request.target)};
        CO_TRY(auto permit, co_await downloads_.acquire());
        // Where there is somewhere else to ask, patience is for the last.
        PullSettings settings = settings_;
        if (&endpoint != &endpoints.back()) settings.retry.attempts_max = 1;
        LayerTransfer transfer(loop_, workers_, store_, settings, session, std::move(plan), sink);
        auto work = co_await transfer.run();
        if (work) {
            store::Draft draft = std::move(*(*work)->draft);
            (*work)->draft.reset();
            Task<Status> finishing = workers_.run(loop::Lane::quick, finish_copy, std::move(*work));
            CO_TRY_DO(co_await loop::shield(std::move(finishing)));
            co_return draft;
        }
        last = work.error();
        if (last.kind() == Kind::cancelled || transfer.disk_failed()) break;
    }
    co_return last;
}

Task<Result<std::string>> Puller::fetch_document(Target target, Caller caller, std::string digest,
                                                 bool manifest) {
    auto endpoints = co_await find_endpoints(loop_, registries_, target.domain);
    Error last(Kind::internal, "no endpoint");
    std::string what = (manifest ? "manifests/" : "blobs/") + digest;
    for (Endpoint& endpoint : endpoints) {
        Caller here = caller;
        if (endpoint.mirror) here.credentials = {};  // for the registry itself only (R1)
        Session session(loop_, transport_, settings_, std::move(endpoint), target.path,
                        std::move(here));
        Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
        std::string content_type;
        std::size_t bytes_max =
            manifest ? limits::manifest_bytes_max : limits::image_config_bytes_max;
        auto bytes = co_await session.document(what, manifest ? manifest_accept : "", bytes_max,
                                               content_type, trouble);
        if (bytes && store::sha256_digest(*bytes) == digest) co_return std::move(bytes);
        last = bytes ? Error(Kind::invalid, "verification failed for digest " + digest)
                     : bytes.error();
        if (last.kind() == Kind::cancelled) break;
    }
    co_return last;
}

// The compressed bytes are the least that what is missing will take.
Task<bool> Puller::fits_without_parts(const std::vector<LayerPlan>& plans) {
    std::uint64_t missing = 0;
    for (const LayerPlan& plan : plans)
        if (!store_.layers().find(plan.diff_id))
            missing += static_cast<std::uint64_t>(plan.blob.size);
    auto free = co_await workers_.run(
        loop::Lane::quick, [](store::Store* store) { return store->reserve().room(); }, &store_);
    co_return free&&* free >= missing;
}

Task<void> Puller::fetch_layer(Session& session, LayerPlan plan, ProgressSink& sink,
                               Running& running, Scope& scope) {
    if (!downloads_.available()) sink.progress({.id = plan.short_id, .status = "Waiting"});
    auto permit = co_await downloads_.acquire();
    if (!permit) {
        running.status = permit.error();
        co_return;
    }
    LayerTransfer transfer(loop_, workers_, store_, settings_, session, std::move(plan), sink);
    auto work = co_await transfer.run();
    if (!work) {
        running.status = work.error();
        running.disk_failed = transfer.disk_failed();
        if (work.error().kind() != Kind::cancelled) scope.cancel();
        co_return;
    }
    running.work = std::move(*work);
    running.diff_path = running.work->draft->diff_path();
    running.changed.wake_all();
}

Task<Status> Puller::layers_round(Session& session, const std::vector<LayerPlan>& plans,
                                  ProgressSink& sink, bool first_round, bool& disk_failed) {
    std::vector<std::shared_ptr<Running>> ours(plans.size()), others(plans.size());
    Scope scope(loop_, co_await loop::this_stop());
    for (std::size_t i = 0; i < plans.size(); ++i) {
        const LayerPlan& plan = plans[i];
        if (store_.layers().find(plan.diff_id)) {
            if (first_round) sink.progress({.id = plan.short_id, .status = "Already exists"});
            continue;
        }
        if (first_round) sink.progress({.id = plan.short_id, .status = "Pulling fs layer"});
        if (auto found = running_.find(plan.diff_id); found != running_.end()) {
            others[i] = found->second;
            if (first_round) sink.progress({.id = plan.short_id, .status = "Waiting"});
            continue;
        }
        ours[i] = std::make_shared<Running>(loop_);
        running_.emplace(plan.diff_id, ours[i]);
        scope.spawn(fetch_layer(session, plan, sink, *ours[i], scope));
    }
    co_await scope.join();
    Status status;
    for (const auto& one : ours)
        if (one && !one->status && (status || status.error().kind() == Kind::cancelled))
            status = one->status;
    disk_failed =
        std::ranges::any_of(ours, [](const auto& one) { return one && one->disk_failed; });
    // Files of layers below that another pull unpacks: their metadata may be wanted above.
    for (const auto& other : others)
        while (status && other && other->diff_path.empty() && !other->ended)
            status = co_await other->changed.wait();
    // One of those was given up after all: what stands on it is unpacked again in the next round.
    bool lost = std::ranges::any_of(plans, [&](const LayerPlan& plan) {
        const auto& other = others[static_cast<std::size_t>(&plan - plans.data())];
        return other && other->ended && !store_.layers().find(plan.diff_id);
    });
    CommitJob job;
    std::vector<Lower> lowers;  // topmost first
    for (std::size_t i = 0; i < plans.size(); ++i) {
        Lower self{.diff_id = plans[i].diff_id, .draft_path = {}};
        if (others[i]) self.draft_path = others[i]->diff_path;
        if (ours[i]) self.draft_path = ours[i]->diff_path;
        if (ours[i] && ours[i]->work) {
            job.works.push_back(std::move(ours[i]->work));
            job.lowers.push_back(lowers);
        }
        lowers.insert(lowers.begin(), std::move(self));
    }
    if (status && !lost && !job.works.empty()) {
        // What is complete is made durable even if the client goes away now.
        Task<Status> committing =
            workers_.run(loop::Lane::heavy, commit_layers, &store_, std::move(job));
        status = co_await loop::shield(std::move(committing));
        disk_failed = !status;
    } else {
        for (auto& work : job.works) {
            Task<Status> discarding =
                workers_.run(loop::Lane::heavy, discard_work, std::move(work));
            (void)co_await loop::shield(std::move(discarding));
        }
    }
    if (disk_failed) {
        std::vector<std::string> digests;
        for (std::size_t i = 0; i < plans.size(); ++i)
            if (ours[i]) digests.push_back(plans[i].blob.digest);
        Task<Status> dropping =
            workers_.run(loop::Lane::quick, drop_parts, &store_, std::move(digests));
        (void)co_await loop::shield(std::move(dropping));
    }
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (!ours[i]) continue;
        ours[i]->ended = true;
        ours[i]->changed.wake_all();
        running_.erase(plans[i].diff_id);
        if (status && !lost) sink.progress({.id = plans[i].short_id, .status = "Pull complete"});
    }
    for (std::size_t i = 0; i < plans.size(); ++i) {
        while (status && others[i] && !others[i]->ended)
            status = co_await others[i]->changed.wait();
        if (status && others[i] && store_.layers().find(plans[i].diff_id))
            sink.progress({.id = plans[i].short_id, .status = "Pull complete"});
    }
    co_return status;
}

}  // namespace registry
