// A host's resolv.conf of any bytes: what we write for a container reads back as what we meant.
#include "net/resolv.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    ResolvConf host = parse_resolv_conf(text);
    ResolvConf same = parse_resolv_conf(render_host_resolv_conf(host, {}, "/etc/resolv.conf"));
    if (same.nameservers != host.nameservers || same.search != host.search) std::abort();
    if (same.options != host.options || same.others != host.others) std::abort();
    ResolvConf inside = parse_resolv_conf(render_resolv_conf(host, {}, "/etc/resolv.conf"));
    if (inside.nameservers.empty() || inside.search != host.search) std::abort();
    for (const std::string& server : inside.nameservers)
        if (server.starts_with("127.") || server.contains(':')) std::abort();
    if (auto extra = parse_extra_host(text)) {
        HostsOptions options{.extra = {*extra}, .host_gateway = Address{1}};
        std::string hosts = render_hosts(options).value();
        if (std::ranges::count(hosts, '\n') != 7) std::abort();
    }
    return 0;
}
