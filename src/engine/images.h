// Images: an index in memory, durable records behind it, and pulls that clients join. Loop thread;
// what blocks runs on workers.
#pragma once

#include "codec/filters.h"
#include "engine/events.h"
#include "engine/image_archive.h"
#include "loop/scope.h"
#include "loop/wait.h"
#include "registry/puller.h"
#include "store/store.h"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace registry {
class Pusher;
}

namespace engine {

struct PushOrder;  // engine/image_push.h

struct Image {
    store::Image record;  // tags and digests in canonical form ("docker.io/library/centos:7")
    registry::Platform platform;
    std::map<std::string, std::string> labels;
};

// As its record and its config say.
Image make_image(store::Image record, const wire::oci::ImageConfig& config);

struct ImageFilters {
    std::optional<bool> dangling;
    codec::Filters labels;                   // label: all must hold
    std::vector<std::string> references;     // patterns, any may match
    std::vector<std::string> before, since;  // images
    std::optional<Time> until;
    bool all = false;           // parents of other images, too
    bool shared_sizes = false;  // costs a look at every layer
};

// An image as a list shows it.
struct ListedImage {
    const Image* image = nullptr;
    std::vector<std::string> tags, digests;  // what the reference filter left, in order
    std::vector<std::string> containers;     // ids
    std::uint64_t shared_size = 0;           // of layers that other images have as well
};

struct Deleted {
    std::string untagged, deleted;  // one of them
};

struct RemoveOrder {
    std::string reference;
    bool force = false;
    bool prune = true;  // parents without a name and without a use go, too
    std::vector<registry::Platform> platforms;
};

struct PruneOrder {
    bool dangling = true;  // only images without a tag
    std::optional<Time> until;
    codec::Filters labels;
};
struct PruneReport {
    std::vector<Deleted> deleted;
    std::uint64_t reclaimed = 0;
};

// The manifest an image came by, as far as it is kept.
struct ManifestFacts {
    std::string media_type, digest;
    std::uint64_t size = 0, content_size = 0;  // content: what of it is kept here
};

struct PullOrder {
    registry::Target target;  // with neither tag nor digest: all tags
    std::optional<registry::Platform> platform;
    registry::Caller caller;
    std::uint64_t bytes_per_second_max = 0;  // 0: no limit of its own
};

// Who uses images; engine/containers implements it.
class ImageUsers {
public:
    struct Use {
        std::string container;
        bool running = false;
    };
    virtual ~ImageUsers() = default;
    virtual std::vector<Use> users_of(const std::string& image_id) = 0;
    // Ids of the containers of each image.
    virtual std::map<std::string, std::vector<std::string>> users() = 0;
    // Diff ids, bottom first, that each container stands on, whatever became of its image.
    virtual std::vector<std::vector<std::string>> layers_in_use() = 0;
};

struct CommitPlan;  // image_commit.h

class Images final : private registry::Known {
public:
    // Events are published after the change is durable. All parts outlive it.
    Images(Loop& loop, Workers& workers, store::Store& store, registry::Puller& puller,
           registry::Pusher& pusher, Events& events);
    ~Images();  // after close()

    // Reads the records; an image with a layer missing is left out and told in the log.
    Task<Status> load();
    // Stops pulls and waits for them.
    Task<void> close();
    void set_users(ImageUsers& users) { users_ = &users; }
    // Removes layers no image, container or pull needs: once at start, when containers are known.
    Task<Status> sweep();

    // Between the two nobody gets the layer's path: a container that starts now is refused, as the
    // layer is being replaced.
    void close_layer(const std::string& diff_id) { closed_layers_.insert(diff_id); }
    void reopen_layer(const std::string& diff_id) { closed_layers_.erase(diff_id); }
    // An image that load() left out, once it is whole again.
    Task<Status> load_again();

    // Reference, id, short id or name@digest. missing ("No such image: centos:latest"), or invalid
    // when a short id fits several. Valid until the next await.
    Result<const Image*> find(std::string_view reference) const;
    // For an answer that must be of one of `platforms` (none: any): missing, in Docker's words.
    Result<const Image*> find_for(std::string_view reference,
                                  const std::vector<registry::Platform>& platforms) const;
    // Newest first. Valid until the next await.
    Result<std::vector<ListedImage>> list(const ImageFilters& filters) const;
    std::vector<std::string> containers_of(const Image& image) const;  // ids
    // Of all layers that images have, each once.
    std::uint64_t layers_size() const;
    // Of those among `manifests` (digests) that are kept.
    Task<Result<std::map<std::string, ManifestFacts>>>
    manifest_facts(std::vector<std::string> manifests);
    // The image's config: how to run it, its history.
    Task<Result<wire::oci::ImageConfig>> config(std::string id);
    // Folders of these layers (diff ids, bottom first), topmost first: overlayfs's lowerdir. An
    // opaque root ends it.
    Result<std::vector<std::string>> layer_paths(const std::vector<std::string>& diff_ids) const;

