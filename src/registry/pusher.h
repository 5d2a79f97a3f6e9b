// Pushing images: for each layer a look whether it is there, a mount from a repository that has it,
// or an upload; then the config, then the manifest. What was told "Pushed" is at the registry.
#pragma once

#include "registry/push_layer.h"
#include "registry/reference.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace registry {

struct ImageToPush {
    std::string tag, id;
    std::string manifest;               // digest of the one it was pulled by, or ""
    std::vector<std::string> diff_ids;  // bottom first
};

struct PushRequest {
    Target target;                    // the repository: its tag is not looked at
    std::vector<ImageToPush> images;  // one after the other
    Caller caller;
    // Only blobs of this kind; without it gzip, and what the registry has already as it is.
    std::optional<store::Packing> compression;
};

struct PushedTag {
    std::string tag, id, digest;
    std::uint64_t size = 0;  // of the manifest
};

class Pusher {
public:
    // Everything outlives the pusher. One for the engine: its limit on uploads counts all pushes.
    Pusher(Loop& loop, Workers& workers, store::Store& store, Transport& transport,
           const Registries& registries, PushSettings settings);

    // For pushes that begin from now on; the limit on uploads also for those under way.
    void set_settings(PushSettings settings);

    // Awaited when the manifest is at the registry, before the next image is begun.
    using Pushed = std::function<Task<Status>(PushedTag)>;
    // `sink` gets what is told of each layer. The caller keeps the layers from being removed.
    Task<Status> push(const PushRequest& request, ProgressSink& sink, Pushed pushed);

private:
    struct Push;     // a conversation with one endpoint
    struct Placing;  // one layer of it
    using Descriptor = wire::oci::Descriptor;

    Task<Status> push_to(Endpoint endpoint, const PushRequest& request, ProgressSink& sink,
                         const Pushed& pushed, bool& answered);
    Task<Result<PushedTag>> push_image(Push& push, const ImageToPush& image);
    Task<void> place(Push& push, Placing& placing, Scope& scope);
    Task<Result<Descriptor>> place_layer(Push& push, Placing& placing);
    enum class Presence { there, missing, untold };
    Task<Result<Presence>> look_for(Push& push, const store::LayerBlob& blob, Descriptor& found);
    Task<Result<std::string>> try_mounts(Push& push, const Placing& placing, Descriptor& mounted,
                                         std::string& from);
    Session& mounting_session(Push& push, const std::string& from);
    Task<Result<Descriptor>> upload(Push& push, const Placing& placing, std::string location);
    Task<Status> put_config(Push& push, std::string digest, std::string bytes);
    Task<Result<std::string>> put_manifest(Push& push, std::string tag, std::string type,
                                           std::string bytes);
    Task<Status> retried(Push& push, std::function<Task<Status>(Trouble&)> attempt);
    Task<void> note(Push& push, std::string diff_id, Descriptor blob);

    Loop& loop_;
    Workers& workers_;
    store::Store& store_;
    Transport& transport_;
    const Registries& registries_;
    PushSettings settings_;
    loop::Semaphore uploads_;
    // Layers on their way to a repository: a second push of one waits, and finds it there then.
    std::map<std::string, std::shared_ptr<loop::Mutex>> under_way_;
};

}  // namespace registry
