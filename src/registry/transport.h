// How requests to registries leave the process. The real one (http_transport.h) stands on the HTTP
// client; tests put a scripted one in its place.
#pragma once

#include "base/bytes.h"
#include "loop/task.h"
#include "registry/endpoints.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace registry {

// By what the host of a request is known.
struct Trust {
    std::string registry;  // host[:port] as in its reference: whose folder in certs.d counts
    bool verify = true;    // its certificate; what it redirects to is verified whatever this says
    // An address the registry named (for an upload): its authorities count, but it is neither
    // shown a client certificate nor believed without one.
    bool elsewhere = false;
};

struct Request {
    std::string method = "GET";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    // For bodies that do not fit in memory: called until it gives an empty slice. Never repeated,
    // so a redirect is not followed. Sent chunked, or with `source_length`.
    std::function<Task<Result<Slice>>()> source;
    std::optional<std::uint64_t> source_length;
    Trust trust;
};

class Body {
public:
    virtual ~Body() = default;
    // Empty slice: the end as announced. A body cut short is an error.
    virtual Task<Result<Slice>> read() = 0;
};

struct Reply {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::unique_ptr<Body> body;                                // never null

    // The values of that (lower-case) name joined by ", "; "" when absent.
    std::string header(std::string_view name) const {
        std::string out;
        for (const auto& [key, value] : headers)
            if (key == name) out += out.empty() ? value : ", " + value;
        return out;
    }
};

class Transport {
public:
    virtual ~Transport() = default;
    // Follows redirects (bounded, never from https to http), dropping Authorization when the host
    // changes. Errors name hosts and addresses, never a query or a header. Dropping the reply gives
    // up what was not read.
    virtual Task<Result<Reply>> send(Request request) = 0;
};

}  // namespace registry
