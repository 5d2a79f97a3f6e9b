#include "engine/record.h"

namespace engine {

namespace {

constexpr json::Field endpoint_fields[] = {
    json::field<&EndpointRecord::id>("Id"),
    json::field<&EndpointRecord::host_link>("HostLink"),
    json::field<&EndpointRecord::address>("Address"),
    json::field<&EndpointRecord::gateway>("Gateway"),
    json::field<&EndpointRecord::mac>("Mac"),
    json::field<&EndpointRecord::prefix_length>("PrefixLength"),
    json::field<&EndpointRecord::ports>("Ports"),
};
constinit const json::Table endpoint_table{endpoint_fields};

constexpr json::Field record_fields[] = {
    json::field<&ContainerRecord::id>("Id"),
    json::field<&ContainerRecord::name>("Name"),
    json::field<&ContainerRecord::created>("Created"),
    json::field<&ContainerRecord::image_id>("ImageId"),
    json::field<&ContainerRecord::diff_ids>("DiffIds"),
    json::field<&ContainerRecord::path>("Path"),
    json::field<&ContainerRecord::args>("Args"),
    json::field<&ContainerRecord::config>("Config"),
    json::field<&ContainerRecord::host_config>("HostConfig"),
    json::field<&ContainerRecord::networking_config>("NetworkingConfig"),
    json::field<&ContainerRecord::running>("Running"),
    json::field<&ContainerRecord::started>("Started"),
    json::field<&ContainerRecord::pid>("Pid"),
    json::field<&ContainerRecord::process_mark>("ProcessMark"),
    json::field<&ContainerRecord::started_at>("StartedAt"),
    json::field<&ContainerRecord::finished_at>("FinishedAt"),
    json::field<&ContainerRecord::exit_code>("ExitCode"),
    json::field<&ContainerRecord::error>("Error"),
    json::field<&ContainerRecord::oom_killed>("OomKilled"),
    json::field<&ContainerRecord::restart_count>("RestartCount"),
    json::field<&ContainerRecord::stopped_by_user>("StoppedByUser"),
    json::field<&ContainerRecord::removing>("Removing"),
    json::field<&ContainerRecord::endpoint>("Endpoint"),
    json::field<&ContainerRecord::health>("Health", json::omit_empty),
};
constinit const json::Table record_table{record_fields};

}  // namespace

const json::Table& json_table(const EndpointRecord*) {
    return endpoint_table;
}
const json::Table& json_table(const ContainerRecord*) {
    return record_table;
}

}  // namespace engine
