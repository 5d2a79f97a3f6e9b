// GET /system/df, and the prunes of what this engine has none of.
#pragma once

#include "engine/engine.h"
#include "http/message.h"
#include "wire/image.h"

namespace api {

Task<Result<http::Reply>> disk_usage(engine::Engine& engine, const http::Request& request);
// There are no networks and volumes of a user's making, so nothing is removed.
Result<http::Reply> network_prune(const http::Request& request);
Result<http::Reply> volume_prune(const http::Request& request);

// One image of a list, as a client of `version` expects it; in api/images.cc.
wire::ImageSummary image_summary(const engine::ListedImage& listed, bool shared_size,
                                 http::Version version);

}  // namespace api
