// What is kept of a container: how it was asked for, what it stands on, how its last run went. One
// JSON document per container in the state database (store/containers.h).
#pragma once

#include "base/time.h"
#include "wire/container_info.h"

#include <optional>
#include <string>
#include <vector>

namespace engine {

// The container's place on the default network, while it runs.
struct EndpointRecord {
    std::string id;         // 64 hex digits, made up for the API
    std::string host_link;  // our end of the veth pair
    std::string address, gateway, mac;
    std::int64_t prefix_length = 0;
    wire::PortMap ports;  // published: where each of the container's is reached
};

struct ContainerRecord {
    std::string id, name;  // name without its slash
    Time created;
    std::string image_id;
    std::vector<std::string> diff_ids;  // bottom first: what it stands on, whatever becomes of tags
    std::string path;                   // the command, entrypoint and cmd put together
    wire::Strings args;
    wire::ContainerConfig config;  // the image's and the user's, merged
    wire::HostConfig host_config;
    wire::NetworkingConfig networking_config;

    // The state as of the last commit. running: it was started and its end is not recorded.
    bool running = false;
    bool started = false;  // ever
    std::int64_t pid = 0;
    std::string process_mark;  // run/pidfd.h: which process of this number
    Time started_at, finished_at;
    std::int64_t exit_code = 0;
    std::string error;
    bool oom_killed = false;
    std::int64_t restart_count = 0;
    bool stopped_by_user = false;  // what `unless-stopped` asks for
    bool removing = false;         // a removal had begun
    std::optional<EndpointRecord> endpoint;
    std::optional<wire::Health> health;  // of one with a healthcheck, once started
};

const json::Table& json_table(const EndpointRecord*);
const json::Table& json_table(const ContainerRecord*);

}  // namespace engine
