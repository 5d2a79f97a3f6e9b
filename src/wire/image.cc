#include "wire/image.h"

namespace wire {

namespace {

constexpr json::Field push_result_fields[] = {
    json::field<&PushResult::tag>("Tag"),
    json::field<&PushResult::digest>("Digest"),
    json::field<&PushResult::size>("Size"),
};
constinit const json::Table push_result_table{push_result_fields};

constexpr json::Field image_root_fs_fields[] = {
    json::field<&ImageRootFs::type>("Type"),
    json::field<&ImageRootFs::layers>("Layers", json::omit_empty),
};
constinit const json::Table image_root_fs_table{image_root_fs_fields};

constexpr json::Field image_metadata_fields[] = {
    json::field<&ImageMetadata::last_tag_time>("LastTagTime"),
};
constinit const json::Table image_metadata_table{image_metadata_fields};

constexpr json::Field image_inspect_fields[] = {
    json::field<&ImageInspect::id>("Id"),
    json::field<&ImageInspect::repo_tags>("RepoTags"),
    json::field<&ImageInspect::repo_digests>("RepoDigests"),
    json::field<&ImageInspect::parent>("Parent", json::omit_empty),
    json::field<&ImageInspect::comment>("Comment", json::omit_empty),
    json::field<&ImageInspect::created>("Created", json::omit_empty),
    json::field<&ImageInspect::container>("Container", json::omit_empty),
    json::field<&ImageInspect::container_config>("ContainerConfig", json::omit_empty),
    json::field<&ImageInspect::docker_version>("DockerVersion", json::omit_empty),
    json::field<&ImageInspect::author>("Author", json::omit_empty),
    json::field<&ImageInspect::config>("Config"),
    json::field<&ImageInspect::architecture>("Architecture"),
    json::field<&ImageInspect::variant>("Variant", json::omit_empty),
    json::field<&ImageInspect::os>("Os"),
    json::field<&ImageInspect::os_version>("OsVersion", json::omit_empty),
    json::field<&ImageInspect::size>("Size"),
    json::field<&ImageInspect::virtual_size>("VirtualSize", json::omit_empty),
    json::field<&ImageInspect::graph_driver>("GraphDriver"),
    json::field<&ImageInspect::root_fs>("RootFS"),
    json::field<&ImageInspect::metadata>("Metadata"),
    json::field<&ImageInspect::manifests>("Manifests", json::omit_empty),
    json::field<&ImageInspect::identity>("Identity", json::omit_empty),
};
constinit const json::Table image_inspect_table{image_inspect_fields};

constexpr json::Field image_summary_fields[] = {
    json::field<&ImageSummary::containers>("Containers"),
    json::field<&ImageSummary::created>("Created"),
    json::field<&ImageSummary::id>("Id"),
    json::field<&ImageSummary::labels>("Labels", json::null_empty),
    json::field<&ImageSummary::parent_id>("ParentId"),
    json::field<&ImageSummary::manifests>("Manifests", json::omit_empty),
    json::field<&ImageSummary::repo_digests>("RepoDigests"),
    json::field<&ImageSummary::repo_tags>("RepoTags"),
    json::field<&ImageSummary::shared_size>("SharedSize"),
    json::field<&ImageSummary::size>("Size"),
    json::field<&ImageSummary::virtual_size>("VirtualSize", json::omit_empty),
};
constinit const json::Table image_summary_table{image_summary_fields};

constexpr json::Field image_history_fields[] = {
    json::field<&ImageHistory::id>("Id"),
    json::field<&ImageHistory::created>("Created"),
    json::field<&ImageHistory::created_by>("CreatedBy"),
    json::field<&ImageHistory::tags>("Tags", json::null_empty),
    json::field<&ImageHistory::size>("Size"),
    json::field<&ImageHistory::comment>("Comment"),
};
constinit const json::Table image_history_table{image_history_fields};

constexpr json::Field image_deleted_fields[] = {
    json::field<&ImageDeleted::untagged>("Untagged", json::omit_empty),
    json::field<&ImageDeleted::deleted>("Deleted", json::omit_empty),
};
constinit const json::Table image_deleted_table{image_deleted_fields};

constexpr json::Field image_platform_fields[] = {
    json::field<&ImagePlatform::architecture>("architecture"),
    json::field<&ImagePlatform::os>("os"),
    json::field<&ImagePlatform::os_version>("os.version", json::omit_empty),
    json::field<&ImagePlatform::variant>("variant", json::omit_empty),
};
constinit const json::Table image_platform_table{image_platform_fields};

constexpr json::Field image_descriptor_fields[] = {
    json::field<&ImageDescriptor::media_type>("mediaType"),
    json::field<&ImageDescriptor::digest>("digest"),
    json::field<&ImageDescriptor::size>("size"),
    json::field<&ImageDescriptor::platform>("platform", json::omit_empty),
};
constinit const json::Table image_descriptor_table{image_descriptor_fields};

constexpr json::Field manifest_sizes_fields[] = {
    json::field<&ManifestSizes::content>("Content"),
    json::field<&ManifestSizes::total>("Total"),
};
constinit const json::Table manifest_sizes_table{manifest_sizes_fields};

constexpr json::Field unpacked_size_fields[] = {
    json::field<&UnpackedSize::unpacked>("Unpacked"),
};
constinit const json::Table unpacked_size_table{unpacked_size_fields};

constexpr json::Field image_pull_fields[] = {
    json::field<&ImagePull::repository>("Repository", json::omit_empty),
};
constinit const json::Table image_pull_table{image_pull_fields};

constexpr json::Field image_identity_fields[] = {
    json::field<&ImageIdentity::pull>("Pull", json::omit_empty),
};
constinit const json::Table image_identity_table{image_identity_fields};

constexpr json::Field image_properties_fields[] = {
    json::field<&ImageProperties::platform>("Platform"),
    json::field<&ImageProperties::identity>("Identity", json::omit_empty),
    json::field<&ImageProperties::size>("Size"),
    json::field<&ImageProperties::containers>("Containers"),
};
constinit const json::Table image_properties_table{image_properties_fields};

constexpr json::Field image_manifest_fields[] = {
    json::field<&ImageManifest::id>("ID"),
    json::field<&ImageManifest::descriptor>("Descriptor"),
    json::field<&ImageManifest::available>("Available"),
    json::field<&ImageManifest::size>("Size"),
    json::field<&ImageManifest::kind>("Kind"),
    json::field<&ImageManifest::image_data>("ImageData", json::omit_empty),
};
constinit const json::Table image_manifest_table{image_manifest_fields};

constexpr json::Field image_run_config_fields[] = {
    json::field<&ImageRunConfig::user>("User", json::omit_empty),
    json::field<&ImageRunConfig::exposed_ports>("ExposedPorts", json::omit_empty),
    json::field<&ImageRunConfig::env>("Env", json::omit_empty),
    json::field<&ImageRunConfig::entrypoint>("Entrypoint", json::omit_empty),
    json::field<&ImageRunConfig::cmd>("Cmd", json::omit_empty),
    json::field<&ImageRunConfig::volumes>("Volumes", json::omit_empty),
    json::field<&ImageRunConfig::working_dir>("WorkingDir", json::omit_empty),
    json::field<&ImageRunConfig::labels>("Labels", json::omit_empty),
    json::field<&ImageRunConfig::stop_signal>("StopSignal", json::omit_empty),
    json::field<&ImageRunConfig::args_escaped>("ArgsEscaped", json::omit_empty),
    json::field<&ImageRunConfig::healthcheck>("Healthcheck", json::omit_empty),
    json::field<&ImageRunConfig::on_build>("OnBuild", json::omit_empty),
    json::field<&ImageRunConfig::shell>("Shell", json::omit_empty),
};
constinit const json::Table image_run_config_table{image_run_config_fields};

constexpr json::Field images_pruned_fields[] = {
    json::field<&ImagesPruned::images_deleted>("ImagesDeleted", json::null_empty),
    json::field<&ImagesPruned::space_reclaimed>("SpaceReclaimed"),
};
constinit const json::Table images_pruned_table{images_pruned_fields};

constexpr json::Field build_cache_pruned_fields[] = {
    json::field<&BuildCachePruned::caches_deleted>("CachesDeleted", json::null_empty),
    json::field<&BuildCachePruned::space_reclaimed>("SpaceReclaimed"),
};
constinit const json::Table build_cache_pruned_table{build_cache_pruned_fields};

}  // namespace

const json::Table& json_table(const PushResult*) {
    return push_result_table;
}
const json::Table& json_table(const ImageRootFs*) {
    return image_root_fs_table;
}
const json::Table& json_table(const ImageMetadata*) {
    return image_metadata_table;
}
const json::Table& json_table(const ImageInspect*) {
    return image_inspect_table;
}
const json::Table& json_table(const ImageSummary*) {
    return image_summary_table;
}
const json::Table& json_table(const ImageHistory*) {
    return image_history_table;
}
const json::Table& json_table(const ImageDeleted*) {
    return image_deleted_table;
}

const json::Table& json_table(const ImagePlatform*) {
    return image_platform_table;
}
const json::Table& json_table(const ImageDescriptor*) {
    return image_descriptor_table;
}
const json::Table& json_table(const ManifestSizes*) {
    return manifest_sizes_table;
}
const json::Table& json_table(const UnpackedSize*) {
    return unpacked_size_table;
}
const json::Table& json_table(const ImagePull*) {
    return image_pull_table;
}
const json::Table& json_table(const ImageIdentity*) {
    return image_identity_table;
}
const json::Table& json_table(const ImageProperties*) {
    return image_properties_table;
}
const json::Table& json_table(const ImageManifest*) {
    return image_manifest_table;
}
const json::Table& json_table(const ImageRunConfig*) {
    return image_run_config_table;
}
const json::Table& json_table(const ImagesPruned*) {
    return images_pruned_table;
}
const json::Table& json_table(const BuildCachePruned*) {
    return build_cache_pruned_table;
}

}  // namespace wire
