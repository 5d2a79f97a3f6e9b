// Absolute http and https addresses as registries, proxies and redirects write them, and the
// percent coding of paths and queries.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codec {

// http://user:password@host:port/path?query, taken apart. The fragment is dropped: it never
// travels.
struct Url {
    std::string scheme;        // lower case: "http" or "https"
    std::string user;          // decoded; empty: none
    std::string password;      // decoded
    std::string host;          // lower case; an IPv6 address stands without its brackets
    std::uint16_t port = 0;    // never 0 after parse_url: the scheme's own when not written
    std::string target = "/";  // path and query as they go on the request line, encoded

    bool https() const { return scheme == "https"; }
    bool has_default_port() const { return port == (https() ? 443 : 80); }
    // "host", "host:port", "[::1]:5000": the Host header (the scheme's own port is left out).
    std::string host_header() const;
    // Always with the port: "host:443", "[::1]:5000".
    std::string authority() const;
    // Without user, password and query: what may stand in errors and logs (security-cases R2).
    std::string printable() const;
    bool same_origin(const Url& other) const {
        return scheme == other.scheme && host == other.host && port == other.port;
    }
};

// Only http and https, a non-empty host, no control characters or spaces anywhere; invalid else.
Result<Url> parse_url(std::string_view text);
// What a Location header means when it was received from `base`.
Result<Url> resolve_url(const Url& base, std::string_view reference);
// "host", "host:80", "[::1]:80" with `port` standing in for an unwritten one.
Result<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text,
                                                              std::uint16_t port);

// %41 -> A; nullopt for a broken escape. With `plus_is_space` as in queries and forms.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but letters, digits and -._~ (and, with keep_slashes, /) becomes %XX.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

// The parameters behind the question mark, or of a form body. Names are case-sensitive; where a
// name comes twice, single-value readers see the first (as Go's FormValue does).
class Query {
public:
    Query() = default;
    // Pairs with a broken escape or a ';' are dropped, as Go's server drops them.
    static Query parse(std::string_view text);
    // The pairs of both, those of `first` first.
    static Query joined(Query first, const Query& second);

    bool has(std::string_view name) const { return find(name) != nullptr; }
    // Empty when absent.
    std::string text(std::string_view name) const { return text_or(name, ""); }
    std::string text_or(std::string_view name, std::string_view otherwise) const;
    std::vector<std::string> all(std::string_view name) const;
    // Docker's booleans: "", 0, no, false, none (any case, trimmed) are false, anything else true.
    bool flag(std::string_view name, bool when_absent = false) const;
    // A decimal integer, sign allowed; absent or empty gives `otherwise`, anything else is invalid.
    Result<std::int64_t> number_or(std::string_view name, std::int64_t otherwise) const;

    void add(std::string name, std::string value) {
        pairs_.emplace_back(std::move(name), std::move(value));
    }
    bool empty() const { return pairs_.empty(); }
    const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
    // "a=b&c=d", encoded; for clients.
    std::string encode() const;

private:
    const std::string* find(std::string_view name) const;
    std::vector<std::pair<std::string, std::string>> pairs_;
};

// "http://user:secret@host" with xxxxx for user and secret: what may be shown (security-cases R2).
std::string mask_credentials(std::string url);

}  // namespace codec
