// Instructions of `import --change`: what is taken twice is as if taken once where it replaces, and
// nothing grows beyond its bound.
#include "engine/image_archive.h"

#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> changes{std::string(reinterpret_cast<const char*>(data), size)};
    wire::oci::RunConfig config;
    Status done = engine::apply_changes(config, changes);
    if (!done && done.error().message().empty()) std::abort();
    if (config.exposed_ports.size() > 65536) std::abort();
    if (config.healthcheck && config.healthcheck->interval < 0) std::abort();
    if (!done) return 0;
    wire::oci::RunConfig again = config;
    if (!engine::apply_changes(again, changes)) return 0;
    if (again.user != config.user || again.entrypoint != config.entrypoint ||
        again.labels != config.labels || again.stop_signal != config.stop_signal)
        std::abort();
    return 0;
}
