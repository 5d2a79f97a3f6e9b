// Words of nf_tables put into a netlink batch: tables, chains, rules and the expressions that rules
// are made of. Values are binary; no text of a user becomes a rule (security-cases N1).
#pragma once

#include "net/addresses.h"
#include "sys/netlink.h"

#include <cstdint>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace net::nft {

// A map of a table. Keys are a protocol (IPPROTO_*), with `with_address` the address a packet goes
// to, and its port; values an address and a port.
struct MapShape {
    std::string name;
    bool with_address = false;
};
struct MapElement {
    std::uint8_t protocol = 0;
    Address address;  // part of the key, or not
    std::uint16_t port = 0;
    Address to;
    std::uint16_t to_port = 0;
};

// One transaction of family ip. The kernel takes all of it or nothing.
class Transaction {
public:
    Transaction();

    void add_table(const std::string& table);
    // The table must exist.
    void delete_table(const std::string& table);
    // Empty and without a hook: reached by jumps only.
    void add_chain(const std::string& table, const std::string& chain);
    // type "filter" or "nat", hook NF_INET_*; policy accept.
    void add_base_chain(const std::string& table, const std::string& chain, const char* type,
                        unsigned hook, int priority);
    void delete_rule(const std::string& table, const std::string& chain, std::uint64_t handle);
    // A hash from keys to values, empty; looked up by Rule::translate_by().
    void add_map(const std::string& table, const MapShape& map);
    // Deleting what is not there fails the transaction, adding what is there does not.
    void add_elements(const std::string& table, const MapShape& map,
                      std::span<const MapElement> elements);
    void delete_elements(const std::string& table, const MapShape& map,
                         std::span<const MapElement> elements);

    Status commit(sys::netlink::Socket& netfilter);

private:
    friend class Rule;
    void begin(unsigned message, unsigned flags, std::string what);
    void put_elements(unsigned message, unsigned flags, const std::string& table,
                      const MapShape& map, std::span<const MapElement> elements);

    sys::netlink::Batch batch_;
    bool empty_ = true;
};

// A rule appended to a chain: conditions in order, then what to do; finished when it goes out of
// scope. Each call is one or two expressions.
class Rule {
public:
    // `comment` is shown by `nft list ruleset`; at most 120 bytes.
    Rule(Transaction& transaction, const std::string& table, const std::string& chain,
         std::string_view comment);
    ~Rule();
    Rule(const Rule&) = delete;
    Rule& operator=(const Rule&) = delete;

    enum class Compare { equal, differs };
    Rule& in_link(std::string_view name, Compare compare = Compare::equal);
    Rule& out_link(std::string_view name, Compare compare = Compare::equal);
    // As iptables-nft writes -i and -o: else `iptables -S` calls the table incompatible.
    Rule& in_link_as_iptables(std::string_view name);
    Rule& out_link_as_iptables(std::string_view name);
    // Names that dockerd makes up for its networks: br- and twelve more bytes.
    Rule& out_link_of_docker_network();
    Rule& in_link_kind_differs(std::string_view kind);
    Rule& out_link_kind_differs(std::string_view kind);
    Rule& source(Subnet subnet, Compare compare = Compare::equal);
    Rule& destination(Subnet subnet, Compare compare = Compare::equal);
    Rule& local_destination();  // fib daddr type local
    Rule& established();
    Rule& translated(Compare compare = Compare::equal);  // ct status dnat
    Rule& counter();

    void accept() { verdict(NF_ACCEPT); }
    void drop() { verdict(NF_DROP); }
    void masquerade();
    // Destination NAT to what the map has for the packet; a packet it has nothing for goes on.
    void translate_by(const MapShape& map);

private:
    void expression(const char* name, auto&& fill);
    void load_meta(unsigned key);
    void load_conntrack(unsigned key);
    void compare(Compare compare, std::span<const std::byte> value);
    void mask(std::span<const std::byte> mask);
    void compare_name(Compare how, std::string_view name);
    void compare_address(unsigned header_offset, Subnet subnet, Compare how);
    void load_payload(unsigned base, unsigned offset, unsigned bytes, unsigned into);
    void verdict(int code);

    sys::netlink::Batch& batch_;
    std::string comment_;
    std::size_t expressions_;
};

struct ChainInfo {
    std::optional<std::uint32_t> hook;
    std::optional<std::uint32_t> policy;
};
struct RuleInfo {
    std::uint64_t handle = 0;
    std::string comment;
};

// Nothing found is not an error.
Result<std::optional<ChainInfo>> find_chain(sys::netlink::Socket& netfilter,
                                            const std::string& table, const std::string& chain);
Result<bool> table_exists(sys::netlink::Socket& netfilter, const std::string& table);
Result<std::vector<RuleInfo>> list_rules(sys::netlink::Socket& netfilter, const std::string& table,
                                         const std::string& chain);
// Everything the kernel says of a table's chains, rules and maps (not what is in these), as bytes to compare later; empty when
// there is no such table.
Result<std::vector<std::byte>> fingerprint(sys::netlink::Socket& netfilter,
                                           const std::string& table);

}  // namespace net::nft
