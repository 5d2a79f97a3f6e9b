// Flags whose values have a syntax of their own, each turned into its part of the API document.
#pragma once

#include "cli/run_options.h"

namespace cli {

Arguments split(std::string_view text, char separator);
// "key=value" lines into an object; a bare key gets an empty value.
Value map_of(const Arguments& pairs);
// NAME=value as it stands, NAME from our environment (left out when unset).
Result<Arguments> env_of(const Arguments& files, const Arguments& given, bool from_environment);
// -p and --expose into Config.ExposedPorts and HostConfig.PortBindings.
Status add_ports(const RunOptions& options, Value& config, Value& host);
// -v, --mount, --tmpfs, --volumes-from.
Status add_mounts(const RunOptions& options, Value& config, Value& host);
Result<Value> devices_of(const Arguments& devices);
Result<Value> ulimits_of(const Arguments& ulimits);
Result<Value> throttle_of(const Arguments& limits, bool bytes);
Result<Arguments> security_of(const Arguments& options);
Result<Value> restart_of(std::string_view policy);
// HostConfig.NetworkMode and NetworkingConfig.
Status add_networks(const RunOptions& options, Value& body, Value& host);

}  // namespace cli
