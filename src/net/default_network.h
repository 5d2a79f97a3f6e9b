// The default bridge network as the engine uses it: one bridge, its addresses, its firewall table
// and namespaces prepared ahead. Two of these with other names, subnets and tags do not disturb
// each other on one host.
#pragma once

#include "net/addresses.h"
#include "net/bridge.h"
#include "net/endpoint.h"
#include "net/firewall.h"
#include "net/held_ports.h"
#include "net/link.h"
#include "sys/fd.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace net {

struct DefaultNetworkConfig {
    BridgeConfig
        bridge;       // --bridge --bip --fixed-cidr --default-gateway --default-address-pool --mtu
    bool icc = true;  // --icc
    bool ip_masq = true;       // --ip-masq
    bool iptables = true;      // --iptables: false leaves the firewall alone altogether
    Address host_ip;           // --ip: where ports are published that name no address
    std::string engine_tag;    // engine_tag(exec root): four hex digits
    std::size_t prepared = 2;  // namespaces kept ready; 0: none
};

// Threads: create, attach, detach, sweep, prepare, restore and remove block (some call for
// milliseconds) and belong on Workers' heavy lane; any number of threads may be inside at once.
// allocate, release, leave, adopt, wants_preparing and the getters are quick and may be called from
// the loop.
class DefaultNetwork {
public:
    // Bridge, forwarding, firewall. Removes nothing that is there: call sweep() once
    // adoption is done.
    static Result<std::unique_ptr<DefaultNetwork>> create(DefaultNetworkConfig config);
    ~DefaultNetwork();

    const Bridge& bridge() const { return bridge_; }
    Address default_host() const { return config_.host_ip; }
    // What create() found worth a line in the log ("net.ipv4.ip_forward was switched on" ...).
    const std::vector<std::string>& notices() const { return notices_; }

    // The lowest free address, or this very one (--ip; conflict "Address already in use"). Give it
    // to attach(), which keeps it when it fails: then release() it.
    Result<Address> allocate(std::optional<Address> wanted = std::nullopt);
    void release(Address address);

    // A namespace with lo and eth0 up, addressed and routed. Under 200 us when one was prepared,
    // else a few ms. The namespace lives as long as the descriptor or a process inside.
    Result<Attached> attach(Address address, std::optional<Mac> mac = std::nullopt);
    // Quick: the container has ended, its address is free from now on (a container that is started
    // again gets it back, as with Docker). detach() is still to be called: attach() silences the
    // old link if it meets the new one.
    void leave(const Endpoint& endpoint);
    // Removes the pair; without leave() before it also gives the address back, and does so when it
    // fails, too. Missing is fine: the kernel removes the pair itself when the namespace ends.
    Status detach(const Endpoint& endpoint);

    // Blocking: a transaction of the firewall. Makes a container reachable by ports of this host: by
    // all that are wished for, or none (internal, in Docker's words).
    Result<std::vector<PublishedPort>> publish(Address container,
                                               std::span<const PortWish> wishes);
    Status unpublish(std::span<const PublishedPort> ports);

    // A container that was found alive after a restart keeps its endpoint: its address is in use.
    Status adopt(const Endpoint& endpoint);
    // And its ports. Blocking. Gives those that another process has taken meanwhile: what comes
    // reaches the container all the same.
    Result<std::vector<PublishedPort>> adopt_ports(std::span<const PublishedPort> ports);
    // After the last adopt(): removes links of this engine that none of `living` names. Returns
    // their names.
    Result<std::vector<std::string>> sweep(std::span<const Endpoint> living);

    // Whether prepare() has something to do: ask after attach() and run it when nothing else is
    // waiting. It makes one namespace per call, and looks after the firewall as restore() does.
    bool wants_preparing() const;
    Status prepare();

    // Puts the firewall table back if somebody flushed it. True: it had to.
    Result<bool> restore();
    // At shutdown with no container alive: firewall table, prepared namespaces, and the bridge if
    // it is ours. With containers alive do not call it: they keep their network while the engine is
    // away.
    Status remove();

private:
    DefaultNetwork(DefaultNetworkConfig config, Bridge bridge);
    Status set_up_firewall();
    Status silence_former(Address address);

    const DefaultNetworkConfig config_;
    const Bridge bridge_;
    const std::string prefix_;
    std::vector<std::string> notices_;
    std::vector<Link> left_;  // links with our prefix from before
    AddressPool pool_;
    std::mutex leaving_mutex_;
    std::map<std::string, Address> leaving_;  // links between leave() and detach()
    std::unique_ptr<Firewall> firewall_;      // none with --iptables=false
    HeldPorts ports_;
    PlugPool plugs_;
};

}  // namespace net
