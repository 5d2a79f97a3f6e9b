// What a push is asked.
#pragma once

#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/session.h"
#include "store/compress.h"

#include <optional>
#include <vector>

namespace engine {

struct PushOrder {
    registry::Target target;                    // without a tag: all tags of the repository
    std::vector<registry::Platform> platforms;  // the image must be of one of them (none: any)
    registry::Caller caller;
    std::optional<store::Packing> compression;  // see registry::PushRequest
};

}  // namespace engine
