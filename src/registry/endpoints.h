// Which hosts to ask for an image, in order, and how far each is trusted: mirrors of Docker Hub,
// insecure registries by name or address range, the folders with a registry's own certificates.
#pragma once

#include "base/error.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace registry {

// What daemon.json and the flags say, unchecked.
struct Settings {
    std::vector<std::string> mirrors;        // registry-mirrors: URLs, for docker.io only
    std::vector<std::string> insecure;       // insecure-registries: host[:port] or CIDR
    std::vector<std::string> certs_folders;  // certs.d folders, first hit wins
};

// One place to try. `base` is scheme://host[:port][/prefix] without a slash at the end; the API is
// below base + "/v2/".
struct Endpoint {
    std::string base;
    std::string host;  // host[:port] as in base
    bool https = true;
    bool verify = true;  // check the server's certificate
    bool mirror = false;

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// An address range; IPv4 is kept as ::ffff:a.b.c.d.
struct Network {
    std::array<std::uint8_t, 16> address{};
    unsigned prefix = 128;

    static std::optional<Network> parse(std::string_view cidr);
    bool contains(std::string_view address) const;
};

// What names of hosts[:port] resolve to, as far as the caller knows.
using Addresses = std::map<std::string, std::vector<std::string>, std::less<>>;

class Registries {
public:
    // Checks the settings; invalid in Docker's words ("invalid mirror: ...", "insecure registry
    // ...").
    static Result<Registries> create(Settings settings);
    Registries() : Registries(Settings{}, {}, {}) {}

    // `domain` is a reference's registry ("docker.io", "localhost:5000"). An insecure range covers
    // names by their addresses.
    std::vector<Endpoint> endpoints(std::string_view domain, const Addresses& addresses = {}) const;
    // True when the registry was marked insecure, or is on loopback (Docker's implicit rule).
    bool is_insecure(std::string_view host, std::span<const std::string> addresses = {}) const;
    // Hosts whose addresses can change what endpoints() says.
    std::vector<std::string> to_resolve(std::string_view domain) const;

    const Settings& settings() const { return settings_; }

private:
    Registries(Settings settings, std::vector<Network> networks, std::vector<std::string> names);
    bool wants_addresses(std::string_view host) const;
    Endpoint make(bool https, std::string_view host, std::string_view prefix, bool mirror,
                  const Addresses& addresses) const;

    Settings settings_;
    std::vector<Network> networks_;
    std::vector<std::string> names_;
};

// Docker Hub: the name in references, and the host that serves its API.
inline constexpr std::string_view hub_domain = "docker.io";
inline constexpr std::string_view hub_host = "registry-1.docker.io";
// What clients put into X-Registry-Auth as server address for it.
inline constexpr std::string_view hub_auth_address = "https://index.docker.io/v1/";

// "host" of "host:port", without the brackets of an IPv6 literal.
std::string_view host_name(std::string_view host_and_port);

}  // namespace registry
