#include "registry/endpoints.h"

#include "base/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace registry {
namespace {

std::optional<Network> parse_address(std::string_view text) {
    Network out;
    std::string zero_ended(text);
    std::uint8_t four[4];
    if (inet_pton(AF_INET, zero_ended.c_str(), four) == 1) {
        out.address[10] = out.address[11] = 0xff;
        std::memcpy(out.address.data() + 12, four, 4);
        return out;
    }
    if (inet_pton(AF_INET6, zero_ended.c_str(), out.address.data()) == 1) return out;
    return std::nullopt;
}

bool is_port(std::string_view text) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && error == std::errc() && end == text.data() + text.size() &&
           value <= 65535;
}

// host[:port] or [v6][:port], nothing else: this text becomes part of URLs and folder names.
bool is_host(std::string_view text) {
    if (text.empty() || text.size() > 255) return false;
    std::string_view rest;
    if (text.front() == '[') {
        std::size_t close = text.find(']');
        if (close == std::string_view::npos || !parse_address(text.substr(1, close - 1)))
            return false;
        rest = text.substr(close + 1);
    } else {
        std::size_t colon = text.find(':');
        std::string_view name = text.substr(0, colon);
        auto fine = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '-' || c == '.' || c == '_';
        };
        if (name.empty() || name.front() == '-' || name.front() == '.' ||
            !std::ranges::all_of(name, fine))
            return false;
        rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

struct Mirror {
    bool https;
    std::string_view host, prefix;
};

std::string_view without_slashes(std::string_view text) {
    while (!text.empty() && text.back() == '/')
        text.remove_suffix(1);
    return text;
}

// A mirror that create() has accepted.
Mirror split_mirror(std::string_view url) {
    bool https = url.starts_with("https://");
    url.remove_prefix(https ? 8 : 7);
    std::size_t slash = url.find('/');
    std::string_view prefix =
        slash == std::string_view::npos ? std::string_view() : url.substr(slash);
    return {https, url.substr(0, slash), without_slashes(prefix)};
}

Status check_mirror(std::string_view url) {
    auto bad = [&](std::string text) { return Error(Kind::invalid, "invalid mirror: " + text); };
    std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos)
        return bad(fmt::format("\"{}\" is not a valid URI", url));
    std::string_view scheme = url.substr(0, scheme_end), rest = url.substr(scheme_end + 3);
    if (scheme != "http" && scheme != "https")
        return bad(fmt::format("unsupported scheme \"{}\" in \"{}\"", scheme, url));
    std::size_t slash = rest.find('/');
    std::string_view host = rest.substr(0, slash);
    std::string_view path =
        slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    if (rest.find_first_of("?#") != std::string_view::npos)
        return bad(fmt::format("query or fragment at end of the URI \"{}\"", url));
    if (host.find('@') != std::string_view::npos) {
        // The password must not reach the message.
        std::string_view after = rest.substr(rest.find('@') + 1);
        return bad(
            fmt::format("username/password not allowed in URI \"{}://xxxxx@{}\"", scheme, after));
    }
    auto fine = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; };
    if (!is_host(host) || !std::ranges::all_of(path, fine))
        return bad(fmt::format("\"{}\" is not a valid URI", url));
    return {};
}

}  // namespace

std::string_view host_name(std::string_view host) {
    if (host.starts_with('[')) {
        std::size_t close = host.find(']');
        return close == std::string_view::npos ? host : host.substr(1, close - 1);
    }
    std::size_t colon = host.find(':');
    // Two colons without brackets: a bare IPv6 address.
    if (colon != host.rfind(':')) return host;
    return host.substr(0, colon);
}

std::optional<Network> Network::parse(std::string_view cidr) {
    std::size_t slash = cidr.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    std::optional<Network> out = parse_address(cidr.substr(0, slash));
    std::string_view digits = cidr.substr(slash + 1);
    unsigned prefix = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    bool four = cidr.find(':') == std::string_view::npos;
    if (!out || error != std::errc() || end != digits.data() + digits.size() || digits.empty() ||
        prefix > (four ? 32U : 128U))
        return std::nullopt;
    out->prefix = four ? prefix + 96 : prefix;
    return out;
}

