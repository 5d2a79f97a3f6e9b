// IPv4 text and numbers, and the bookkeeping of who has which address.
#include "net/addresses.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <sys/random.h>

namespace net {

namespace {

// A decimal number of at most `max`, without sign or leading zeros; what follows stays in `text`.
std::optional<unsigned> take_number(std::string_view& text, unsigned max) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::size_t digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || value > max || digits > 3) return std::nullopt;
    if (digits > 1 && text[0] == '0') return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<Address> take_address(std::string_view& text) {
    Address address;
    for (int i = 0; i < 4; ++i) {
        if (i > 0 && !take(text, '.')) return std::nullopt;
        auto part = take_number(text, 255);
        if (!part) return std::nullopt;
        address.value = address.value << 8 | *part;
    }
    return address;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
    std::string_view rest = text;
    auto address = take_address(rest);
    if (!address || !rest.empty())
        return Error(Kind::invalid, fmt::format("invalid IP address: {}", text));
    return *address;
}

std::string Address::text() const {
    return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255,
                       value & 255);
}

Result<Cidr> Cidr::parse(std::string_view text) {
    std::string_view rest = text;
    auto address = take_address(rest);
    if (address && take(rest, '/')) {
        auto prefix = take_number(rest, 32);
        if (prefix && rest.empty()) return Cidr{*address, *prefix};
    }
    return Error(Kind::invalid, fmt::format("invalid CIDR address: {}", text));
}

std::string Cidr::text() const {
    return fmt::format("{}/{}", address.text(), prefix);
}

Subnet Cidr::network() const {
    Subnet subnet{address, prefix};
    subnet.base.value &= subnet.mask();
    return subnet;
}

Result<Subnet> Subnet::parse(std::string_view text) {
    TRY(Cidr cidr, Cidr::parse(text));
    return cidr.network();
}

std::string Subnet::text() const {
    return fmt::format("{}/{}", base.text(), prefix);
}

Result<Cidr> parse_bip(std::string_view text) {
    TRY(Cidr bip, Cidr::parse(text));
    Subnet network = bip.network();
    if (bip.prefix == 0 || bip.prefix > 30)
        return Error(Kind::invalid, fmt::format("invalid bip {}: the prefix length must be between "
                                                "1 and 30",
                                                text));
    if (bip.address == network.first() || bip.address == network.last())
        return Error(Kind::invalid,
                     fmt::format("invalid bip {}: it is the network's own address", text));
    return bip;
}

Result<Mac> Mac::parse(std::string_view text) {
    Error wrong(Kind::invalid, fmt::format("address {}: invalid MAC address", text));
    bool dotted = text.size() == 14;  // groups of four digits
    if (!dotted && text.size() != 17) return wrong;
    std::size_t group = dotted ? 4 : 2;
    char separator = dotted ? '.' : text[2];
    if (!dotted && separator != ':' && separator != '-') return wrong;
    Mac mac;
    std::size_t digit = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % (group + 1) == group) {
            if (text[i] != separator) return wrong;
            continue;
        }
        int value = hex_digit(text[i]);
        if (value < 0) return wrong;
        std::uint8_t& byte = mac.bytes[digit++ / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | value);
    }
    return mac;
}

std::string Mac::text() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                       bytes[3], bytes[4], bytes[5]);
}

Mac mac_for(Address address) {
    auto byte = [&](int shift) { return static_cast<std::uint8_t>(address.value >> shift); };
    return Mac{{0x02, 0x42, byte(24), byte(16), byte(8), byte(0)}};
}

Mac random_mac() {
    std::uint32_t random = 0;
    // Never fails for so few bytes once the kernel's pool is ready, and waits until it is.
    while (::getrandom(&random, sizeof random, 0) != sizeof random) {
    }
    return mac_for({random});
}

Result<PoolSpec> PoolSpec::make(std::string_view base, int size) {
    TRY(Subnet subnet, Subnet::parse(base).context("invalid base pool"));
    if (size <= 0 || size > 30 || static_cast<unsigned>(size) < subnet.prefix)
        return Error(Kind::invalid, fmt::format("invalid default address pool size {} for {}", size,
                                                subnet.text()));
    return PoolSpec{subnet, static_cast<unsigned>(size)};
}

