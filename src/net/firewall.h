// One nftables table per engine: masquerading, published ports, what may be forwarded to and from
// its bridge.
// It is replaced in one transaction: no packet sees half of it.
#pragma once

#include "net/addresses.h"
#include "net/bridge.h"

#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace net {

struct FirewallConfig {
    std::string bridge;
    Subnet subnet;
    bool masquerade = true;  // --ip-masq
    bool icc = true;         // --icc: containers of the bridge reach each other
    // We switched forwarding on, so the host must not begin to route between its other interfaces:
    // a second table, "lighter-guard", sees to that. It stays when the engine goes, as forwarding
    // does.
    bool guard_forwarding = false;
};

// A port of this host that leads to a container's.
struct PublishedPort {
    std::uint8_t protocol = 0;  // IPPROTO_TCP, _UDP or _SCTP
    Address host;               // 0.0.0.0: each of this host's addresses
    std::uint16_t host_port = 0;
    Address container;
    std::uint16_t container_port = 0;

    bool operator==(const PublishedPort&) const = default;
};

// What else on this host may stop our packets; for the daemon's log.
struct ForeignRules {
    // An iptables-nft FORWARD chain drops by default (a dockerd does that): rules that accept our
    // bridge were appended to it, behind everything that others decide there.
    bool forward_opened = false;
    // The old iptables interface has a filter table, which we cannot see.
    bool legacy_iptables = false;
};

// Every method blocks (some 100 us) and may be called from any thread; a mutex keeps the order.
class Firewall {
public:
    // The table is called "lighter-<bridge>", family ip.
    explicit Firewall(FirewallConfig config);

    // Creates or replaces the table atomically: no packet sees half of it.
    Result<ForeignRules> ensure();
    // Whether the table is there as we left it.
    Result<bool> check();
    // check(), and ensure() if it was not. True: something had to be restored.
    Result<bool> restore();
    // Deletes the table and what we put into other tables. Missing is fine.
    Status remove();
    // All of them in one transaction: no packet meets some of them only.
    Status publish(std::span<const PublishedPort> ports);
    Status unpublish(std::span<const PublishedPort> ports);

    const std::string& table() const { return table_; }

private:
    Result<ForeignRules> replace();
    Result<bool> intact();
    Status change_ports(std::span<const PublishedPort> ports, bool there);

    const FirewallConfig config_;
    const std::string table_;
    const std::string comment_;  // marks our rules in chains of others
    std::mutex mutex_;
    std::vector<PublishedPort> published_;
    std::vector<std::byte> left_as_;  // nft::fingerprint after the last change
};

}  // namespace net
