// What the kernel tells of a container's use: any text is read, in bounded memory.
#include "sys/cgroup_stats.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    // Each entry stands on a line of its own.
    std::size_t lines = 1;
    for (char c : text)
        lines += c == '\n';
    if (sys::parse_key_numbers(text).size() > lines) std::abort();
    if (sys::parse_io_v1(text).size() > lines) std::abort();
    if (sys::parse_io_v2(text).size() > 2 * lines) std::abort();
    for (const sys::InterfaceStats& one : sys::parse_net_dev(text))
        if (one.name.empty() || one.name == "lo") std::abort();
    if (sys::parse_proc_stat(text).online > lines) std::abort();
    return 0;
}