Result<PoolSpec> PoolSpec::parse(std::string_view text) {
    std::optional<std::string_view> base;
    std::optional<unsigned> size;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view field = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), field.size() + 1));
        std::size_t equals = field.find('=');
        if (equals == std::string_view::npos)
            return Error(Kind::invalid,
                         fmt::format("invalid field '{}' must be a key=value pair", field));
        std::string_view key = field.substr(0, equals), value = field.substr(equals + 1);
        if (key == "base") {
            base = value;
        } else if (key == "size") {
            size = take_number(value, 32);
            if (!size || !value.empty())
                return Error(Kind::invalid,
                             fmt::format("invalid size value: {}", field.substr(equals + 1)));
        } else {
            return Error(Kind::invalid, fmt::format("unexpected key '{}' in '{}'", key, field));
        }
    }
    if (!base || !size)
        return Error(
            Kind::invalid,
            fmt::format("invalid default address pool '{}': base and size are needed", text));
    return make(*base, static_cast<int>(*size));
}

std::vector<PoolSpec> default_pools() {
    std::vector<PoolSpec> pools;
    for (std::uint32_t second = 17; second <= 31; ++second)
        pools.push_back({Subnet{{172U << 24 | second << 16}, 16}, 16});
    pools.push_back({Subnet{{192U << 24 | 168U << 16}, 16}, 20});
    return pools;
}

Result<Subnet> pick_subnet(std::span<const PoolSpec> pools, std::span<const Subnet> used) {
    for (const PoolSpec& pool : pools) {
        std::uint64_t step = std::uint64_t{1} << (32 - pool.size);
        std::uint64_t next = pool.base.first().value;
        while (next <= pool.base.last().value) {
            Subnet candidate{{static_cast<std::uint32_t>(next)}, pool.size};
            auto clash = std::ranges::find_if(
                used, [&](const Subnet& other) { return other.overlaps(candidate); });
            if (clash == used.end()) return candidate;
            // Past the whole of what is in the way: a /8 of /30s is not walked piece by piece.
            std::uint64_t after =
                std::uint64_t{std::max(clash->last(), candidate.last()).value} + 1;
            next = (after + step - 1) / step * step;
        }
    }
    return Error(Kind::unavailable, "all predefined address pools have been fully subnetted");
}

AddressPool::AddressPool(Subnet subnet, std::optional<Subnet> range)
    : subnet_(subnet), first_(subnet.first().value), last_(subnet.last().value) {
    if (subnet.prefix < 31) ++first_, --last_;
    if (range) {
        first_ = std::max(first_, range->first().value);
        last_ = std::min(last_, range->last().value);
    }
    hint_ = first_;
}

Result<Address> AddressPool::allocate() {
    std::lock_guard lock(mutex_);
    // The used ones are sorted: walk along them to the first gap.
    std::uint64_t candidate = hint_;
    for (auto it = used_.lower_bound(hint_); it != used_.end() && *it == candidate; ++it)
        ++candidate;
    if (candidate > last_)
        return Error(Kind::unavailable,
                     "no available IPv4 addresses on this network's address pools");
    auto value = static_cast<std::uint32_t>(candidate);
    used_.insert(value);
    hint_ = value;
    return Address{value};
}

Status AddressPool::reserve(Address address) {
    if (!subnet_.contains(address))
        return Error(Kind::invalid,
                     fmt::format("address {} is not in {}", address.text(), subnet_.text()));
    std::lock_guard lock(mutex_);
    if (!used_.insert(address.value).second) return Error(Kind::conflict, "Address already in use");
    return {};
}

void AddressPool::release(Address address) {
    std::lock_guard lock(mutex_);
    if (used_.erase(address.value) == 0) return;
    if (address.value >= first_ && address.value < hint_) hint_ = address.value;
}

std::size_t AddressPool::in_use() const {
    std::lock_guard lock(mutex_);
    return used_.size();
}

}  // namespace net
