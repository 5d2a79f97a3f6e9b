// Pulling an image: endpoints in turn, token, manifest, config, all layers at once, one commit. The
// image record itself is the caller's (engine/images): it comes last.
#pragma once

#include "registry/layer.h"
#include "registry/manifest.h"
#include "registry/rate.h"
#include "registry/reference.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace registry {

struct PullRequest {
    Target target;
    std::optional<Platform> platform;        // absent: this machine's
    Caller caller;                           // credentials are for target.domain
    std::uint64_t bytes_per_second_max = 0;  // 0: no limit but the engine's
};

// A layer by itself: another copy of one that is damaged.
struct LayerRequest {
    Target target;  // the repository
    Caller caller;
    wire::oci::Descriptor blob;
    std::string diff_id;
};

struct Pulled {
    std::string id;                // of the image: its config's digest
    std::string manifest_digest;   // of the image manifest
    std::string reference_digest;  // what the reference named: index or manifest ("Digest: ...")
    std::vector<std::string> diff_ids;
    std::uint64_t size = 0;  // of all layers, unpacked
    wire::oci::ImageConfig config;
    bool up_to_date = false;
};

// What the caller knows about images that are here already.
class Known {
public:
    virtual ~Known() = default;
    // The id of an image pulled under `reference_digest` that fits `platform`, or "".
    virtual std::string image_of(const std::string& reference_digest, const Platform& platform) = 0;
    // These layers belong to a pull under way: not to be removed until it ends.
    virtual void pin(std::span<const std::string> diff_ids) = 0;
    virtual void unpin(std::span<const std::string> diff_ids) = 0;
};

class Puller {
public:
    // Everything outlives the puller. One for the engine: its limit on downloads counts all pulls.
    Puller(Loop& loop, Workers& workers, store::Store& store, Transport& transport,
           const Registries& registries, PullSettings settings);

    // For pulls that begin from now on; the limit on downloads also for those under way.
    void set_settings(PullSettings settings);

    // Config, manifest and index blobs and all layers are durable when it succeeds. Layers stay
    // pinned in `known` then: the caller unpins diff_ids after it has put the record. `sink` gets
    // everything from "Pulling from" to "Digest:"; the last line ("Status: ...") is the caller's.
    Task<Result<Pulled>> pull(PullRequest request, ProgressSink& sink, Known& known);
    // What --all-tags means for this repository.
    Task<Result<std::vector<std::string>>> tags(Target target, Caller caller);
    // Fetches and unpacks it, verified, not durable yet. `sink` gets the progress of its bytes.
    Task<Result<store::Draft>> fetch_copy(LayerRequest request, ProgressSink& sink);
    // A manifest or an image config by its digest, verified.
    Task<Result<std::string>> fetch_document(Target target, Caller caller, std::string digest,
                                             bool manifest);

private:
    struct Running;
    struct Documents;

    Task<Result<Pulled>> pull_from(Endpoint endpoint, const PullRequest& request,
                                   ProgressSink& sink, Known& known, Throttle& throttle,
                                   bool& answered);
    static std::vector<store::LayerBlobs::Seen> layers_seen(const Documents& documents);
    Task<Result<Documents>> documents(Session& session, const PullRequest& request,
                                      ProgressSink& sink, Known& known, bool& answered);
    Task<Status> layers(Session& session, const Documents& documents, ProgressSink& sink,
                        Throttle& throttle);
    Task<Status> check_room(Session& session, const std::vector<LayerPlan>& plans);
    Task<Status> layers_round(Session& session, const std::vector<LayerPlan>& plans,
                              ProgressSink& sink, bool first_round, bool& disk_failed);
    Task<bool> fits_without_parts(const std::vector<LayerPlan>& plans);
    Task<void> fetch_layer(Session& session, LayerPlan plan, ProgressSink& sink, Running& running,
                           Scope& scope);

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    Transport& transport_;
    const Registries& registries_;
    PullSettings settings_;
    loop::Semaphore downloads_;
    Throttle throttle_;  // of all pulls
    // Layers some pull is fetching, by diff id; shared by that pull and those that wait for it.
    std::map<std::string, std::shared_ptr<Running>> running_;
};

}  // namespace registry
