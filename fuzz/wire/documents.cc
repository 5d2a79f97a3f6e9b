// Every document a client sends or a record holds: what is accepted reads back equal.
#include "wire/container.h"
#include "wire/container_info.h"
#include "wire/image.h"
#include "wire/registry.h"
#include "wire/system.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

template <class T> void round_trip(std::string_view text) {
    auto once = json::read<T>(text);
    if (!once) return;
    std::string written = json::write(*once);
    auto again = json::read<T>(written);
    if (!again || json::write(*again) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    round_trip<wire::ContainerCreate>(text);
    round_trip<wire::ContainerUpdate>(text);
    round_trip<wire::ContainerInspect>(text);
    round_trip<wire::ContainerSummary>(text);
    round_trip<wire::ImageInspect>(text);
    round_trip<wire::Info>(text);
    round_trip<wire::EventMessage>(text);
    round_trip<wire::Progress>(text);
    round_trip<wire::NetworkingConfig>(text);
    round_trip<wire::WaitResponse>(text);
    round_trip<wire::TopResponse>(text);
    round_trip<wire::ImageSummary>(text);
    round_trip<wire::ImageDeleted>(text);
    round_trip<wire::Version>(text);
    round_trip<wire::ErrorBody>(text);
    round_trip<wire::AuthReply>(text);
    round_trip<wire::ContainerCreated>(text);
    round_trip<wire::ImagesPruned>(text);
    round_trip<wire::DistributionInspect>(text);
    round_trip<wire::HostConfig>(text);
    round_trip<wire::oci::Manifest>(text);
    round_trip<wire::oci::ImageConfig>(text);
    round_trip<wire::oci::TokenReply>(text);
    round_trip<wire::oci::TagList>(text);
    round_trip<wire::oci::ErrorReply>(text);
    round_trip<wire::oci::AuthConfig>(text);
    return 0;
}
