// The WWW-Authenticate header of a registry: which schemes it takes and their parameters. Pure;
// what a registry sends is untrusted, so anything malformed ends the list instead of being guessed
// at.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace registry {

inline constexpr std::size_t challenge_bytes_max = 16 * 1024;
inline constexpr std::size_t challenges_max = 16;
inline constexpr std::size_t challenge_parameters_max = 32;

struct Challenge {
    std::string scheme;                                           // lower case: "bearer", "basic"
    std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case

    // The first parameter of that (lower-case) name, or "".
    std::string_view parameter(std::string_view name) const;
};

// All challenges of one header value (RFC 9110 section 11.6.1), in order. Reading stops at the
// first thing that is no challenge; a challenge cut in the middle is dropped.
std::vector<Challenge> parse_challenges(std::string_view header);

// The first challenge of that scheme, or nullptr.
const Challenge* find_challenge(const std::vector<Challenge>& all, std::string_view scheme);

}  // namespace registry
