// What a healthcheck asks for, and what its results make of a container. Pure; times are given.
#pragma once

#include "base/bytes.h"
#include "wire/container_info.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// With Docker's defaults. Durations are in nanoseconds.
struct Probe {
    std::vector<std::string> command;
    std::int64_t interval = 30'000'000'000, timeout = 30'000'000'000, start_period = 0,
                 start_interval = 5'000'000'000;
    std::int64_t retries = 3;
};

// Nothing: the container has none, or NONE.
std::optional<Probe> probe_of(const wire::ContainerConfig& config);

// A run begins: "starting". Results of runs before stay in the log.
void begin_health(std::optional<wire::Health>& health, const wire::ContainerConfig& config);
// Nobody looks any more: it has ended or is paused. As with Docker it is "unhealthy" then.
void leave_health(std::optional<wire::Health>& health);
// From one check to the next, or from `now` to the first.
std::int64_t interval_of(const Probe& probe, const wire::Health& health, Time started, Time now);
// True: the status has changed, which is to be told.
bool take_result(const Probe& probe, wire::Health& health, wire::HealthResult result, Time started);

// What is kept of a check's output.
class ProbeOutput {
public:
    void add(std::string_view text);
    // Cut at 4096 bytes, "..." behind it then.
    std::string text() const { return cut_ ? kept_ + "..." : kept_; }

private:
    std::string kept_;
    bool cut_ = false;
};

// "Health check exceeded timeout (1m30s): text".
std::string timeout_text(const Probe& probe, const std::string& output);

}  // namespace engine
