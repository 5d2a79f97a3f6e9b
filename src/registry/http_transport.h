// The transport of the real world: the HTTP client with each registry's certificates and proxies.
#pragma once

#include "http/client.h"
#include "registry/transport.h"

namespace registry {

class HttpTransport final : public Transport {
public:
    // `registries` says which hosts are insecure and where certificates lie; it outlives the
    // transport.
    HttpTransport(Loop& loop, const Registries& registries, http::ProxyConfig proxy);

    Task<Result<Reply>> send(Request request) override;
    // Drops connections that nobody uses.
    void close_idle() { client_.close_idle(); }

private:
    http::Client client_;
};

}  // namespace registry
