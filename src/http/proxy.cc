#include "http/proxy.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace http {

namespace {

std::string variable(const char* upper, const char* lower) {
    const char* value = std::getenv(lower);
    if (value == nullptr || *value == '\0') value = std::getenv(upper);
    return value != nullptr ? value : "";
}

struct Address {
    unsigned char bytes[16] = {};
    int size = 0;  // 4, 16, or 0: a name
};

Address parse_address(std::string_view text) {
    Address address;
    std::string name(text);
    if (::inet_pton(AF_INET, name.c_str(), address.bytes) == 1)
        address.size = 4;
    else if (::inet_pton(AF_INET6, name.c_str(), address.bytes) == 1)
        address.size = 16;
    return address;
}

bool in_network(const Address& address, std::string_view network) {
    auto slash = network.find('/');
    Address base = parse_address(network.substr(0, slash));
    std::string_view digits = network.substr(slash + 1);
    int bits = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size()) return false;
    if (base.size == 0 || base.size != address.size || bits < 0 || bits > base.size * 8)
        return false;
    auto whole = static_cast<std::size_t>(bits / 8);
    if (std::memcmp(base.bytes, address.bytes, whole) != 0) return false;
    if (bits % 8 == 0) return true;
    int mask = 0xff << (8 - bits % 8);
    return ((base.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

bool is_loopback(const Address& address) {
    static constexpr unsigned char loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    if (address.size == 4) return address.bytes[0] == 127;
    return address.size == 16 && std::memcmp(address.bytes, loopback6, 16) == 0;
}

bool matches(std::string_view rule, std::string_view host, const Address& address,
             std::uint16_t port) {
    if (rule == "*") return true;
    if (rule.find('/') != rule.npos) return address.size > 0 && in_network(address, rule);
    // A rule with a port is for that port only; an IPv6 address has colons of its own.
    if (parse_address(rule).size == 0) {
        if (auto place = codec::parse_host_port(rule.starts_with('.') ? rule.substr(1) : rule, 0);
            place && place->second != 0) {
            if (place->second != port) return false;
            rule = rule.substr(0, rule.rfind(':'));
            if (rule.starts_with('[')) rule = rule.substr(1, rule.size() - 2);
        }
    }
    if (address.size > 0) {
        Address other = parse_address(rule);
        return other.size == address.size &&
               std::memcmp(other.bytes, address.bytes, static_cast<std::size_t>(address.size)) == 0;
    }
    if (rule.starts_with("*.")) rule.remove_prefix(1);
    std::string lower = base::lowered(rule);
    if (lower.starts_with('.')) return host.ends_with(lower);
    return host == lower || host.ends_with("." + lower);
}

}  // namespace

ProxyConfig ProxyConfig::from_environment() {
    ProxyConfig config;
    config.http_proxy = variable("HTTP_PROXY", "http_proxy");
    config.https_proxy = variable("HTTPS_PROXY", "https_proxy");
    config.no_proxy = variable("NO_PROXY", "no_proxy");
    return config;
}

bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port) {
    Address address = parse_address(host);
    if (host == "localhost" || is_loopback(address)) return true;
    while (!no_proxy.empty()) {
        auto end = no_proxy.find_first_of(", \t");
        std::string_view rule = no_proxy.substr(0, end);
        no_proxy = end == no_proxy.npos ? std::string_view() : no_proxy.substr(end + 1);
        if (!rule.empty() && matches(rule, host, address, port)) return true;
    }
    return false;
}

Result<std::optional<codec::Url>> ProxyConfig::for_url(const codec::Url& url) const {
    const std::string& proxy = url.https() ? https_proxy : http_proxy;
    if (proxy.empty() || bypasses_proxy(no_proxy, url.host, url.port))
        return std::optional<codec::Url>();
    auto parsed = codec::parse_url(proxy.find("://") == proxy.npos ? "http://" + proxy : proxy);
    if (!parsed) return parsed.error().context("invalid proxy address");
    return std::optional<codec::Url>(std::move(*parsed));
}

}  // namespace http
