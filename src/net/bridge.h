// The bridge that containers are plugged into: found or made, addressed and brought up.
#pragma once

#include "net/addresses.h"

#include <optional>
#include <string>
#include <vector>

namespace net {

inline constexpr const char* default_bridge_name = "lighter0";

// What flags and daemon.json say about the default bridge.
struct BridgeConfig {
    std::string name = default_bridge_name;  // --bridge; "none" means: do not call ensure_bridge()
    bool named_by_user = false;              // --bridge was given: if it exists it is the user's
    std::optional<Cidr> bip;                 // --bip
    std::optional<Subnet> fixed_cidr;        // --fixed-cidr: containers get addresses of this part
    std::optional<Address> default_gateway;  // --default-gateway
    std::vector<PoolSpec> pools = default_pools();  // --default-address-pool
    std::vector<Subnet> avoid;                      // further networks that must not be overlapped
    unsigned mtu = 1500;                            // --mtu
    bool ip_forward = true;                         // --ip-forward
    // What a bridge we make is marked with (its alias), so that it is known as ours after a crash.
    std::string mark = "made by lighter";
};

struct Bridge {
    std::string name;
    Cidr address;                 // of the bridge itself
    Address gateway;              // what containers use: the bridge's address, or --default-gateway
    std::optional<Subnet> range;  // --fixed-cidr
    unsigned mtu = 1500;
    Mac mac;
    bool created = false;   // by this call
    bool keep = false;      // it was there and is the user's: never deleted by us
    bool isolated = false;  // --icc=false: its ports do not reach each other
    // This call switched net.ipv4.ip_forward on: say so in the log.
    bool forwarding_switched_on = false;

    Subnet subnet() const { return address.network(); }
};

// Linux's rules for interface names (at most 15 bytes, no '/', no white space, not "." or "..").
Status check_link_name(std::string_view name);

// Blocking. Makes the bridge (own MAC, no IPv6, no router advertisements) or takes the one that is
// there; gives it the wanted address, else keeps the one it has, else picks a free subnet; brings
// it up. Safe to repeat: nothing changes the second time.
Result<Bridge> ensure_bridge(const BridgeConfig& config);

// Blocking. Deletes a bridge of ours; missing is fine.
Status remove_bridge(const std::string& name);

// Blocking. Lets answers of the bridge's containers go back to 127.0.0.1 (route_localnet): only with a
// firewall that keeps containers from the services there.
Status route_loopback(const std::string& bridge);

// Networks that the host reaches otherwise than by its default route: routes, interface addresses
// and name servers, without those of link `except`.
Result<std::vector<Subnet>> host_networks(std::string_view except);

// A pool with the bridge's own addresses already taken.
Status reserve_own(AddressPool& pool, const Bridge& bridge);

}  // namespace net
