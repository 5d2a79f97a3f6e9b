// What the API tells about files of a container.
#pragma once

#include "codec/json.h"

#include <cstdint>
#include <string>

namespace wire {

// X-Docker-Container-Path-Stat, in base64.
struct PathStat {
    std::string name;
    std::int64_t size = 0;
    std::uint32_t mode = 0;  // Go's os.FileMode
    Time mtime;
    std::string link_target;
};

struct FilesystemChange {
    std::string path;
    std::int64_t kind = 0;  // 0 modified, 1 added, 2 deleted
};

const json::Table& json_table(const PathStat*);
const json::Table& json_table(const FilesystemChange*);

}  // namespace wire
