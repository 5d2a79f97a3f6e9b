// Our nftables table, and the two rules that a dockerd's FORWARD policy makes necessary.
#include "net/firewall.h"

#include "net/nft.h"
#include "sys/file.h"
#include "sys/netlink.h"

#include <fmt/format.h>

namespace net {

using nft::Rule;
using nft::Transaction;
using sys::netlink::Socket;

namespace {

// NF_IP_PRI_*
constexpr int priority_raw = -300, priority_destination_nat = -100, priority_filter = 0,
              priority_source_nat = 100;
constexpr const char* guard_table = "lighter-guard";
// Where iptables-nft (and so a dockerd) keeps what it forwards.
constexpr const char* foreign_table = "filter";
constexpr const char* foreign_chain = "FORWARD";

const nft::MapShape ports_of_address{.name = "ports_of_address", .with_address = true};
const nft::MapShape ports{.name = "ports", .with_address = false};

Subnet loopback() {
    return {.base = Address{127U << 24}, .prefix = 8};
}

// By which map, and as what.
void put_ports(Transaction& transaction, const std::string& table,
               std::span<const PublishedPort> published, bool there) {
    for (const nft::MapShape* map : {&ports_of_address, &ports}) {
        std::vector<nft::MapElement> elements;
        for (const PublishedPort& port : published)
            if (map->with_address == (port.host.value != 0))
                elements.push_back({.protocol = port.protocol,
                                    .address = port.host,
                                    .port = port.host_port,
                                    .to = port.container,
                                    .to_port = port.container_port});
        if (there)
            transaction.add_elements(table, *map, elements);
        else
            transaction.delete_elements(table, *map, elements);
    }
}

// What comes for a published port, from elsewhere, from a container or from this host itself, 127.0.0.1
// included, goes to the container; no process stands in between.
void put_port_rules(Transaction& transaction, const std::string& table,
                    const FirewallConfig& config) {
    const std::string& bridge = config.bridge;
    transaction.add_map(table, ports_of_address);
    transaction.add_map(table, ports);
    // The bridge has route_localnet for answers to 127.0.0.1. A container must not reach services
    // that listen there only (CVE-2020-8558).
    transaction.add_base_chain(table, "raw", "filter", NF_INET_PRE_ROUTING, priority_raw);
    Rule(transaction, table, "raw", "loopback is not for containers")
        .in_link(bridge)
        .destination(loopback())
        .drop();
    Rule(transaction, table, "raw", "loopback is not for containers")
        .in_link(bridge)
        .source(loopback())
        .drop();
    transaction.add_base_chain(table, "prerouting", "nat", NF_INET_PRE_ROUTING,
                               priority_destination_nat);
    transaction.add_base_chain(table, "output", "nat", NF_INET_LOCAL_OUT,
                               priority_destination_nat);
    for (const nft::MapShape* map : {&ports_of_address, &ports}) {
        // What a neighbour sends to 127.0.0.1 the kernel drops as martian, unless it was translated.
        Rule(transaction, table, "prerouting", "published ports")
            .destination(loopback(), Rule::Compare::differs)
            .local_destination()
            .translate_by(*map);
        Rule(transaction, table, "output", "published ports")
            .local_destination()
            .translate_by(*map);
    }
    // Answers must come back by way of this host to be translated again.
    Rule(transaction, table, "postrouting", "from 127.0.0.1 to a published port")
        .source(loopback())
        .out_link(bridge)
        .masquerade();
    Rule(transaction, table, "postrouting", "from a container to a published port")
        .source(config.subnet)
        .out_link(bridge)
        .translated()
        .masquerade();
}

void put_own_rules(Transaction& transaction, const std::string& table,
                   const FirewallConfig& config) {
    using enum Rule::Compare;
    const std::string& bridge = config.bridge;
    transaction.add_base_chain(table, "forward", "filter", NF_INET_FORWARD, priority_filter);
    auto rule = [&](const char* why) { return Rule(transaction, table, "forward", why); };
    // Bridged packets come by here too where br_netfilter is loaded.
    if (config.icc)
        rule("between containers").in_link(bridge).out_link(bridge).accept();
    else
        rule("--icc=false")
            .in_link(bridge)
            .out_link(bridge)
            .translated(Rule::Compare::differs)
            .drop();
    rule("answers").out_link(bridge).established().accept();
    rule("published ports").out_link(bridge).translated().accept();
    rule("not from outside").out_link(bridge).drop();
    // The same towards a dockerd's containers, which its own policy would do if we did not have to
    // open that below.
    rule("answers").in_link(bridge).established().accept();
    rule("ports a dockerd published").in_link(bridge).translated().accept();
    rule("not into a dockerd's network").in_link(bridge).out_link("docker0").drop();
    rule("not into a dockerd's network").in_link(bridge).out_link_of_docker_network().drop();
    rule("to the world").in_link(bridge).accept();

    transaction.add_base_chain(table, "postrouting", "nat", NF_INET_POST_ROUTING,
                               priority_source_nat);
    put_port_rules(transaction, table, config);
    if (!config.masquerade) return;
    Rule(transaction, table, "postrouting", "--ip-masq")
        .source(config.subnet)
        .out_link(bridge, differs)
        .masquerade();
}

void put_guard(Transaction& transaction) {
    transaction.add_table(guard_table);
    transaction.delete_table(guard_table);
    transaction.add_table(guard_table);
    transaction.add_base_chain(guard_table, "forward", "filter", NF_INET_FORWARD, priority_filter);
    Rule(transaction, guard_table, "forward", "forwarding was switched on for containers only")
        .in_link_kind_differs("bridge")
        .out_link_kind_differs("bridge")
        .drop();
}

// Appended, so that whatever others drop before stays dropped.
void put_foreign_rules(Transaction& transaction, const std::string& bridge,
                       const std::string& comment) {
    Rule(transaction, foreign_table, foreign_chain, comment)
        .in_link_as_iptables(bridge)
        .counter()
        .accept();
    Rule(transaction, foreign_table, foreign_chain, comment)
        .out_link_as_iptables(bridge)
        .counter()
        .accept();
}

Result<std::vector<nft::RuleInfo>> our_foreign_rules(Socket& netfilter,
                                                     const std::string& comment) {
    TRY(auto rules, nft::list_rules(netfilter, foreign_table, foreign_chain));
    std::erase_if(rules, [&](const nft::RuleInfo& rule) { return rule.comment != comment; });
    return rules;
}

Result<bool> foreign_chain_drops(Socket& netfilter) {
    TRY(auto chain, nft::find_chain(netfilter, foreign_table, foreign_chain));
    return chain && chain->hook == NF_INET_FORWARD && chain->policy == NF_DROP;
}

bool legacy_filter_in_use() {
    auto names = sys::read_file("/proc/thread-self/net/ip_tables_names", 4096);
    return names && ("\n" + *names).contains("\nfilter\n");
}

}  // namespace

Firewall::Firewall(FirewallConfig config)
    : config_(std::move(config)), table_("lighter-" + config_.bridge),
      comment_(fmt::format("lighter: bridge {}", config_.bridge)) {}

Result<ForeignRules> Firewall::ensure() {
    std::lock_guard lock(mutex_);
    return replace();
}

Result<ForeignRules> Firewall::replace() {
    TRY(Socket netfilter, Socket::open(NETLINK_NETFILTER));
    ForeignRules foreign;
    Transaction transaction;
    // Deleting what may not be there fails; what was just added is there.
    transaction.add_table(table_);
    transaction.delete_table(table_);
    transaction.add_table(table_);
    put_own_rules(transaction, table_, config_);
    put_ports(transaction, table_, published_, true);
    if (config_.guard_forwarding) put_guard(transaction);
    TRY(foreign.forward_opened, foreign_chain_drops(netfilter));
    if (foreign.forward_opened) {
        TRY(auto old, our_foreign_rules(netfilter, comment_));
        for (const nft::RuleInfo& rule : old)
            transaction.delete_rule(foreign_table, foreign_chain, rule.handle);
        put_foreign_rules(transaction, config_.bridge, comment_);
    }
    foreign.legacy_iptables = legacy_filter_in_use();
    TRY_DO(transaction.commit(netfilter).context("set up the firewall"));
    TRY(left_as_, nft::fingerprint(netfilter, table_));
    return foreign;
}

Result<bool> Firewall::intact() {
    TRY(Socket netfilter, Socket::open(NETLINK_NETFILTER));
    TRY(auto now, nft::fingerprint(netfilter, table_));
    if (now.empty() || now != left_as_) return false;
    if (config_.guard_forwarding) {
        TRY(bool guarded, nft::table_exists(netfilter, guard_table));
        if (!guarded) return false;
    }
    TRY(bool drops, foreign_chain_drops(netfilter));
    if (!drops) return true;
    TRY(auto ours, our_foreign_rules(netfilter, comment_));
    return ours.size() == 2;
}

Result<bool> Firewall::check() {
    std::lock_guard lock(mutex_);
    return intact();
}

Result<bool> Firewall::restore() {
    std::lock_guard lock(mutex_);
    TRY(bool fine, intact());
    if (fine) return false;
    TRY_DO(replace());
    return true;
}

Status Firewall::publish(std::span<const PublishedPort> ports) {
    return change_ports(ports, true);
}

Status Firewall::unpublish(std::span<const PublishedPort> ports) {
    return change_ports(ports, false);
}

Status Firewall::change_ports(std::span<const PublishedPort> changed, bool there) {
    std::lock_guard lock(mutex_);
    std::vector<PublishedPort> before = published_;
    for (const PublishedPort& port : changed) {
        std::erase(published_, port);
        if (there) published_.push_back(port);
    }
    TRY(Socket netfilter, Socket::open(NETLINK_NETFILTER));
    Transaction transaction;
    put_ports(transaction, table_, changed, there);
    if (transaction.commit(netfilter)) return {};
    // Somebody removed or emptied the table: it is made anew, with what is to be in it now.
    auto made = replace();
    if (made || !there) return {};
    published_ = std::move(before);
    return made.error();
}

Status Firewall::remove() {
    std::lock_guard lock(mutex_);
    TRY(Socket netfilter, Socket::open(NETLINK_NETFILTER));
    Transaction transaction;
    transaction.add_table(table_);
    transaction.delete_table(table_);
    TRY(auto old, our_foreign_rules(netfilter, comment_));
    for (const nft::RuleInfo& rule : old)
        transaction.delete_rule(foreign_table, foreign_chain, rule.handle);
    left_as_.clear();
    return transaction.commit(netfilter).context("remove the firewall");
}

}  // namespace net
