#include "wire/registry.h"

namespace wire::oci {
namespace {

using json::field;
using json::no_nul;
using json::omit_empty;

constexpr json::Field platform_fields[] = {
    field<&Platform::architecture>("architecture"),
    field<&Platform::os>("os"),
    field<&Platform::os_version>("os.version", omit_empty),
    field<&Platform::variant>("variant", omit_empty),
};
constinit const json::Table platform_table{platform_fields};

constexpr json::Field descriptor_fields[] = {
    field<&Descriptor::media_type>("mediaType"),
    field<&Descriptor::digest>("digest"),
    field<&Descriptor::size>("size"),
    field<&Descriptor::urls>("urls", omit_empty),
    field<&Descriptor::annotations>("annotations", omit_empty),
    field<&Descriptor::platform>("platform", omit_empty),
};
constinit const json::Table descriptor_table{descriptor_fields};

constexpr json::Field manifest_fields[] = {
    field<&Manifest::schema_version>("schemaVersion"),
    field<&Manifest::media_type>("mediaType", omit_empty),
    field<&Manifest::config>("config", omit_empty),
    field<&Manifest::layers>("layers", omit_empty),
    field<&Manifest::manifests>("manifests", omit_empty),
    field<&Manifest::fs_layers>("fsLayers", omit_empty),
    field<&Manifest::annotations>("annotations", omit_empty),
};
constinit const json::Table manifest_table{manifest_fields};

constexpr json::Field health_check_fields[] = {
    field<&HealthCheck::test>("Test", omit_empty | no_nul),
    field<&HealthCheck::interval>("Interval", omit_empty),
    field<&HealthCheck::timeout>("Timeout", omit_empty),
    field<&HealthCheck::start_period>("StartPeriod", omit_empty),
    field<&HealthCheck::start_interval>("StartInterval", omit_empty),
    field<&HealthCheck::retries>("Retries", omit_empty),
};
constinit const json::Table health_check_table{health_check_fields};

// These become arguments, environment and paths of a process: no NUL.
constexpr json::Field run_config_fields[] = {
    field<&RunConfig::user>("User", omit_empty | no_nul),
    field<&RunConfig::exposed_ports>("ExposedPorts", omit_empty | no_nul),
    field<&RunConfig::env>("Env", omit_empty | no_nul),
    field<&RunConfig::cmd>("Cmd", omit_empty | no_nul),
    field<&RunConfig::healthcheck>("Healthcheck", omit_empty),
    field<&RunConfig::args_escaped>("ArgsEscaped", omit_empty),
    field<&RunConfig::volumes>("Volumes", omit_empty | no_nul),
    field<&RunConfig::working_dir>("WorkingDir", omit_empty | no_nul),
    field<&RunConfig::entrypoint>("Entrypoint", omit_empty | no_nul),
    field<&RunConfig::on_build>("OnBuild", omit_empty),
    field<&RunConfig::labels>("Labels", omit_empty),
    field<&RunConfig::stop_signal>("StopSignal", omit_empty | no_nul),
    field<&RunConfig::shell>("Shell", omit_empty | no_nul),
};
constinit const json::Table run_config_table{run_config_fields};

constexpr json::Field history_fields[] = {
    field<&History::created>("created", omit_empty),
    field<&History::created_by>("created_by", omit_empty),
    field<&History::author>("author", omit_empty),
    field<&History::comment>("comment", omit_empty),
    field<&History::empty_layer>("empty_layer", omit_empty),
};
constinit const json::Table history_table{history_fields};

constexpr json::Field root_fs_fields[] = {
    field<&RootFs::type>("type"),
    field<&RootFs::diff_ids>("diff_ids"),
};
constinit const json::Table root_fs_table{root_fs_fields};

constexpr json::Field image_config_fields[] = {
    field<&ImageConfig::created>("created", omit_empty),
    field<&ImageConfig::author>("author", omit_empty),
    field<&ImageConfig::architecture>("architecture"),
    field<&ImageConfig::variant>("variant", omit_empty),
    field<&ImageConfig::os>("os"),
    field<&ImageConfig::os_version>("os.version", omit_empty),
    field<&ImageConfig::docker_version>("docker_version", omit_empty),
    field<&ImageConfig::comment>("comment", omit_empty),
    field<&ImageConfig::container>("container", omit_empty),
    field<&ImageConfig::config>("config"),
    field<&ImageConfig::rootfs>("rootfs"),
    field<&ImageConfig::history>("history", omit_empty),
};
constinit const json::Table image_config_table{image_config_fields};

constexpr json::Field token_reply_fields[] = {
    field<&TokenReply::token>("token"),
    field<&TokenReply::access_token>("access_token", omit_empty),
    field<&TokenReply::refresh_token>("refresh_token", omit_empty),
    field<&TokenReply::expires_in>("expires_in", omit_empty),
};
constinit const json::Table token_reply_table{token_reply_fields};

constexpr json::Field tag_list_fields[] = {field<&TagList::tags>("tags")};
constinit const json::Table tag_list_table{tag_list_fields};

constexpr json::Field error_entry_fields[] = {
    field<&ErrorEntry::code>("code"),
    field<&ErrorEntry::message>("message"),
};
constinit const json::Table error_entry_table{error_entry_fields};

constexpr json::Field error_reply_fields[] = {
    field<&ErrorReply::errors>("errors"),
    field<&ErrorReply::details>("details", omit_empty),
    field<&ErrorReply::message>("message", omit_empty),
};
constinit const json::Table error_reply_table{error_reply_fields};

constexpr json::Field auth_config_fields[] = {
    field<&AuthConfig::username>("username", omit_empty | no_nul),
    field<&AuthConfig::password>("password", omit_empty | no_nul),
    field<&AuthConfig::auth>("auth", omit_empty),
    field<&AuthConfig::server_address>("serveraddress", omit_empty),
    field<&AuthConfig::identity_token>("identitytoken", omit_empty | no_nul),
    field<&AuthConfig::registry_token>("registrytoken", omit_empty | no_nul),
};
constinit const json::Table auth_config_table{auth_config_fields};

}  // namespace

const json::Table& json_table(const Platform*) {
    return platform_table;
}
const json::Table& json_table(const Descriptor*) {
    return descriptor_table;
}
const json::Table& json_table(const Manifest*) {
    return manifest_table;
}
const json::Table& json_table(const HealthCheck*) {
    return health_check_table;
}
const json::Table& json_table(const RunConfig*) {
    return run_config_table;
}
const json::Table& json_table(const History*) {
    return history_table;
}
const json::Table& json_table(const RootFs*) {
    return root_fs_table;
}
const json::Table& json_table(const ImageConfig*) {
    return image_config_table;
}
const json::Table& json_table(const TokenReply*) {
    return token_reply_table;
}
const json::Table& json_table(const TagList*) {
    return tag_list_table;
}
const json::Table& json_table(const ErrorEntry*) {
    return error_entry_table;
}
const json::Table& json_table(const ErrorReply*) {
    return error_reply_table;
}
const json::Table& json_table(const AuthConfig*) {
    return auth_config_table;
}

}  // namespace wire::oci

namespace wire {
namespace {

constexpr json::Field distribution_fields[] = {
    json::field<&DistributionInspect::descriptor>("Descriptor"),
    json::field<&DistributionInspect::platforms>("Platforms", json::null_empty),
    json::field<&DistributionInspect::manifest>("Manifest", json::omit_empty),
};
constinit const json::Table distribution_table{distribution_fields};

}  // namespace

const json::Table& json_table(const DistributionInspect*) {
    return distribution_table;
}

}  // namespace wire
