// Images: an index in memory, durable records behind it, and pulls that clients join. Loop thread;
// what blocks runs on workers.
#pragma once

#include "engine/events.h"
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

namespace engine {

struct Image {
    store::Image record;  // tags and digests in canonical form ("docker.io/library/centos:7")
    registry::Platform platform;
    std::map<std::string, std::string> labels;
};

struct ImageFilters {
    std::optional<bool> dangling;
    std::vector<std::string> labels, no_labels;  // "key" or "key=value"; all must hold
    std::vector<std::string> references;         // patterns, any may match
    std::vector<std::string> before, since;      // images
    std::optional<Time> until;
};

struct Deleted {
    std::string untagged, deleted;  // one of them
};

struct PullOrder {
    registry::Target target;
    std::optional<registry::Platform> platform;
    registry::Credentials credentials;
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
    // Diff ids that containers stand on, whatever became of their image.
    virtual std::vector<std::string> layers_in_use() = 0;
};

class Images final : private registry::Known {
public:
    // Events are published after the change is durable. All parts outlive it.
    Images(Loop& loop, Workers& workers, store::Store& store, registry::Puller& puller,
           Events& events);
    ~Images();  // after close()

    // Reads the records; an image with a layer missing is left out and told in the log.
    Task<Status> load();
    // Stops pulls and waits for them.
    Task<void> close();
    void set_users(ImageUsers& users) { users_ = &users; }
    // Removes layers no image, container or pull needs: once at start, when containers are known.
    Task<Status> sweep();

    // Reference, id, short id or name@digest. missing ("No such image: centos:latest"), or invalid
    // when a short id fits several. Valid until the next await.
    Result<const Image*> find(std::string_view reference) const;
    // Newest first.
    Result<std::vector<const Image*>> list(const ImageFilters& filters) const;
    // The image's config: how to run it, its history.
    Task<Result<wire::oci::ImageConfig>> config(std::string id);
    // Folders of these layers (diff ids, bottom first), topmost first: overlayfs's lowerdir. An
    // opaque root ends it.
    Result<std::vector<std::string>> layer_paths(const std::vector<std::string>& diff_ids) const;

    // Ends with the id. Clients that order the same share one pull; when the last of them is gone
    // it stops. `sink` also gets the last line ("Status: Downloaded newer image for ...").
    Task<Result<std::string>> pull(PullOrder order, registry::ProgressSink& sink);
    Task<Status> tag(std::string source, std::string repository, std::string tag);
    Task<Result<std::vector<Deleted>>> remove(std::string reference, bool force, bool prune);

    std::size_t size() const { return images_.size(); }

private:
    struct Pull;

    std::string image_of(const std::string& digest, const registry::Platform& platform) override;
    void pin(std::span<const std::string> diff_ids) override;
    void unpin(std::span<const std::string> diff_ids) override;

    Task<void> run_pull(std::shared_ptr<Pull> pull);
    Task<Result<std::string>> pull_and_record(std::shared_ptr<Pull> pull);
    Task<Result<bool>> record(const registry::Pulled& pulled, const registry::Target& target);
    Task<Status> put(Image changed);
    Task<Status> move_tag(std::string id, std::string tag);
    Task<Result<std::vector<Deleted>>> erase(std::string id, bool force, std::vector<Deleted> done);
    Task<Status> drop_reference(std::string id, std::string reference, std::vector<Deleted>& done);
    Task<Result<std::vector<std::string>>> remove_layers(std::vector<std::string> diff_ids);
    std::optional<Error> in_use(const Image& image, bool hard_only, bool multiple) const;
    void tell(std::string action, const std::string& id, std::string actor, std::string name);
    bool layer_needed(const std::string& diff_id, const std::vector<std::string>& in_use) const;

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    registry::Puller& puller_;
    Events& events_;
    ImageUsers* users_ = nullptr;
    std::map<std::string, Image> images_;   // by id
    std::map<std::string, unsigned> pins_;  // layers of pulls under way
    loop::Mutex changing_;                  // one change of records at a time
    Scope pulls_;
    std::list<std::shared_ptr<Pull>> running_;  // a pull is shared by its task and its viewers
};

// Go's path.Match: * and ? do not cross "/", [a-z], \x. Used by the reference filter.
bool path_match(std::string_view pattern, std::string_view text);

}  // namespace engine
