// The transport of the real world: the HTTP client with each registry's certificates and proxies.
#pragma once

#include "http/client.h"
#include "loop/workers.h"
#include "registry/transport.h"

namespace registry {

class HttpTransport final : public Transport {
public:
    // `registries` says which hosts are insecure and where certificates lie; both outlive the
    // transport.
    HttpTransport(Workers& workers, const Registries& registries, http::ProxyConfig proxy);

    Task<Result<Reply>> send(Request request) override;
    // Drops connections that nobody uses.
    void close_idle() { client_.close_idle(); }

private:
    Task<Result<http::TlsRules>> rules(Trust trust, const http::Url& url);

    Workers& workers_;
    const Registries& registries_;
    http::Client client_;
};

}  // namespace registry
