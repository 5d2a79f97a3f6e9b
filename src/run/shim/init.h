// --init: our own program as pid 1 of a container, which runs the real one, passes signals on to it
// and reaps what is left to it.
#pragma once

#include <cstdint>

namespace run::shim {

inline constexpr int init_status_fd = 3;            // Reporter's pipe
inline constexpr int init_exe_fd = 4;               // closed by its exec
inline constexpr std::uint32_t init_arguments = 2;  // "lighter-init", the program; then its args

// argv as above. Never returns.
[[noreturn]] void run_init(char** argv, char** env);

}  // namespace run::shim
