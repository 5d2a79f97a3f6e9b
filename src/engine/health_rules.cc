#include "codec/human.h"
#include "engine/health_rules.h"

#include <algorithm>
#include <fmt/format.h>

namespace engine {

namespace {

constexpr std::size_t output_bytes_max = 4096;
constexpr std::size_t log_max = 5;

}  // namespace

std::optional<Probe> probe_of(const wire::ContainerConfig& config) {
    if (!config.healthcheck || config.healthcheck->test.empty()) return std::nullopt;
    const wire::HealthConfig& wanted = *config.healthcheck;
    Probe probe;
    if (wanted.test[0] == "CMD-SHELL") {
        probe.command.assign(config.shell.begin(), config.shell.end());
        if (probe.command.empty()) probe.command = {"/bin/sh", "-c"};
    } else if (wanted.test[0] != "CMD") {
        return std::nullopt;  // NONE, and what nobody knows
    }
    probe.command.insert(probe.command.end(), wanted.test.begin() + 1, wanted.test.end());
    auto take = [](std::int64_t& value, std::int64_t given) {
        if (given > 0) value = given;
    };
    take(probe.interval, wanted.interval);
    take(probe.timeout, wanted.timeout);
    take(probe.start_period, wanted.start_period);
    take(probe.start_interval, wanted.start_interval);
    take(probe.retries, wanted.retries);
    return probe;
}

void begin_health(std::optional<wire::Health>& health, const wire::ContainerConfig& config) {
    if (!probe_of(config)) {
        health.reset();
        return;
    }
    if (!health) health.emplace();
    health->status = "starting";
    health->failing_streak = 0;
}

void leave_health(std::optional<wire::Health>& health) {
    if (health) health->status = "unhealthy";
}

std::int64_t interval_of(const Probe& probe, const wire::Health& health, Time started, Time now) {
    bool starts = now.ns - started.ns < probe.start_period && health.status == "starting";
    return starts ? probe.start_interval : probe.interval;
}

bool take_result(const Probe& probe, wire::Health& health, wire::HealthResult result,
                 Time started) {
    std::string before = health.status;
    bool starts = before == "starting" && result.start.ns - started.ns < probe.start_period;
    if (result.exit_code == 0) {
        health.failing_streak = 0;
        health.status = "healthy";
    } else if (!starts && ++health.failing_streak >= probe.retries) {
        health.status = "unhealthy";
    }
    health.log.push_back(std::move(result));
    if (health.log.size() > log_max)
        health.log.erase(health.log.begin(), health.log.end() - log_max);
    return health.status != before;
}

void ProbeOutput::add(std::string_view text) {
    std::size_t room = output_bytes_max - kept_.size();
    cut_ = cut_ || text.size() > room;
    kept_ += text.substr(0, room);
}

std::string timeout_text(const Probe& probe, const std::string& output) {
    std::string text =
        fmt::format("Health check exceeded timeout ({})", codec::duration_text(probe.timeout));
    return output.empty() ? text : text + ": " + output;
}

}  // namespace engine
