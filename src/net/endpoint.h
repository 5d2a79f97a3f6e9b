// A container's side of the network: its namespace, the veth pair into it, address and route; and
// the pool of namespaces prepared ahead, because the kernel takes a millisecond for one.
#pragma once

#include "net/addresses.h"
#include "net/bridge.h"
#include "sys/fd.h"
#include "sys/netlink.h"

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace net {

// Four hex digits that mark an engine on this host, from what makes it unique there (its exec
// root).
std::string engine_tag(std::string_view exec_root);
// "vethl" and the tag: the names of this engine's host ends begin with it and end with six more
// digits, so that no engine sweeps another's.
std::string link_prefix(std::string_view engine_tag);

// A network namespace held by descriptor: it lives as long as this, or a process in it.
struct Netns {
    Fd ns;                       // for setns(2) and for the shim
    sys::netlink::Socket route;  // rtnetlink, inside the namespace
};

// Blocking; the calling thread leaves its own namespace for a moment and comes back. A new
// namespace with lo up, IPv6 off on what is plugged in later, no router advertisements, ports from
// 0 and ping for everybody (security-cases section 10).
Result<Netns> make_netns();
// The same handle for a namespace that exists (a container adopted after a restart).
Result<Netns> open_netns(Fd ns);

// A namespace with eth0 plugged into the bridge, still without an address.
struct Plug {
    Netns netns;
    std::string host_link;  // our end
    std::string bridge;
};

// What a container got. Kept in its record; detach() needs host_link.
struct Endpoint {
    std::string host_link;
    Cidr address;
    Address gateway;
    Mac mac;
};

// Blocking. The veth pair: our end on the bridge and up, the other as eth0 in the namespace and up.
Result<Plug> plug(Netns netns, const Bridge& bridge, std::string_view prefix);
// Blocking, some 50 us: MAC, address and default route of eth0, in one message batch.
Result<Endpoint> set_address(const Plug& plug, Address address, const Bridge& bridge,
                             std::optional<Mac> mac = std::nullopt);
// Both.
struct Attached {
    Netns netns;
    Endpoint endpoint;
};
Result<Attached> attach(Netns netns, const Bridge& bridge, std::string_view prefix, Address address,
                        std::optional<Mac> mac = std::nullopt);

// Blocking. Removes the pair (at once: the address may be given to the next). Missing is fine.
Status detach(const std::string& host_link);

// Blocking. Removes links of this engine (by prefix) that no `living` container names; returns what
// was removed. For the start of the daemon.
Result<std::vector<std::string>> sweep_links(std::string_view prefix,
                                             const std::vector<std::string>& living);

// Namespaces plugged in ahead of need. take() is quick and may be called on the loop thread;
// refill() blocks and belongs on a worker. Dropping the pool drops namespaces and links with it,
// also when the process is killed: the kernel removes a namespace nobody holds.
class PlugPool {
public:
    PlugPool(Bridge bridge, std::string prefix, std::size_t wanted)
        : bridge_(std::move(bridge)), prefix_(std::move(prefix)), wanted_(wanted) {}

    // One that is ready, or none: then the caller makes one itself (make_netns, plug).
    std::optional<Plug> take();
    // How many refill() would make now.
    std::size_t missing() const;
    // Makes one at a time until `wanted` are ready; stops at the first failure.
    Status refill();
    // Throws away what is ready (the bridge was lost, or the engine stops).
    void clear();

private:
    const Bridge bridge_;
    const std::string prefix_;
    const std::size_t wanted_;
    mutable std::mutex mutex_;
    std::deque<Plug> ready_;
    std::size_t making_ = 0;
};

}  // namespace net
