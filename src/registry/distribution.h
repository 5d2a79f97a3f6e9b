// What a registry has under a name, without pulling it: GET /distribution/{name}/json, the CLI's
// `manifest inspect`, and the tags that `pull --all-tags` wants.
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

inline constexpr std::size_t tags_max = 100'000;

// All tags of the session's repository, in the registry's order, page by page.
Task<Result<std::vector<std::string>>> fetch_tags(Session& session, Trouble& trouble);

struct Distribution {
    wire::oci::Descriptor descriptor;
    std::vector<Platform> platforms;
    std::string bytes;  // of the manifest or index
};
// Mirrors first, each endpoint in turn until one answers.
Task<Result<Distribution>> inspect_distribution(const Link& link, Target target, Caller caller);

}  // namespace registry
