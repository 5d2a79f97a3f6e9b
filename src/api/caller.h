// On whose behalf a request of a client goes on to a registry.
#pragma once

#include "http/message.h"
#include "registry/session.h"

namespace api {

// X-Registry-Auth (what cannot be decoded is ignored, as Docker does), our User-Agent with the
// client's in it, and the client's X-Meta-* headers.
registry::Caller caller_of(const http::Request& request);

}  // namespace api
