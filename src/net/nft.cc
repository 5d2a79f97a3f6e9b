// nf_tables messages. Numbers travel in network byte order, registers are named by NFT_REG_*.
#include "net/nft.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <endian.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

namespace net::nft {

using sys::netlink::Attributes;
using sys::netlink::Batch;
using sys::netlink::Message;
using sys::netlink::Socket;

namespace {

constexpr std::size_t comment_bytes_max = 120;  // the kernel takes 256 of user data
constexpr std::uint8_t comment_type = 0;        // nft's own user data: type, length, text with NUL

std::uint16_t type_of(unsigned message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

nfgenmsg header_for(std::uint8_t family, std::uint16_t resource = 0) {
    return {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htobe16(resource)};
}

std::string comment_in(Attributes rule) {
    auto data = rule.find(NFTA_RULE_USERDATA);
    if (!data || data->size() < 3) return {};
    auto length = static_cast<std::size_t>((*data)[1]);
    if (static_cast<std::uint8_t>((*data)[0]) != comment_type || length + 2 > data->size())
        return {};
    std::string_view text(reinterpret_cast<const char*>(data->data()) + 2, length);
    return std::string(text.substr(0, text.find('\0')));
}

// nft's numbers of types, by which it shows a map (datatype.h of nftables); fields of a
// concatenation are padded to four bytes.
constexpr std::uint32_t type_address = 7, type_protocol = 12, type_port = 13, type_bits = 6;
constexpr std::size_t field_bytes = 4;
// Of the IPv4 header; and of TCP's, UDP's and SCTP's.
constexpr unsigned source_offset = 12, destination_offset = 16, destination_port_offset = 2;
// Of one message; an attribute holds less than 64 KiB.
constexpr std::size_t elements_max = 500;

struct Fields {
    std::array<std::byte, 3 * field_bytes> bytes{};
    std::size_t size = 0;

    void add(const auto& value) {
        static_assert(sizeof(value) <= field_bytes);
        std::memcpy(bytes.data() + size, &value, sizeof(value));
        size += field_bytes;
    }
    std::span<const std::byte> view() const { return std::span(bytes).first(size); }
};

Fields key_of(const MapShape& map, const MapElement& element) {
    Fields key;
    key.add(element.protocol);
    if (map.with_address) key.add(htobe32(element.address.value));
    key.add(htobe16(element.port));
    return key;
}

Fields value_of(const MapElement& element) {
    Fields value;
    value.add(htobe32(element.to.value));
    value.add(htobe16(element.to_port));
    return value;
}

// A question about `table` (and `chain`), each answer to `visit`; missing is no answer at all.
Status ask(Socket& netfilter, unsigned message, unsigned table_attribute, const std::string& table,
           unsigned chain_attribute, const std::string& chain, bool dump,
           const std::function<void(const Message&)>& visit) {
    Batch batch;
    batch.begin(type_of(message), dump ? NLM_F_DUMP : 0, fmt::format("read nftables' {}", table),
                header_for(NFPROTO_IPV4));
    batch.put(table_attribute, table);
    if (!chain.empty()) batch.put(chain_attribute, chain);
    Status asked = netfilter.query(batch, visit);
    if (!asked && asked.error().kind() == Kind::missing) return {};
    return asked;
}

}  // namespace

Transaction::Transaction() {
    batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, "begin an nftables transaction",
                 header_for(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

void Transaction::begin(unsigned message, unsigned flags, std::string what) {
    empty_ = false;
    batch_.begin(type_of(message), static_cast<std::uint16_t>(flags), std::move(what),
                 header_for(NFPROTO_IPV4));
}

void Transaction::add_table(const std::string& table) {
    begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, fmt::format("add nftables table {}", table));
    batch_.put(NFTA_TABLE_NAME, table);
}

void Transaction::delete_table(const std::string& table) {
    begin(NFT_MSG_DELTABLE, 0, fmt::format("delete nftables table {}", table));
    batch_.put(NFTA_TABLE_NAME, table);
}

void Transaction::add_chain(const std::string& table, const std::string& chain) {
    begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, fmt::format("add nftables chain {} {}", table, chain));
    batch_.put(NFTA_CHAIN_TABLE, table);
    batch_.put(NFTA_CHAIN_NAME, chain);
}

void Transaction::add_base_chain(const std::string& table, const std::string& chain,
                                 const char* type, unsigned hook, int priority) {
    add_chain(table, chain);
    std::size_t nested = batch_.open(NFTA_CHAIN_HOOK);
    batch_.put_be32(NFTA_HOOK_HOOKNUM, hook);
    batch_.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
    batch_.close(nested);
    batch_.put(NFTA_CHAIN_TYPE, std::string_view(type));
    batch_.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
}

void Transaction::delete_rule(const std::string& table, const std::string& chain,
                              std::uint64_t handle) {
    begin(NFT_MSG_DELRULE, 0, fmt::format("delete a rule of nftables chain {} {}", table, chain));
    batch_.put(NFTA_RULE_TABLE, table);
    batch_.put(NFTA_RULE_CHAIN, chain);
    batch_.put_be64(NFTA_RULE_HANDLE, handle);
}

void Transaction::add_map(const std::string& table, const MapShape& map) {
    begin(NFT_MSG_NEWSET, NLM_F_CREATE, fmt::format("add nftables map {} {}", table, map.name));
    batch_.put(NFTA_SET_TABLE, table);
    batch_.put(NFTA_SET_NAME, map.name);
    batch_.put_be32(NFTA_SET_FLAGS, NFT_SET_MAP);
    std::uint32_t key = type_protocol;
    if (map.with_address) key = key << type_bits | type_address;
    batch_.put_be32(NFTA_SET_KEY_TYPE, key << type_bits | type_port);
    batch_.put_be32(NFTA_SET_KEY_LEN, (map.with_address ? 3 : 2) * field_bytes);
    batch_.put_be32(NFTA_SET_DATA_TYPE, type_address << type_bits | type_port);
    batch_.put_be32(NFTA_SET_DATA_LEN, 2 * field_bytes);
    batch_.put_be32(NFTA_SET_ID, map.with_address ? 1 : 2);  // within the transaction
}

void Transaction::put_elements(unsigned message, unsigned flags, const std::string& table,
                               const MapShape& map, std::span<const MapElement> elements) {
    while (!elements.empty()) {
        auto some = elements.first(std::min(elements.size(), elements_max));
        elements = elements.subspan(some.size());
        begin(message, flags, fmt::format("change nftables map {} {}", table, map.name));
        batch_.put(NFTA_SET_ELEM_LIST_TABLE, table);
        batch_.put(NFTA_SET_ELEM_LIST_SET, map.name);
        std::size_t list = batch_.open(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
        for (const MapElement& element : some) {
            std::size_t one = batch_.open(NFTA_LIST_ELEM | NLA_F_NESTED);
            auto put = [&](unsigned attribute, const Fields& fields) {
                std::size_t data = batch_.open(attribute | NLA_F_NESTED);
                batch_.put(NFTA_DATA_VALUE, fields.view());
                batch_.close(data);
            };
            put(NFTA_SET_ELEM_KEY, key_of(map, element));
            if (message == NFT_MSG_NEWSETELEM) put(NFTA_SET_ELEM_DATA, value_of(element));
            batch_.close(one);
        }
        batch_.close(list);
    }
}

void Transaction::add_elements(const std::string& table, const MapShape& map,
                               std::span<const MapElement> elements) {
    put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, map, elements);
}

void Transaction::delete_elements(const std::string& table, const MapShape& map,
                                  std::span<const MapElement> elements) {
    put_elements(NFT_MSG_DELSETELEM, 0, table, map, elements);
}

Status Transaction::commit(Socket& netfilter) {
    if (empty_) return {};
    batch_.begin(NFNL_MSG_BATCH_END, 0, "commit an nftables transaction",
                 header_for(AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
    return netfilter.run(batch_);
}

Rule::Rule(Transaction& transaction, const std::string& table, const std::string& chain,
           std::string_view comment)
    : batch_(transaction.batch_), comment_(comment.substr(0, comment_bytes_max)) {
    transaction.begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
                      fmt::format("add a rule to nftables chain {} {}", table, chain));
    batch_.put(NFTA_RULE_TABLE, table);
    batch_.put(NFTA_RULE_CHAIN, chain);
    expressions_ = batch_.open(NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
}

Rule::~Rule() {
    batch_.close(expressions_);
    std::vector<std::byte> data{std::byte{comment_type}, std::byte(comment_.size() + 1)};
    auto text = std::as_bytes(std::span(comment_.c_str(), comment_.size() + 1));
    data.insert(data.end(), text.begin(), text.end());
    batch_.put(NFTA_RULE_USERDATA, std::span<const std::byte>(data));
}

void Rule::expression(const char* name, auto&& fill) {
    std::size_t element = batch_.open(NFTA_LIST_ELEM | NLA_F_NESTED);
    batch_.put(NFTA_EXPR_NAME, std::string_view(name));
    std::size_t data = batch_.open(NFTA_EXPR_DATA | NLA_F_NESTED);
    fill();
    batch_.close(data);
    batch_.close(element);
}

void Rule::load_meta(unsigned key) {
    expression("meta", [&] {
        batch_.put_be32(NFTA_META_KEY, key);
        batch_.put_be32(NFTA_META_DREG, NFT_REG_1);
    });
}

void Rule::load_conntrack(unsigned key) {
    expression("ct", [&] {
        batch_.put_be32(NFTA_CT_KEY, key);
        batch_.put_be32(NFTA_CT_DREG, NFT_REG_1);
    });
}

void Rule::compare(Compare how, std::span<const std::byte> value) {
    expression("cmp", [&] {
        batch_.put_be32(NFTA_CMP_SREG, NFT_REG_1);
        batch_.put_be32(NFTA_CMP_OP, how == Compare::equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
        std::size_t data = batch_.open(NFTA_CMP_DATA | NLA_F_NESTED);
        batch_.put(NFTA_DATA_VALUE, value);
        batch_.close(data);
    });
}

void Rule::mask(std::span<const std::byte> mask) {
    std::vector<std::byte> zero(mask.size());
    expression("bitwise", [&] {
        batch_.put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
        batch_.put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
        batch_.put_be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
        std::size_t data = batch_.open(NFTA_BITWISE_MASK | NLA_F_NESTED);
        batch_.put(NFTA_DATA_VALUE, mask);
        batch_.close(data);
        data = batch_.open(NFTA_BITWISE_XOR | NLA_F_NESTED);
        batch_.put(NFTA_DATA_VALUE, std::span<const std::byte>(zero));
        batch_.close(data);
    });
}

void Rule::compare_name(Compare how, std::string_view name) {
    // The register holds the name padded with NULs: all 16 bytes make it exact.
    std::array<char, IFNAMSIZ> padded{};
    assert(name.size() < padded.size());
    name.copy(padded.data(), name.size());
    compare(how, std::as_bytes(std::span(padded)));
}

Rule& Rule::in_link(std::string_view name, Compare how) {
    load_meta(NFT_META_IIFNAME);
    compare_name(how, name);
    return *this;
}

Rule& Rule::out_link(std::string_view name, Compare how) {
    load_meta(NFT_META_OIFNAME);
    compare_name(how, name);
    return *this;
}

Rule& Rule::in_link_as_iptables(std::string_view name) {
    std::string terminated(name);
    load_meta(NFT_META_IIFNAME);
    compare(Compare::equal, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
    return *this;
}

Rule& Rule::out_link_as_iptables(std::string_view name) {
    std::string terminated(name);
    load_meta(NFT_META_OIFNAME);
    compare(Compare::equal, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
    return *this;
}

Rule& Rule::out_link_of_docker_network() {
    load_meta(NFT_META_OIFNAME);
    compare(Compare::equal, std::as_bytes(std::span("br-", 3)));
    // The 15th byte is used: not somebody's br-lan.
    std::array<std::byte, IFNAMSIZ> last{}, zero{};
    last[14] = std::byte{0xff};
    load_meta(NFT_META_OIFNAME);
    mask(last);
    compare(Compare::differs, zero);
    return *this;
}

Rule& Rule::in_link_kind_differs(std::string_view kind) {
    load_meta(NFT_META_IIFKIND);
    compare_name(Compare::differs, kind);
    return *this;
}

Rule& Rule::out_link_kind_differs(std::string_view kind) {
    load_meta(NFT_META_OIFKIND);
    compare_name(Compare::differs, kind);
    return *this;
}

void Rule::load_payload(unsigned base, unsigned offset, unsigned bytes, unsigned into) {
    expression("payload", [&] {
        batch_.put_be32(NFTA_PAYLOAD_DREG, into);
        batch_.put_be32(NFTA_PAYLOAD_BASE, base);
        batch_.put_be32(NFTA_PAYLOAD_OFFSET, offset);
        batch_.put_be32(NFTA_PAYLOAD_LEN, bytes);
    });
}

void Rule::compare_address(unsigned header_offset, Subnet subnet, Compare how) {
    load_payload(NFT_PAYLOAD_NETWORK_HEADER, header_offset, 4, NFT_REG_1);
    std::uint32_t bits = htobe32(subnet.mask()), base = htobe32(subnet.base.value);
    mask(std::as_bytes(std::span(&bits, 1)));
    compare(how, std::as_bytes(std::span(&base, 1)));
}

Rule& Rule::source(Subnet subnet, Compare how) {
    compare_address(source_offset, subnet, how);
    return *this;
}

Rule& Rule::destination(Subnet subnet, Compare how) {
    compare_address(destination_offset, subnet, how);
    return *this;
}

Rule& Rule::local_destination() {
    expression("fib", [&] {
        batch_.put_be32(NFTA_FIB_DREG, NFT_REG_1);
        batch_.put_be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        batch_.put_be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    });
    std::uint32_t local = RTN_LOCAL;
    compare(Compare::equal, std::as_bytes(std::span(&local, 1)));
    return *this;
}

void Rule::translate_by(const MapShape& map) {
    // The key's fields side by side from NFT_REG_1 on, which is NFT_REG32_00; the value's likewise.
    unsigned at = NFT_REG32_00;
    expression("meta", [&] {
        batch_.put_be32(NFTA_META_KEY, NFT_META_L4PROTO);
        batch_.put_be32(NFTA_META_DREG, at++);
    });
    if (map.with_address) load_payload(NFT_PAYLOAD_NETWORK_HEADER, destination_offset, 4, at++);
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, destination_port_offset, 2, at);
    expression("lookup", [&] {
        batch_.put(NFTA_LOOKUP_SET, map.name);
        batch_.put_be32(NFTA_LOOKUP_SREG, NFT_REG_1);
        batch_.put_be32(NFTA_LOOKUP_DREG, NFT_REG_1);
    });
    expression("nat", [&] {
        batch_.put_be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
        batch_.put_be32(NFTA_NAT_FAMILY, NFPROTO_IPV4);
        batch_.put_be32(NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00);
        batch_.put_be32(NFTA_NAT_REG_PROTO_MIN, NFT_REG32_01);
    });
}

Rule& Rule::established() {
    // ct state established,related
    std::uint32_t bits = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED),
                  none = 0;
    load_conntrack(NFT_CT_STATE);
    mask(std::as_bytes(std::span(&bits, 1)));
    compare(Compare::differs, std::as_bytes(std::span(&none, 1)));
    return *this;
}

Rule& Rule::translated(Compare how) {
    std::uint32_t bits = IPS_DST_NAT, none = 0;
    load_conntrack(NFT_CT_STATUS);
    mask(std::as_bytes(std::span(&bits, 1)));
    compare(how == Compare::equal ? Compare::differs : Compare::equal,
            std::as_bytes(std::span(&none, 1)));
    return *this;
}

Rule& Rule::counter() {
    expression("counter", [&] {
        batch_.put_be64(NFTA_COUNTER_BYTES, 0);
        batch_.put_be64(NFTA_COUNTER_PACKETS, 0);
    });
    return *this;
}

void Rule::masquerade() {
    expression("masq", [] {});
}

void Rule::verdict(int code) {
    expression("immediate", [&] {
        batch_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        std::size_t data = batch_.open(NFTA_IMMEDIATE_DATA | NLA_F_NESTED);
        std::size_t inner = batch_.open(NFTA_DATA_VERDICT | NLA_F_NESTED);
        batch_.put_be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
        batch_.close(inner);
        batch_.close(data);
    });
}

Result<std::optional<ChainInfo>> find_chain(Socket& netfilter, const std::string& table,
                                            const std::string& chain) {
    std::optional<ChainInfo> found;
    TRY_DO(ask(netfilter, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, table, NFTA_CHAIN_NAME, chain, false,
               [&](const Message& message) {
                   if (message.type != type_of(NFT_MSG_NEWCHAIN)) return;
                   Attributes attributes = message.attributes<nfgenmsg>();
                   found = ChainInfo{attributes.nested(NFTA_CHAIN_HOOK).be32(NFTA_HOOK_HOOKNUM),
                                     attributes.be32(NFTA_CHAIN_POLICY)};
               }));
    return found;
}

Result<bool> table_exists(Socket& netfilter, const std::string& table) {
    bool found = false;
    TRY_DO(ask(netfilter, NFT_MSG_GETTABLE, NFTA_TABLE_NAME, table, 0, "", false,
               [&](const Message& message) {
                   found = found || message.type == type_of(NFT_MSG_NEWTABLE);
               }));
    return found;
}

Result<std::vector<RuleInfo>> list_rules(Socket& netfilter, const std::string& table,
                                         const std::string& chain) {
    std::vector<RuleInfo> rules;
    TRY_DO(ask(netfilter, NFT_MSG_GETRULE, NFTA_RULE_TABLE, table, NFTA_RULE_CHAIN, chain, true,
               [&](const Message& message) {
                   Attributes attributes = message.attributes<nfgenmsg>();
                   auto handle = attributes.be64(NFTA_RULE_HANDLE);
                   // Not every kernel filters a dump by chain.
                   if (message.type == type_of(NFT_MSG_NEWRULE) && handle &&
                       attributes.text(NFTA_RULE_TABLE) == table &&
                       attributes.text(NFTA_RULE_CHAIN) == chain)
                       rules.push_back({*handle, comment_in(attributes)});
               }));
    return rules;
}

Result<std::vector<std::byte>> fingerprint(Socket& netfilter, const std::string& table) {
    std::vector<std::byte> bytes;
    auto append = [&](const Message& message) {
        // Behind the header, which carries the generation of all tables of the host.
        if (message.payload.size() < sizeof(nfgenmsg)) return;
        auto rest = message.payload.subspan(sizeof(nfgenmsg));
        bytes.insert(bytes.end(), rest.begin(), rest.end());
    };
    TRY_DO(ask(netfilter, NFT_MSG_GETTABLE, NFTA_TABLE_NAME, table, 0, "", false, append));
    if (bytes.empty()) return bytes;
    TRY_DO(ask(netfilter, NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, table, 0, "", true,
               [&](const Message& message) {
                   if (message.attributes<nfgenmsg>().text(NFTA_CHAIN_TABLE) == table)
                       append(message);
               }));
    TRY_DO(ask(netfilter, NFT_MSG_GETRULE, NFTA_RULE_TABLE, table, 0, "", true,
               [&](const Message& message) {
                   if (message.attributes<nfgenmsg>().text(NFTA_RULE_TABLE) == table)
                       append(message);
               }));
    TRY_DO(ask(netfilter, NFT_MSG_GETSET, NFTA_SET_TABLE, table, 0, "", true,
               [&](const Message& message) {
                   if (message.attributes<nfgenmsg>().text(NFTA_SET_TABLE) == table)
                       append(message);
               }));
    return bytes;
}

}  // namespace net::nft
