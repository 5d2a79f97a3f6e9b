#include "api/caller.h"

#include "base/text.h"
#include "codec/http1.h"
#include "registry/user_agent.h"

namespace api {

registry::Caller caller_of(const http::Request& request) {
    constexpr std::string_view meta = "X-Meta-";
    registry::Caller out;
    out.credentials = registry::parse_registry_auth(request.headers().get("X-Registry-Auth"));
    out.headers.emplace_back("User-Agent",
                             registry::user_agent(request.headers().get("User-Agent")));
    for (const auto& [name, value] : request.headers())
        if (base::equal_no_case(std::string_view(name).substr(0, meta.size()), meta))
            out.headers.emplace_back(name, value);
    return out;
}

}  // namespace api
