// What a registry has under a reference, without pulling it: GET /distribution/{name}/json and the
// CLI's `manifest inspect`.
#pragma once

#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/session.h"

namespace registry {

// A manifest or index as it is at the registry.
struct Document {
    std::string digest, media_type, bytes;
    Manifest manifest;
};

// The document of `what` ("latest" or a digest) of the session's repository. `target` is for the
// error's text. trouble.answered() says whether somebody was there.
Task<Result<Document>> fetch_manifest(Session& session, std::string what, Trouble& trouble);
// The config blob of an image manifest, verified.
Task<Result<std::string>> fetch_config(Session& session, wire::oci::Descriptor config);

struct Distribution {
    wire::oci::Descriptor descriptor;
    std::vector<Platform> platforms;
};
// Mirrors first, each endpoint in turn until one answers.
Task<Result<Distribution>> inspect_distribution(const Link& link, Target target, Caller caller);

}  // namespace registry
