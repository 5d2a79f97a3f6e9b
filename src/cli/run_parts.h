// Flags whose values have a syntax of their own, each turned into its part of the API document.
#pragma once

#include "cli/run_options.h"

namespace cli {

Arguments split(std::string_view text, char separator);
// "key=value" lines into an object; a bare key gets an empty value.
Value map_of(const Arguments& pairs);
// NAME=value as it stands, NAME from our environment; one that is not set there stays bare (the
// engine takes it out of the image's) when given, and is left out when it stands in a file.
Result<Arguments> env_of(const Arguments& files, const Arguments& given);
// Labels of files (bare ones are left out), then the given ones.
Result<Arguments> labels_of(const Arguments& files, const Arguments& given);
// -p and --expose into Config.ExposedPorts and HostConfig.PortBindings.
Status add_ports(const RunOptions& options, Value& config, Value& host);
// -v, --mount, --tmpfs, --volumes-from.
Status add_mounts(const RunOptions& options, Value& config, Value& host);
// HostConfig.Devices, and DeviceRequests of --gpus and of devices that CDI describes.
Status add_devices(const RunOptions& options, Value& host);
// The fields of a comma-separated value; quotes keep a comma inside.
Result<Arguments> csv_fields(std::string_view text);
// "CAP_CHOWN" of "chown", sorted; null without any.
Value capabilities_of(const Arguments& names);
// "name:address" of --add-host in its spellings; null without any.
Value hosts_of(const Arguments& hosts);
// One --gpus, one --mount, one --network (its name goes to `name`), one --ulimit.
Result<Value> gpus_of(const std::string& spec);
Result<Value> mount_of(const std::string& spec);
Result<Value> endpoint_of(const std::string& spec, std::string& name);
Result<Value> ulimit_of(const std::string& spec);
Result<Value> ulimits_of(const Arguments& ulimits);
Result<Value> throttle_of(const Arguments& limits, bool bytes);
Result<Arguments> security_of(const Arguments& options);
Result<Value> restart_of(std::string_view policy);
// HostConfig.NetworkMode and NetworkingConfig.
Status add_networks(const RunOptions& options, Value& body, Value& host);

}  // namespace cli
