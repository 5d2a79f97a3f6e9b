// The bodies of exec's create and start from a client of any version: what is accepted survives
// being written and read again.
#include "api/exec.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    constexpr int oldest = 24, versions = 32;
    http::Version version{1, oldest + data[0] % versions};
    if (auto start = api::read_exec_start(body, version)) {
        if (!start->console_size.empty() && start->console_size.size() != 2) std::abort();
    }
    auto config = api::read_exec_config(body, version);
    if (!config) return 0;
    if (config->cmd.empty()) std::abort();
    std::string written = json::write(*config);
    auto again = json::read<wire::ExecConfig>(written);
    if (!again || json::write(*again) != written) std::abort();
    return 0;
}
