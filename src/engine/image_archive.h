// Images in and out of archives: what `save`, `load` and `import` are asked and answer.
#pragma once

#include "loop/worker_feed.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "store/archive_stream.h"
#include "wire/registry.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace engine {

class Images;

// Layers that are not to be removed while this lives; loop thread.
class LayerPins {
public:
    LayerPins(Images& images, std::vector<std::string> diff_ids);
    LayerPins(LayerPins&& other) noexcept;
    LayerPins& operator=(LayerPins&&) = delete;
    ~LayerPins();

private:
    Images* images_;
    std::vector<std::string> diff_ids_;
};

struct SavedImages {
    store::ArchiveStream stream;
    LayerPins pins;  // as long as the stream is read
};

struct LoadOrder {
    std::vector<registry::Platform> platforms;  // of images for several: this machine's if none
};

// What a load tells while it runs, in Docker's words.
struct LoadTold {
    std::function<void(std::string)> stream;  // "Loaded image: busybox:latest\n"
    // A layer is in: 12 digits of its diff id and its bytes.
    std::function<void(std::string, std::uint64_t)> layer;
};

struct ImportOrder {
    std::optional<registry::Target> target;  // named so, if given
    std::string message;
    std::vector<std::string> changes;  // "CMD [...]" and the like
    std::optional<registry::Platform> platform;
};

// One line of `docker history`, newest first.
struct HistoryLine {
    std::string id;  // of the image, or "<missing>"
    Time created;
    std::string created_by, comment;
    std::vector<std::string> tags;
    std::uint64_t size = 0;
};

// Applies Dockerfile instructions (CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
// STOPSIGNAL, USER, VOLUME, WORKDIR) to how an image is run; invalid in Docker's words. Pure.
Status apply_changes(wire::oci::RunConfig& config, const std::vector<std::string>& changes);

}  // namespace engine
