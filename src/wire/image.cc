#include "wire/image.h"

namespace wire {

namespace {

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
    json::field<&ImageInspect::parent>("Parent"),
    json::field<&ImageInspect::comment>("Comment"),
    json::field<&ImageInspect::created>("Created", json::omit_empty),
    json::field<&ImageInspect::docker_version>("DockerVersion"),
    json::field<&ImageInspect::author>("Author"),
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
};
constinit const json::Table image_inspect_table{image_inspect_fields};

constexpr json::Field image_summary_fields[] = {
    json::field<&ImageSummary::containers>("Containers"),
    json::field<&ImageSummary::created>("Created"),
    json::field<&ImageSummary::id>("Id"),
    json::field<&ImageSummary::labels>("Labels", json::null_empty),
    json::field<&ImageSummary::parent_id>("ParentId"),
    json::field<&ImageSummary::repo_digests>("RepoDigests"),
    json::field<&ImageSummary::repo_tags>("RepoTags"),
    json::field<&ImageSummary::shared_size>("SharedSize"),
    json::field<&ImageSummary::size>("Size"),
    json::field<&ImageSummary::virtual_size>("VirtualSize", json::omit_empty),
};
constinit const json::Table image_summary_table{image_summary_fields};

constexpr json::Field image_deleted_fields[] = {
    json::field<&ImageDeleted::untagged>("Untagged", json::omit_empty),
    json::field<&ImageDeleted::deleted>("Deleted", json::omit_empty),
};
constinit const json::Table image_deleted_table{image_deleted_fields};

}  // namespace

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
const json::Table& json_table(const ImageDeleted*) {
    return image_deleted_table;
}

}  // namespace wire
