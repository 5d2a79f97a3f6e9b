// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go reads them.
#pragma once

#include "codec/url.h"

#include <optional>

namespace http {

struct ProxyConfig {
    std::string http_proxy;
    std::string https_proxy;
    std::string no_proxy;

    // From HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case forms (which win, except that an
    // upper-case one is used where the lower-case is unset).
    static ProxyConfig from_environment();
    // nullopt: go there directly. Loopback and localhost never use a proxy.
    Result<std::optional<codec::Url>> for_url(const codec::Url& url) const;
};

// NO_PROXY's rules: "*", "host", ".suffix" or "suffix" (of names), "host:port", addresses, CIDR.
bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port);

}  // namespace http
