#include "wire/archive.h"

namespace wire {

namespace {

constexpr json::Field saved_image_fields[] = {
    json::field<&SavedImage::config>("Config"),
    json::field<&SavedImage::repo_tags>("RepoTags", json::null_empty),
    json::field<&SavedImage::layers>("Layers", json::null_empty),
};
constinit const json::Table saved_image_table{saved_image_fields};

}  // namespace

const json::Table& json_table(const SavedImage*) {
    return saved_image_table;
}

}  // namespace wire
