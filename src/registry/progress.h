// What a pull or a push tells while it runs, in Docker's words (engine-api-notes section 4).
#pragma once

#include <cstdint>
#include <string>

namespace registry {

struct Progress {
    std::string id;                        // 12 digits of the layer's digest, the tag, or empty
    std::string status;                    // "Downloading", "Digest: sha256:..."
    std::uint64_t current = 0, total = 0;  // bytes; both 0: no detail
    std::string aux;                       // a JSON document instead of all that, or empty
};

// Called on the loop, must not wait. A sink that feeds a Channel uses Policy::latest_per_key with
// id and status as the key.
class ProgressSink {
public:
    virtual ~ProgressSink() = default;
    virtual void progress(Progress what) = 0;
};

}  // namespace registry