bool Network::contains(std::string_view text) const {
    std::optional<Network> other = parse_address(text);
    if (!other) return false;
    unsigned whole = prefix / 8, bits = prefix % 8;
    if (std::memcmp(address.data(), other->address.data(), whole) != 0) return false;
    if (bits == 0) return true;
    unsigned mask = 0xffU << (8 - bits) & 0xffU;
    return (address[whole] & mask) == (other->address[whole] & mask);
}

Registries::Registries(Settings settings, std::vector<Network> networks,
                       std::vector<std::string> names)
    : settings_(std::move(settings)), networks_(std::move(networks)), names_(std::move(names)) {}

Result<Registries> Registries::create(Settings settings) {
    std::vector<Network> networks;
    std::vector<std::string> names;
    for (const std::string& mirror : settings.mirrors)
        TRY_DO(check_mirror(mirror));
    for (const std::string& entry : settings.insecure) {
        std::string_view name = entry;
        // Docker warns and goes on when the scheme was written too.
        if (name.starts_with("http://")) name.remove_prefix(7);
        if (name.starts_with("https://")) name.remove_prefix(8);
        if (name.find("://") != std::string_view::npos)
            return Error(Kind::invalid,
                         fmt::format("insecure registry {} should not contain '://'", entry));
        if (name.find('/') != std::string_view::npos) {
            std::optional<Network> network = Network::parse(name);
            if (!network)
                return Error(Kind::invalid, fmt::format("insecure registry {} is not valid: "
                                                        "invalid CIDR address",
                                                        entry));
            networks.push_back(*network);
        } else if (is_host(name)) {
            names.emplace_back(name);
        } else {
            return Error(
                Kind::invalid,
                fmt::format("insecure registry {} is not valid: invalid host \"{}\"", entry, name));
        }
    }
    return Registries(std::move(settings), std::move(networks), std::move(names));
}

bool Registries::wants_addresses(std::string_view host) const {
    if (networks_.empty() || host == hub_domain) return false;
    return !parse_address(host_name(host)) && !is_insecure(host);
}

std::vector<std::string> Registries::to_resolve(std::string_view domain) const {
    std::vector<std::string> out;
    auto add = [&](std::string_view host) {
        if (wants_addresses(host)) out.emplace_back(host);
    };
    if (domain != hub_domain)
        add(domain);
    else
        for (const std::string& url : settings_.mirrors)
            add(split_mirror(url).host);
    return out;
}

bool Registries::is_insecure(std::string_view host, std::span<const std::string> addresses) const {
    if (host == hub_domain || host == hub_host) return false;
    if (std::ranges::any_of(names_, [&](const std::string& n) { return base::equal_no_case(n, host); }))
        return true;
    auto covered = [&](std::string_view address) {
        static const Network loop4 = *Network::parse("127.0.0.0/8");
        static const Network loop6 = *Network::parse("::1/128");
        if (loop4.contains(address) || loop6.contains(address)) return true;
        return std::ranges::any_of(networks_,
                                   [&](const Network& n) { return n.contains(address); });
    };
    std::string_view name = host_name(host);
    if (base::equal_no_case(name, "localhost") || covered(name)) return true;
    return std::ranges::any_of(addresses, covered);
}

Endpoint Registries::make(bool https, std::string_view host, std::string_view prefix, bool mirror,
                          const Addresses& addresses) const {
    auto known = addresses.find(host);
    Endpoint out;
    out.base = fmt::format("{}://{}{}", https ? "https" : "http", host, prefix);
    out.host = host;
    out.https = https;
    out.verify = known == addresses.end() ? !is_insecure(host) : !is_insecure(host, known->second);
    out.mirror = mirror;
    return out;
}

std::vector<Endpoint> Registries::endpoints(std::string_view domain,
                                            const Addresses& addresses) const {
    std::vector<Endpoint> out;
    if (domain == hub_domain) {
        for (const std::string& url : settings_.mirrors) {
            Mirror mirror = split_mirror(url);
            out.push_back(make(mirror.https, mirror.host, mirror.prefix, true, addresses));
        }
        out.push_back(make(true, hub_host, "", false, addresses));
        return out;
    }
    out.push_back(make(true, domain, "", false, addresses));
    // Docker tries TLS without verification first, then plain HTTP; only for insecure registries.
    if (!out.front().verify) out.push_back(make(false, domain, "", false, addresses));
    return out;
}

}  // namespace registry
