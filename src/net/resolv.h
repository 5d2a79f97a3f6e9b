// What goes into a container's /etc/hosts, /etc/hostname and /etc/resolv.conf: text from values,
// nothing else; no line of these files can be injected by a value.
#pragma once

#include "net/addresses.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace net {

// What a resolv.conf says, in its order.
struct ResolvConf {
    std::vector<std::string> nameservers;  // IPv4 or IPv6, in canonical text
    std::vector<std::string> invalid;      // nameserver lines that hold no address
    std::vector<std::string> search;
    std::vector<std::string> options;
    std::vector<std::string> others;  // lines that are none of these (sortlist ...)
};

// Never fails: what is not understood is skipped. The last `search` or `domain` line counts, as in
// libc.
ResolvConf parse_resolv_conf(std::string_view text);

// --dns, --dns-search, --dns-opt (of the container, else of the daemon).
struct DnsOptions {
    std::vector<std::string> nameservers;
    std::vector<std::string> search;  // "." alone: no search domains
    std::vector<std::string> options;
};

// For create: invalid in Docker's words when an entry is no address, or would break a line.
Status check_dns(const DnsOptions& options);

// The file of a container on the default bridge: the host's without servers on loopback addresses
// (they are the host's own), overridden by `options`; Google's servers when none is left, as
// Docker. `source` is named in a comment.
std::string render_resolv_conf(const ResolvConf& host, const DnsOptions& options,
                               std::string_view source);
// For --network host: the host's, only overridden.
std::string render_host_resolv_conf(const ResolvConf& host, const DnsOptions& options,
                                    std::string_view source);

// Blocking, bounded. /etc/resolv.conf, or systemd-resolved's own list
// (/run/systemd/resolve/resolv.conf) when the former only names 127.0.0.53.
struct HostResolvConf {
    ResolvConf conf;
    std::string path;
};
HostResolvConf read_host_resolv_conf();

// One --add-host: "name:address" or "name=address"; "host-gateway" stands for the bridge's address.
struct ExtraHost {
    std::string name;
    std::string address;
};
Result<ExtraHost> parse_extra_host(std::string_view text);

struct HostsOptions {
    std::string hostname;
    std::string domainname;
    std::optional<Address> address;       // the container's own; none without a network
    std::vector<ExtraHost> extra;         // in the user's order
    std::optional<Address> host_gateway;  // what host-gateway stands for
};

// invalid when a name would break a line, or host-gateway is used and there is none.
Result<std::string> render_hosts(const HostsOptions& options);
// The hostname and a newline.
Result<std::string> render_hostname(std::string_view hostname);

}  // namespace net
