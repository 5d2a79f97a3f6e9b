// Random numbers that spread retries over time; nothing secret.
#pragma once

#include <cstdint>
#include <random>

namespace registry {

inline std::uint32_t chance() {
    static thread_local std::minstd_rand generator{std::random_device{}()};
    return static_cast<std::uint32_t>(generator());
}

}  // namespace registry
