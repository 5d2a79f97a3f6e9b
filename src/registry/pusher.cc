#include "registry/pusher.h"

#include "base/limits.h"
#include "base/log.h"
#include "codec/url.h"
#include "registry/chance.h"
#include "registry/push_manifest.h"
#include "registry/upload_answers.h"
#include "store/sha256.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

namespace registry {

using store::LayerBlob;

namespace {

// How often a registry is asked whether it has a layer, and for mounts of it, before it is sent.
constexpr unsigned heads_max = 4, mounts_max = 3;

Trouble no_trouble() {
    return {.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
}

// As `docker push` prints it: the bare text, without the request it was the answer to.
Error push_error(const Session& session, const Trouble& trouble) {
    if (trouble.error.kind() == Kind::cancelled || !trouble.told) return trouble.error;
    if (const auto& refusal = session.token_refusal())
        return Error(refusal->kind(), refusal->text());
    constexpr std::string_view nobody = "no basic auth credentials";
    if (trouble.error.message().ends_with(nobody))
        return Error(Kind::unauthorized, std::string(nobody));
    return trouble.error;
}

std::optional<store::Packing> compression_of(std::string_view media_type) {
    if (media_type.ends_with("zstd")) return store::Packing::zstd;
    if (media_type.ends_with("gzip")) return store::Packing::gzip;
    return std::nullopt;
}

// What a worker reads of an image before it is pushed.
struct Papers {
    std::string config, manifest;  // manifest: "" without one
};

Result<Papers> read_papers(store::Store* store, std::string id, std::string manifest) {
    Papers out;
    TRY(out.config, store->images().read_blob(id, limits::image_config_bytes_max));
    if (manifest.empty()) return out;
    // Without it the image is pushed all the same, under a manifest of ours.
    auto bytes = store->images().read_blob(manifest, limits::manifest_bytes_max);
    if (bytes) out.manifest = std::move(*bytes);
    return out;
}

bool is_noted(const LayerBlob& blob, const std::string& repository) {
    return std::ranges::find(blob.repositories, repository) != blob.repositories.end();
}

// The blobs a layer may be at the registry as, likeliest first: what the image's own manifest says
// (then that manifest still holds), then what was seen in `repository`, then the rest.
Result<std::vector<LayerBlob>> find_blobs(store::Store* store, std::string diff_id,
                                          std::optional<LayerBlob> original,
                                          std::string repository) {
    TRY(std::vector<LayerBlob> noted, store->layer_blobs().find(diff_id));
    std::vector<LayerBlob> known, elsewhere;
    for (LayerBlob& blob : noted)
        (is_noted(blob, repository) ? known : elsewhere).push_back(std::move(blob));
    std::ranges::move(elsewhere, std::back_inserter(known));
    auto layer = store->layers().find(diff_id);
    bool packed = layer && (layer->compression == "gzip" || layer->compression == "zstd");
    auto same = [](const std::string& digest) {
        return [&digest](const LayerBlob& blob) { return blob.digest == digest; };
    };
    if (packed && is_digest(layer->digest) && std::ranges::none_of(known, same(layer->digest)))
        known.push_back({layer->digest,
                         layer->compressed_size,
                         layer_media_type(layer->compression == "zstd"),
                         {}});
    if (original) {
        auto at = std::ranges::find_if(known, same(original->digest));
        if (at != known.end()) original->repositories = at->repositories;
        if (at != known.end()) known.erase(at);
        known.insert(known.begin(), std::move(*original));
    }
    return known;
}

Status add_note(store::Store* store, store::LayerBlobs::Seen seen, std::string repository) {
    return store->layer_blobs().add({std::move(seen)}, repository);
}

Status remove_note(store::Store* store, std::string diff_id, std::string digest,
                   std::string repository) {
    return store->layer_blobs().remove(diff_id, digest, repository);
}

}  // namespace

// One layer: what is known of it, and what has become of it.
struct Pusher::Placing {
    LayerToPush layer;
    std::optional<Descriptor> original;  // by the image's own manifest
    std::vector<LayerBlob> known;
    bool waiting = false;  // told so
    Status status;
    Descriptor blob;
};

struct Pusher::Push {
    const PushRequest& request;
    ProgressSink& sink;
    Endpoint endpoint;
    PushSettings settings;
    std::string repository;  // "localhost:5000/team/app", as notes say it
    Session session;
    std::map<std::string, std::unique_ptr<Session>> mounting;  // by the repository mounted from
    std::map<std::string, Descriptor> there;                   // layers, by diff id
};

Pusher::Pusher(Loop& loop, Workers& workers, store::Store& store, Transport& transport,
               const Registries& registries, PushSettings settings)
    : loop_(loop), workers_(workers), store_(store), transport_(transport), registries_(registries),
      settings_(settings), uploads_(loop, std::max(1U, settings.concurrent_uploads_max)) {}

void Pusher::set_settings(PushSettings settings) {
    auto limit = [](const PushSettings& of) {
        return static_cast<long>(std::max(1U, of.concurrent_uploads_max));
    };
    uploads_.change(limit(settings) - limit(settings_));
    settings_ = settings;
}

Task<Status> Pusher::push(const PushRequest& request, ProgressSink& sink, Pushed pushed) {
    auto endpoints = co_await find_endpoints(loop_, registries_, request.target.domain);
    // A mirror is for reading.
    std::erase_if(endpoints, [](const Endpoint& endpoint) { return endpoint.mirror; });
    Error last(Kind::internal, "no endpoints found for " + canonical_name(request.target));
    for (Endpoint& endpoint : endpoints) {
        bool answered = false;
        Status done = co_await push_to(endpoint, request, sink, pushed, answered);
        if (done || answered || done.error().kind() == Kind::cancelled) co_return done;
        last = done.error();
    }
    co_return last;
}

Task<Status> Pusher::push_to(Endpoint endpoint, const PushRequest& request, ProgressSink& sink,
                             const Pushed& pushed, bool& answered) {
    PushSettings settings = settings_;
    Push push{.request = request,
              .sink = sink,
              .endpoint = endpoint,
              .settings = settings,
              .repository = canonical_name(request.target),
              .session = Session(loop_, transport_, settings_.session, endpoint,
                                 request.target.path, request.caller),
              .mounting = {},
              .there = {}};
    push.session.set_scopes({"repository:" + request.target.path + ":push,pull"});
    CO_TRY_DO(co_await push.session.ping());
    answered = true;
    for (const ImageToPush& image : request.images) {
        CO_TRY(PushedTag done, co_await push_image(push, image));
        CO_TRY_DO(co_await pushed(std::move(done)));
    }
    co_return Status();
}

Task<Result<PushedTag>> Pusher::push_image(Push& push, const ImageToPush& image) {
    CO_TRY(Papers papers, co_await workers_.run(loop::Lane::quick, read_papers, &store_, image.id,
                                                image.manifest));
    std::optional<ImageManifest> original = read_original(papers.manifest);
    if (original &&
        (original->config.digest != image.id || original->layers.size() != image.diff_ids.size()))
        original.reset();
    // Topmost first, as Docker tells them. The same layer twice in one image is one layer.
    std::vector<std::unique_ptr<Placing>> placings;
    std::set<std::string> seen;
    for (std::size_t i = image.diff_ids.size(); i-- > 0;) {
        const std::string& diff_id = image.diff_ids[i];
        if (!seen.insert(diff_id).second) continue;
        auto placing = std::make_unique<Placing>();
        placing->layer.diff_id = diff_id;
        placing->layer.short_id = diff_id.substr(7, 12);
        if (auto layer = store_.layers().find(diff_id)) placing->layer.tar_size = layer->tar_size;
        placing->layer.compression = push.request.compression.value_or(store::Packing::gzip);
        if (original) placing->original = original->layers[i];
        push.sink.progress({.id = placing->layer.short_id, .status = "Preparing"});
        placings.push_back(std::move(placing));
    }
    Scope scope(loop_, co_await loop::this_stop());
    for (auto& placing : placings)
        scope.spawn(place(push, *placing, scope));
    co_await scope.join();
    Status status;
    for (const auto& placing : placings)
        if (!placing->status && (status || status.error().kind() == Kind::cancelled))
            status = placing->status;
    CO_TRY_DO(std::move(status));
    std::vector<Descriptor> layers;
    for (const std::string& diff_id : image.diff_ids)
        layers.push_back(push.there.at(diff_id));
    std::size_t config_size = papers.config.size();
    CO_TRY_DO(co_await put_config(push, image.id, std::move(papers.config)));
    ManifestToPush manifest =
        make_manifest(papers.manifest, image.id, config_size, std::move(layers));
    PushedTag out{.tag = image.tag, .id = image.id, .digest = {}, .size = manifest.bytes.size()};
    CO_TRY(out.digest, co_await put_manifest(push, image.tag, std::move(manifest.media_type),
                                             std::move(manifest.bytes)));
    co_return out;
}

// Brings one layer to the registry, when it is its turn.
Task<void> Pusher::place(Push& push, Placing& placing, Scope& scope) {
    auto found = push.there.find(placing.layer.diff_id);
    if (found != push.there.end()) {
        push.sink.progress({.id = placing.layer.short_id, .status = "Layer already exists"});
        co_return;
    }
    std::string key = push.repository + " " + placing.layer.diff_id;
    std::shared_ptr<loop::Mutex>& slot = under_way_[key];
    if (!slot) slot = std::make_shared<loop::Mutex>(loop_);
    std::shared_ptr<loop::Mutex> mutex = slot;
    if (mutex->locked() || !uploads_.available())
        push.sink.progress({.id = placing.layer.short_id, .status = "Waiting"});
    // The layer before the permit: who waits for another push takes no permit from it.
    auto lock = co_await mutex->lock();
    auto permit =
        lock ? co_await uploads_.acquire() : Result<loop::Semaphore::Permit>(lock.error());
    if (permit) {
        auto placed = co_await place_layer(push, placing);
        if (placed)
            push.there.emplace(placing.layer.diff_id, std::move(*placed));
        else
            placing.status = placed.error();
    } else {
        placing.status = permit.error();
    }
    if (!placing.status && placing.status.error().kind() != Kind::cancelled) scope.cancel();
    // The last one takes the name away: the map's and ours.
    if (mutex.use_count() == 2) under_way_.erase(key);
}

Task<Result<Pusher::Descriptor>> Pusher::place_layer(Push& push, Placing& placing) {
    const std::string& id = placing.layer.short_id;
    if (placing.original && is_foreign(*placing.original)) {
        push.sink.progress({.id = id, .status = "Skipped foreign layer"});
        co_return *placing.original;
    }
    std::optional<LayerBlob> original;
    if (placing.original)
        original = LayerBlob{placing.original->digest,
                             static_cast<std::uint64_t>(placing.original->size),
                             placing.original->media_type,
                             {}};
    CO_TRY(placing.known,
           co_await workers_.run(loop::Lane::quick, find_blobs, &store_, placing.layer.diff_id,
                                 std::move(original), push.repository));
    if (push.request.compression)
        std::erase_if(placing.known, [&](const LayerBlob& blob) {
            return compression_of(blob.media_type) != push.request.compression;
        });
    Descriptor blob;
    unsigned asked = 0;
    auto look = [&](std::size_t until) -> Task<Result<bool>> {
        for (; asked < std::min(until, placing.known.size()); ++asked) {
            const LayerBlob& asked_for = placing.known[asked];
            CO_TRY(Presence presence, co_await look_for(push, asked_for, blob));
            if (presence == Presence::there) co_return true;
            if (presence == Presence::missing && is_noted(asked_for, push.repository))
                (void)co_await workers_.run(loop::Lane::quick, remove_note, &store_,
                                            placing.layer.diff_id, asked_for.digest,
                                            push.repository);
        }
        co_return false;
    };
    // One look, then mounts, then more looks: a blob that is in another repository only is mounted
    // without being asked for under all its names.
    CO_TRY(bool there, co_await look(1));
    std::string location;
    if (!there) {
        std::string from;
        auto opened = co_await try_mounts(push, placing, blob, from);
        if (!opened) co_return std::move(opened).error();
        location = std::move(*opened);
        if (!from.empty()) {
            push.sink.progress({.id = id, .status = "Mounted from " + from});
            co_await note(push, placing.layer.diff_id, blob);
            co_return blob;
        }
        auto looked = co_await look(heads_max);
        if (!looked) co_return std::move(looked).error();
        there = *looked;
        if (there)
            co_await abandon_upload(loop_, push.session, location, push.settings.abandon_timeout);
    }
    if (there) {
        push.sink.progress({.id = id, .status = "Layer already exists"});
        co_await note(push, placing.layer.diff_id, blob);
        co_return blob;
    }
    CO_TRY(blob, co_await upload(push, placing, std::move(location)));
    co_await note(push, placing.layer.diff_id, blob);
    push.sink.progress({.id = id, .status = "Pushed"});
    co_return blob;
}

// Where a registry will not tell, the layer is sent: whoever may not push hears it then.
Task<Result<Pusher::Presence>> Pusher::look_for(Push& push, const LayerBlob& blob,
                                                Descriptor& found) {
    Trouble trouble = no_trouble();
    auto reply = co_await push.session.request("HEAD", "blobs/" + blob.digest, {}, trouble);
    if (!reply && reply.error().kind() == Kind::cancelled) co_return std::move(reply).error();
    if (!reply && trouble.refusal.status == 404) co_return Presence::missing;
    if (!reply || reply->status != 200) co_return Presence::untold;
    std::string digest = reply->header("docker-content-digest");
    if (!digest.empty() && digest != blob.digest) co_return Presence::untold;
    std::uint64_t size = 0;
    std::string length = reply->header("content-length");
    auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
    bool sized = error == std::errc() && end == length.data() + length.size();
    if (sized && blob.size != 0 && size != blob.size) co_return Presence::untold;
    if (!sized && blob.size == 0) co_return Presence::untold;
    found = {};
    found.media_type = blob.media_type;
    found.digest = blob.digest;
    found.size = static_cast<std::int64_t>(blob.size != 0 ? blob.size : size);
    co_return Presence::there;
}

// A token for both repositories, used for nothing but the mount: where the token service does not
// give it, the push goes on without.
Session& Pusher::mounting_session(Push& push, const std::string& from) {
    std::unique_ptr<Session>& session = push.mounting[from];
    if (!session) {
        session = std::make_unique<Session>(loop_, transport_, settings_.session, push.endpoint,
                                            push.request.target.path, push.request.caller);
        session->set_scopes({"repository:" + push.request.target.path + ":push,pull",
                             "repository:" + from + ":pull"});
    }
    return *session;
}

// `from` is set when the layer was mounted; else the answer is an upload that the registry has
// opened instead, or "".
Task<Result<std::string>> Pusher::try_mounts(Push& push, const Placing& placing,
                                             Descriptor& mounted, std::string& from) {
    std::string domain = push.request.target.domain + "/", opened;
    unsigned tried = 0;
    for (const LayerBlob& blob : placing.known) {
        for (const std::string& repository : blob.repositories) {
            if (!repository.starts_with(domain) || repository == push.repository) continue;
            if (tried++ == mounts_max) co_return opened;
            std::string path = repository.substr(domain.size());
            Session& session = mounting_session(push, path);
            Session::Call call;
            call.method = "POST";
            codec::Query query;
            query.add("mount", blob.digest);
            query.add("from", path);
            call.url = session.url_of("blobs/uploads/?" + query.encode());
            std::string url = call.url;
            Trouble trouble = no_trouble();
            auto reply = co_await session.send(std::move(call), trouble);
            if (!reply && reply.error().kind() == Kind::cancelled)
                co_return std::move(reply).error();
            if (!reply) continue;
            std::string digest = reply->header("docker-content-digest");
            if (reply->status == 201 && (digest.empty() || digest == blob.digest)) {
                co_await abandon_upload(loop_, push.session, opened, push.settings.abandon_timeout);
                mounted = {};
                mounted.media_type = blob.media_type;
                mounted.digest = blob.digest;
                mounted.size = static_cast<std::int64_t>(blob.size);
                from = path;
                co_return std::string();
            }
            if (reply->status != 202) continue;
            auto location = resolve_location(url, reply->header("location"));
            if (!location) continue;
            co_await abandon_upload(loop_, push.session, std::exchange(opened, *location),
                                    push.settings.abandon_timeout);
        }
    }
    co_return opened;
}

Task<Result<Pusher::Descriptor>> Pusher::upload(Push& push, const Placing& placing,
                                                std::string location) {
    LayerUpload upload(loop_, workers_, store_, push.settings, push.session, placing.layer,
                       push.sink, std::move(location));
    auto blob = co_await upload.run();
    if (!blob) {
        if (upload.trouble().told) co_return push_error(push.session, upload.trouble());
        co_return std::move(blob).error();
    }
    Descriptor out = std::move(*blob);
    out.media_type = layer_media_type(placing.layer.compression == store::Packing::zstd);
    co_return out;
}

// Runs `attempt` until it succeeds or there is no next one.
Task<Status> Pusher::retried(Push& push, std::function<Task<Status>(Trouble&)> attempt) {
    Attempts attempts(push.settings.retry);
    for (;;) {
        Trouble trouble = no_trouble();
        Status done = co_await attempt(trouble);
        if (done || done.error().kind() == Kind::cancelled) co_return done;
        bool passing = trouble.refusal.status == 0 || is_passing(trouble.refusal.status);
        auto delay = attempts.failed(trouble.failure, 0, chance());
        if (trouble.told || !passing || !delay) {
            if (trouble.refusal.status == 0 && !trouble.told) co_return done;
            co_return push_error(push.session, trouble);
        }
        CO_TRY_DO(co_await loop::sleep(loop_, *delay));
    }
}

namespace {

// An answer that will not be better the next time.
Status settled(Trouble& trouble, Error error) {
    trouble.told = true;
    trouble.error = std::move(error);
    return trouble.error;
}

// It has taken what it was given, under the name it was given.
Status check_taken(const Reply& reply, std::string_view what, const std::string& digest,
                   Trouble& trouble) {
    if (reply.status / 100 != 2)
        return settled(trouble,
                       Error(Kind::unavailable,
                             fmt::format("received unexpected HTTP status: {}", reply.status)));
    std::string named = reply.header("docker-content-digest");
    if (named.empty() || named == digest) return {};
    return settled(trouble,
                   Error(Kind::internal, fmt::format("the registry took {} {} for {}", what, digest,
                                                     is_digest(named) ? named : "something else")));
}

Task<Status> put_blob_once(Session& session, const std::string& digest, const std::string& bytes,
                           std::chrono::milliseconds timeout, Trouble& trouble) {
    auto there = co_await session.request("HEAD", "blobs/" + digest, {}, trouble);
    if (there && there->status == 200) co_return Status();
    if (!there && there.error().kind() == Kind::cancelled) co_return std::move(there).error();
    if (there) there->body.reset();
    Session::Call call;
    call.method = "POST";
    call.url = session.url_of("blobs/uploads/");
    std::string url = call.url;
    CO_TRY(Reply opened, co_await session.send(std::move(call), trouble));
    auto location = resolve_location(url, opened.header("location"));
    opened.body.reset();
    if (!location) co_return settled(trouble, location.error());
    Session::Call put;
    put.method = "PUT";
    put.url = with_digest(std::move(*location), digest);
    put.headers = {{"Content-Type", "application/octet-stream"}};
    put.body = bytes;
    put.answer_timeout = timeout;
    CO_TRY(Reply reply, co_await session.send(std::move(put), trouble));
    co_return check_taken(reply, "blob", digest, trouble);
}

}  // namespace

Task<Status> Pusher::put_config(Push& push, std::string digest, std::string bytes) {
    auto attempt = [&](Trouble& trouble) -> Task<Status> {
        co_return co_await put_blob_once(push.session, digest, bytes, push.settings.commit_timeout,
                                         trouble);
    };
    co_return co_await retried(push, attempt);
}

Task<Result<std::string>> Pusher::put_manifest(Push& push, std::string tag, std::string type,
                                               std::string bytes) {
    std::string digest = store::sha256_digest(bytes);
    auto attempt = [&](Trouble& trouble) -> Task<Status> {
        Session::Call call;
        call.method = "PUT";
        call.url = push.session.url_of("manifests/" + tag);
        call.headers = {{"Content-Type", type}};
        call.body = bytes;
        CO_TRY(Reply reply, co_await push.session.send(std::move(call), trouble));
        co_return check_taken(reply, "manifest", digest, trouble);
    };
    CO_TRY_DO(co_await retried(push, attempt));
    co_return digest;
}

// Durable; only a hint, so that a push does not fail for it.
Task<void> Pusher::note(Push& push, std::string diff_id, Descriptor blob) {
    store::LayerBlobs::Seen seen{std::move(diff_id), blob.digest,
                                 static_cast<std::uint64_t>(blob.size), blob.media_type};
    Status noted = co_await workers_.run(loop::Lane::quick, add_note, &store_, std::move(seen),
                                         push.repository);
    if (!noted && noted.error().kind() != Kind::cancelled)
        base::log::warn("where a layer is was not noted repository={} reason={}", push.repository,
                        noted.error().message());
}

}  // namespace registry
