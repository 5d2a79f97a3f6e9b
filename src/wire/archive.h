// Documents inside the archives of `docker save` that no registry knows.
#pragma once

#include "codec/json.h"

#include <string>
#include <vector>

namespace wire {

// manifest.json is a list of these; paths are those of the archive.
struct SavedImage {
    std::string config;
    std::vector<std::string> repo_tags, layers;  // bottom first
};

const json::Table& json_table(const SavedImage*);

}  // namespace wire
