// The body of create from a client of any version: what is accepted survives being written and read
// again, and every rule about it answers.
#include "api/create_body.h"

#include "api/validate.h"
#include "codec/json.h"
#include "engine/create.h"
#include "engine/mounts.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    constexpr int oldest = 24, versions = 32;
    auto wanted = api::read_create(body, {1, oldest + data[0] % versions});
    if (!wanted) return 0;
    std::string written = json::write(*wanted);
    auto again = json::read<wire::ContainerCreate>(written);
    if (!again || json::write(*again) != written) std::abort();
    if (!api::check_create(*wanted, 4)) return 0;
    (void)engine::user_mounts(wanted->host_config);
    engine::ContainerRecord record;
    record.id = std::string(64, 'a');
    record.config = *wanted;
    record.host_config = wanted->host_config;
    if (!engine::set_command(record)) return 0;
    engine::ContainerSettings settings;
    engine::fill_defaults(record, settings, false);
    (void)engine::check_supported(record, settings);
    (void)engine::create_warnings(record);
    return 0;
}
