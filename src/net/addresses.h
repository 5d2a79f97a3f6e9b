// IPv4 addresses, subnets and who has which: parsing and printing as Docker does, the pool that
// hands out a bridge's addresses, and the choice of a subnet that no route of the host overlaps.
#pragma once

#include "base/error.h"

#include <array>
#include <compare>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace net {

// An IPv4 address, in host byte order.
struct Address {
    std::uint32_t value = 0;

    // Dotted quad only: four decimal numbers without leading zeros (Go's net.ParseIP).
    static Result<Address> parse(std::string_view text);
    std::string text() const;
    bool is_any() const { return value == 0; }
    bool is_loopback() const { return value >> 24 == 127; }
    friend auto operator<=>(const Address&, const Address&) = default;
};

// A network: all addresses that share the first `prefix` bits of `base`.
struct Subnet {
    Address base;
    unsigned prefix = 0;

    // "172.17.0.0/16". Host bits are cleared, as Go's net.ParseCIDR does for the network it gives.
    static Result<Subnet> parse(std::string_view text);
    std::string text() const;
    std::uint32_t mask() const { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
    Address first() const { return base; }
    Address last() const { return {base.value | ~mask()}; }
    bool contains(Address address) const { return (address.value & mask()) == base.value; }
    bool contains(const Subnet& other) const {
        return prefix <= other.prefix && contains(other.base);
    }
    bool overlaps(const Subnet& other) const { return contains(other) || other.contains(*this); }
    friend auto operator<=>(const Subnet&, const Subnet&) = default;
};

// An interface's address with its prefix length: --bip.
struct Cidr {
    Address address;
    unsigned prefix = 0;

    // Any address/prefix; an error is Go's "invalid CIDR address: ...".
    static Result<Cidr> parse(std::string_view text);
    std::string text() const;
    Subnet network() const;
    friend auto operator<=>(const Cidr&, const Cidr&) = default;
};

// --bip: additionally the address must be one that an interface can have (neither the network's
// own nor its broadcast address, prefix at most 30).
Result<Cidr> parse_bip(std::string_view text);

// A hardware address.
struct Mac {
    std::array<std::uint8_t, 6> bytes{};

    // 02:42:ac:11:00:02, with '-' instead of ':', or 0242.ac11.0002 (Go's net.ParseMAC, 6 bytes).
    static Result<Mac> parse(std::string_view text);
    std::string text() const;
    friend auto operator<=>(const Mac&, const Mac&) = default;
};

// 02:42 and the four bytes of the address: a reused address keeps its MAC, so that no neighbour's
// ARP cache is ever wrong.
Mac mac_for(Address address);
// 02:42 and four random bytes: for bridges.
Mac random_mac();

// --default-address-pool: `base` is cut into subnets of prefix length `size`.
struct PoolSpec {
    Subnet base;
    unsigned size = 0;

    // "base=10.10.0.0/16,size=24"
    static Result<PoolSpec> parse(std::string_view text);
    // The JSON form's two fields (daemon.json default-address-pools).
    static Result<PoolSpec> make(std::string_view base, int size);
    friend auto operator<=>(const PoolSpec&, const PoolSpec&) = default;
};

// Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20.
std::vector<PoolSpec> default_pools();

// The first subnet of the pools that overlaps nothing in `used` (routes and interfaces of the host,
// name servers, networks of ours); an error when there is none.
Result<Subnet> pick_subnet(std::span<const PoolSpec> pools, std::span<const Subnet> used);

// The addresses of one network. Hands out the lowest free one, as Docker's bridge does (a lone
// container always gets .2); one that is in use is never given twice. Every thread may call.
class AddressPool {
public:
    // Without `range` (--fixed-cidr) the whole subnet. Network and broadcast address are never
    // given (of a /31 or /32 all are).
    explicit AddressPool(Subnet subnet, std::optional<Subnet> range = std::nullopt);

    // unavailable: "no available IPv4 addresses on this network's address pools"
    Result<Address> allocate();
    // Takes this very address (the gateway's, or one of an adopted container, also outside the
    // range). conflict "Address already in use", invalid when it is not in the subnet.
    Status reserve(Address address);
    // Gives back; one that was not taken is ignored.
    void release(Address address);

    const Subnet& subnet() const { return subnet_; }
    std::size_t in_use() const;

private:
    Subnet subnet_;
    std::uint32_t first_;  // what allocate() may give: first_..last_
    std::uint32_t last_;
    mutable std::mutex mutex_;
    std::set<std::uint32_t> used_;
    std::uint32_t hint_;  // everything in first_..hint_-1 is used
};

}  // namespace net
