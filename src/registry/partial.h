// Fetching a layer in parts: what of a zstd:chunked blob this host needs, and requests for a range.
#pragma once

#include "loop/workers.h"
#include "registry/session.h"
#include "store/partial.h"
#include "store/store.h"
#include "wire/registry.h"

#include <memory>
#include <optional>
#include <string>

namespace registry {

// Exactly these bytes of a blob. `refused`: the registry answers such a request with something
// else, and would do so again.
Task<Result<Reply>> open_span(Session& session, std::string digest, codec::chunked::Span span,
                              std::uint64_t blob_bytes, Trouble& trouble, bool& refused);

// Null: the layer is to be fetched whole, for whatever reason. Everything outlives the task.
Task<std::unique_ptr<store::Assembly>> plan_partial(Workers& workers, store::Store& store,
                                                    Session& session,
                                                    const wire::oci::Descriptor& blob,
                                                    codec::chunked::Layout layout);

}  // namespace registry
