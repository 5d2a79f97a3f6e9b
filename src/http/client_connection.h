// A connection of the client with the reader of its answers; in use or kept for the next request.
#pragma once

#include "http/client.h"

namespace http {

struct ClientConnection {
    ClientConnection(std::unique_ptr<Stream> opened, std::string pool_key)
        : stream(std::move(opened)), key(std::move(pool_key)),
          reader(*stream, codec::http1::Side::response) {}

    std::unique_ptr<Stream> stream;
    std::string key;  // scheme, host, port, proxy: who may use it again
    MessageReader reader;
    std::int64_t kept_since_ns = 0;
    bool source_failed = false;  // a streamed body could not be had
    bool reused = false;
    bool absolute_form = false;  // an HTTP proxy wants the whole URL on the request line
    std::string proxy_authorization;
    bool heard = false;      // something of the answer has come
    bool keep_alive = true;  // both sides are willing to go on
};

}  // namespace http
