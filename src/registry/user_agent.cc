#include "registry/user_agent.h"

#include "registry/manifest.h"

#include <fmt/format.h>
#include <sys/utsname.h>

namespace registry {

namespace {

constexpr std::size_t upstream_bytes_max = 512;

}  // namespace

std::string user_agent(std::string_view upstream) {
    utsname host{};
    ::uname(&host);
    std::string out = fmt::format("lighter/{} kernel/{} os/linux arch/{}", LIGHTER_VERSION,
                                  host.release, host_platform().architecture);
    std::string client;
    for (char c : upstream.substr(0, upstream_bytes_max)) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) continue;
        if (c == '(' || c == ')' || c == ';' || c == '\\') client += '\\';
        client += c;
    }
    if (!client.empty()) out += " UpstreamClient(" + client + ")";
    return out;
}

}  // namespace registry
