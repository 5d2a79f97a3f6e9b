// One nftables table per engine: masquerading, what may be forwarded to and from its bridge.
// It is replaced in one transaction: no packet sees half of it.
#pragma once

#include "net/addresses.h"
#include "net/bridge.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace net {

struct FirewallConfig {
    std::string bridge;
    Subnet subnet;
    Address bridge_address;
    bool masquerade = true;  // --ip-masq
    bool icc = true;         // --icc: containers of the bridge reach each other
    // We switched forwarding on, so the host must not begin to route between its physical
    // interfaces. Remembered in the table: stays when a later ensure() says false.
    bool guard_forwarding = false;
};

// What else on this host may stop our packets; for the daemon's log.
struct ForeignRules {
    // An iptables-nft FORWARD chain drops by default (a dockerd does that): rules that accept our
    // bridge were put into it.
    bool forward_opened = false;
    // The old iptables interface is in use and we cannot see its rules.
    bool legacy_iptables = false;
};

// Every method blocks (some 100 us) and may be called from any thread; a mutex keeps the order.
class Firewall {
public:
    // The table is called "lighter-<bridge>", family ip.
    explicit Firewall(FirewallConfig config);

    // Creates or replaces the table with everything known: atomically, no packet sees half of it.
    Result<ForeignRules> ensure();
    // Whether the table is there as we left it.
    Result<bool> check();
    // check(), and ensure() if it was not. True: something had to be restored.
    Result<bool> restore();
    // Deletes the table and what we put into other tables. Missing is fine.
    Status remove();

    const std::string& table() const { return table_; }

private:
    Result<ForeignRules> replace_all();
    Result<bool> matches();

    const FirewallConfig config_;
    const std::string table_;
    std::mutex mutex_;
};

}  // namespace net