    // Ends with the id. Clients that order the same share one pull; when the last of them is gone
    // it stops. `sink` also gets the last line ("Status: Downloaded newer image for ...").
    Task<Result<std::string>> pull(PullOrder order, registry::ProgressSink& sink);
    // As dockerd does it, in its words; `sink` gets all lines. It ends when its client goes.
    Task<Status> push(PushOrder order, registry::ProgressSink& sink);
    // The archive of these: references, ids, or repositories (all their tags).
    Task<Result<SavedImages>> save(std::vector<std::string> names,
                                   std::vector<registry::Platform> platforms);
    // What the archive holds becomes images, all of it or nothing.
    Task<Status> load_archive(loop::ByteSource source, LoadOrder order, LoadTold told);
    // A tar becomes an image of one layer: its id.
    Task<Result<std::string>> import_archive(loop::ByteSource source, ImportOrder order);
    // What a container has changed becomes a layer on top of those it stands on: the image's id.
    Task<Result<std::string>> commit(CommitPlan plan);
    Task<Result<std::vector<HistoryLine>>> history(std::string name,
                                                   std::vector<registry::Platform> platforms);
    Task<Status> tag(std::string source, std::string repository, std::string tag);
    // In dockerd's order; nothing has changed when it is refused.
    Task<Result<std::vector<Deleted>>> remove(RemoveOrder order);
    // conflict while another one runs.
    Task<Result<PruneReport>> prune(PruneOrder order);

    std::size_t size() const { return images_.size(); }

private:
    friend class LayerPins;
    struct Pull;

    std::string image_of(const std::string& digest, const registry::Platform& platform) override;
    void pin(std::span<const std::string> diff_ids) override;
    void unpin(std::span<const std::string> diff_ids) override;

    Task<void> run_pull(std::shared_ptr<Pull> pull);
    Task<Result<std::string>> pull_and_record(std::shared_ptr<Pull> pull);
    Task<Result<bool>> pull_target(std::shared_ptr<Pull> pull, registry::Target target);
    Task<Result<bool>> record(const registry::Pulled& pulled, const registry::Target& target);
    Task<Status> record_archived(Image made, std::string action, LoadTold told);
    std::vector<std::string> tags_of(const std::string& repository, bool& known) const;
    Task<Status> record_pushed(std::string id, std::string name);
    Task<Status> put(Image changed);
    Task<Status> move_tag(std::string id, std::string tag);
    Task<Result<std::vector<Deleted>>> remove_locked(RemoveOrder order);
    Task<Result<std::vector<Deleted>>> erase(std::string id, std::size_t untagged,
                                             std::vector<Deleted> done);
    Task<Result<PruneReport>> prune_all(PruneOrder order);
    Task<Status> untag(std::string id, std::vector<std::string> names);
    Task<Result<std::vector<std::string>>> remove_layers(std::vector<std::string> diff_ids);
    std::set<std::string> parents() const;
    // Sizes of the layers, by diff id, that more than one image has.
    std::map<std::string, std::uint64_t> shared_layers() const;
    struct Conflict;
    enum class Soft { none, stopped, all };
    std::optional<Conflict> conflict_of(const Image& image, Soft soft, bool referenced) const;
    void tell(std::string action, const std::string& id, std::string actor, std::string name);
    void tell(std::string action, const Image& image);  // by its id

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    registry::Puller& puller_;
    registry::Pusher& pusher_;
    Events& events_;
    ImageUsers* users_ = nullptr;
    std::map<std::string, Image> images_;   // by id
    std::map<std::string, unsigned> pins_;  // layers of pulls under way
    std::set<std::string> closed_layers_;   // being replaced
    loop::Mutex changing_;                  // one change of records at a time
    bool pruning_ = false;
    std::uint64_t reclaimed_ = 0;  // bytes of all layers removed so far
    Scope pulls_;
    std::list<std::shared_ptr<Pull>> running_;  // a pull is shared by its task and its viewers
};

// Go's path.Match: * and ? do not cross "/", [a-z], \x. Used by the reference filter. A broken
// pattern matches nothing.
bool path_match(std::string_view pattern, std::string_view text);
// invalid "syntax error in pattern".
Status check_pattern(std::string_view pattern);

}  // namespace engine
