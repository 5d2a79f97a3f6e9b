#include "codec/names.h"

#include "base/limits.h"

#include <fmt/core.h>
#include <iterator>

namespace codec {

namespace {

constexpr std::string_view adjectives[] = {
    "able",    "agile",    "airy",    "amber",    "ample",   "apt",      "ardent",  "azure",
    "balmy",   "bold",     "brave",   "breezy",   "bright",  "brisk",    "buoyant", "calm",
    "candid",  "careful",  "cheery",  "civil",    "clear",   "clever",   "cosy",    "crisp",
    "curious", "daring",   "deft",    "eager",    "earnest", "easy",     "elegant", "epic",
    "fair",    "fearless", "festive", "fine",     "fleet",   "fond",     "frank",   "fresh",
    "gallant", "gentle",   "glad",    "golden",   "good",    "graceful", "grand",   "happy",
    "hardy",   "hearty",   "honest",  "humble",   "jolly",   "jovial",   "keen",    "kind",
    "lively",  "loyal",    "lucid",   "lucky",    "mellow",  "merry",    "mighty",  "modest",
    "neat",    "nimble",   "noble",   "open",     "patient", "peaceful", "placid",  "plucky",
    "polite",  "proud",    "prudent", "quick",    "quiet",   "radiant",  "ready",   "serene",
    "sharp",   "silent",   "sincere", "smart",    "snug",    "solid",    "spry",    "stately",
    "steady",  "sturdy",   "sunny",   "swift",    "tidy",    "tranquil", "trusty",  "upbeat",
    "valiant", "vivid",    "warm",    "watchful", "willing", "wise",     "witty",   "zesty"};

// People of science, computing and the sea.
constexpr std::string_view surnames[] = {
    "amundsen", "archimedes", "babbage",    "backus",      "bell",         "bohr",     "boole",
    "boyle",    "brahe",      "carson",     "cauchy",      "cavendish",    "cerf",     "columbus",
    "cook",     "copernicus", "cousteau",   "curie",       "darwin",       "dijkstra", "dirac",
    "drake",    "earhart",    "einstein",   "engelbart",   "erdos",        "euclid",   "euler",
    "faraday",  "fermat",     "fermi",      "feynman",     "fibonacci",    "fourier",  "franklin",
    "galileo",  "galois",     "gauss",      "germain",     "goedel",       "goodall",  "gutenberg",
    "halley",   "hamilton",   "heisenberg", "herschel",    "hertz",        "hilbert",  "hoare",
    "hooke",    "hopper",     "hubble",     "huygens",     "hypatia",      "jacquard", "johnson",
    "joule",    "kepler",     "khayyam",    "knuth",       "kovalevskaya", "lagrange", "lamarr",
    "laplace",  "lavoisier",  "leibniz",    "linnaeus",    "liskov",       "lovelace", "magellan",
    "maxwell",  "meitner",    "mendel",     "mendeleev",   "mercator",     "nansen",   "napier",
    "nelson",   "neumann",    "newton",     "nightingale", "noether",      "ohm",      "pascal",
    "pasteur",  "peary",      "planck",     "poincare",    "polo",         "ptolemy",  "ramanujan",
    "riemann",  "ritchie",    "rutherford", "shackleton",  "shannon",      "tesla",    "thompson",
    "torvalds", "turing",     "vespucci",   "volta",       "watt",         "wiener",   "wright"};

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<std::string> container_name(std::string_view name) {
    std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
    bool fine = bare.size() >= 2 && bare.size() <= limits::container_name_bytes_max &&
                is_letter_or_digit(bare[0]);
    for (char c : bare)
        fine = fine && (is_letter_or_digit(c) || c == '_' || c == '.' || c == '-');
    if (fine) return std::string(bare);
    return Error(
        Kind::invalid,
        fmt::format("Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                    name.substr(0, limits::container_name_bytes_max)));
}

std::string made_up_name(std::uint64_t random, unsigned attempt) {
    std::string_view adjective = adjectives[random % std::size(adjectives)];
    std::string_view surname = surnames[random / std::size(adjectives) % std::size(surnames)];
    std::string name = fmt::format("{}_{}", adjective, surname);
    if (attempt > 0) name += static_cast<char>('0' + (random >> 32) % 10);
    return name;
}

}  // namespace codec
