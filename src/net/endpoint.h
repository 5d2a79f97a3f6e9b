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
    sys::netlink::Socket route;  // rtnetlink, inside the namespace; holds it too
};

// Blocking. A new namespace with lo up, IPv6 off on what is plugged in later, no router
// advertisements, ports from 0 and ping for everybody (security-cases section 10). This is all of
// --network none. The calling thread stays in its own namespace.
Result<Netns> make_netns();

// A namespace with eth0 plugged into the bridge, still without an address.
struct Plug {
    Netns netns;
    int eth0 = 0;           // its index inside
    std::string host_link;  // our end's name
};

// What a container got. Kept in its record; detach() needs host_link.
struct Endpoint {
    std::string host_link;
    Cidr address;
    Address gateway;
    Mac mac;
};

struct Attached {
    Netns netns;
    Endpoint endpoint;
};

// Blocking. The veth pair: our end on the bridge and up, the other as eth0 in the namespace and up.
Result<Plug> plug(Netns netns, const Bridge& bridge, std::string_view prefix);
// Blocking, some 50 us: MAC, address and default route of eth0, in one message batch.
Result<Attached> set_address(Plug plug, Address address, const Bridge& bridge,
                             std::optional<Mac> mac = std::nullopt);
// make_netns(), plug() and set_address().
Result<Attached> attach(const Bridge& bridge, std::string_view prefix, Address address,
                        std::optional<Mac> mac = std::nullopt);

// Blocking, some 100 us. Takes our end down, so that its address may be given to the next before
// detach(), which takes long, is through. Missing is fine.
Status silence(const std::string& host_link);
// Blocking, 20 ms of waiting for the kernel's RCU. Removes the pair. Missing is fine.
Status detach(const std::string& host_link);

// Namespaces plugged in ahead of need. take() is quick and may be called on the loop thread;
// add_one() blocks and belongs on a worker. Dropping the pool drops namespaces and links with it,
// also when the process is killed: the kernel removes a namespace nobody holds.
class PlugPool {
public:
    PlugPool(Bridge bridge, std::string prefix, std::size_t wanted)
        : bridge_(std::move(bridge)), prefix_(std::move(prefix)), wanted_(wanted) {}

    // One that is ready, or none: then the caller makes one itself (make_netns, plug).
    std::optional<Plug> take();
    // How many more are wanted than are ready or being made.
    std::size_t missing() const;
    // Makes one, if one is missing.
    Status add_one();
    // Blocking. Throws away what is ready and makes no more.
    void close();

private:
    const Bridge bridge_;
    const std::string prefix_;
    mutable std::mutex mutex_;
    std::size_t wanted_;
    std::deque<Plug> ready_;
    std::size_t making_ = 0;
};

}  // namespace net
