// daemon.json of any bytes, beside flags: refused with a text, or read the same way twice.
#include "daemon/flags.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string file(reinterpret_cast<const char*>(data), size);
    const lighterd::Config base;
    for (const std::vector<std::string>& flags :
         {std::vector<std::string>{}, std::vector<std::string>{"-D", "--label", "a=b"}}) {
        auto read = lighterd::read_settings(flags, base, &file);
        if (!read && read.error().message().empty()) std::abort();
        if (!read) continue;
        auto again = lighterd::read_settings(flags, base, &file);
        if (!again || again->config.hosts != read->config.hosts) std::abort();
        if (!read->config.data_root.starts_with('/')) std::abort();
    }
    return 0;
}
