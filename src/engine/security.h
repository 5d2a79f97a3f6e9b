// --security-opt and --privileged: what a container's process may do.
#pragma once

#include "base/error.h"
#include "engine/settings.h"
#include "wire/container.h"

#include <cstdint>
#include <string>

namespace engine {

struct Security {
    bool no_new_privileges = false;
    bool seccomp_unconfined = false;
    std::string seccomp_profile;  // JSON; empty: Docker's default
    std::uint64_t capabilities = 0;
};

// The container's options over the daemon's settings. invalid for an option that is none, an
// unknown capability, or one this machine cannot enforce.
Result<Security> security_of(const wire::HostConfig& host, const ContainerSettings& settings);
// The filter as BPF, "" for none. Takes a millisecond the first time.
Result<std::string> seccomp_filter(const Security& security);

}  // namespace engine
