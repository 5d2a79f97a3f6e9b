// The rules of create: what the image gives and what the user overrides, defaults that inspect
// shows, and what this engine cannot do yet. Pure.
#pragma once

#include "engine/record.h"
#include "engine/settings.h"
#include "wire/registry.h"

#include <string>
#include <vector>

namespace engine {

// Docker's merge: `config` is the user's and becomes the container's.
void merge_image(wire::ContainerConfig& config, const wire::oci::RunConfig& image);
// path and args from entrypoint and cmd. invalid "no command specified".
Status set_command(ContainerRecord& record);
// Fills what was left open, with the values `inspect` then shows.
void fill_defaults(ContainerRecord& record, const ContainerSettings& settings, bool cgroup_v2);
// invalid for an unknown log driver or option; unsupported for what exists in Docker and not here.
Status check_supported(const ContainerRecord& record, const ContainerSettings& settings);
// What the user should know and what is ignored, in Docker's words where it has any.
std::vector<std::string> create_warnings(const ContainerRecord& record);

// max-size and max-file of a json-file log ("10m", "3").
struct LogLimits {
    std::uint64_t bytes_max = 10 * 1024 * 1024;
    std::uint32_t files_max = 3;
};
Result<LogLimits> log_limits(const wire::StringMap& options);

}  // namespace engine
