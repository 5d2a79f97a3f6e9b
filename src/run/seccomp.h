// Seccomp profiles to BPF: Docker's default and profiles in its JSON format, as a program of
// balanced ranges for every ABI this machine runs. Pure computation, no state but the cache.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace run {

// The filter (an array of sock_filter, as bytes) of Docker's default profile for a container that
// has these capabilities. The same text comes back for the same mask: it is cached (thread-safe).
Result<std::string> default_seccomp(std::uint64_t capabilities);

// A profile in Docker's JSON format (--security-opt seccomp=<json>).
// Errors: `Decoding seccomp profile failed: ...`.
Result<std::string> compile_seccomp(std::string_view profile_json, std::uint64_t capabilities);

}  // namespace run
