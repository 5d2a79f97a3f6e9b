// Container and volume folders: containers/<id>/{upper,work,merged} and volumes/<name>/_data. Made
// under a staging name and renamed, removed by renaming first, so that a half one is never seen.
#pragma once

#include "base/error.h"
#include "store/reserve.h"
#include "sys/fd.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace store {

class Folders {
public:
    static Result<std::unique_ptr<Folders>> open(const std::string& data_root, Reserve& reserve);

    // containers/<id>/ with upper, work, merged. The root folder's owner, mode and times come from
    // `top_diff` (the topmost layer's diff folder; empty: 0755 root). conflict if it is there.
    // Refused on a full disk before the reserve would be needed.
    Status create_container(std::string_view id, const std::string& top_diff);
    Status remove_container(std::string_view id);
    std::string container_path(std::string_view id) const;
    Result<std::vector<std::string>> list_containers() const;

    // volumes/<name>/_data, 0755 root.
    Status create_volume(std::string_view name);
    Status remove_volume(std::string_view name);
    std::string volume_path(std::string_view name) const;  // of _data
    Result<std::vector<std::string>> list_volumes() const;

private:
    Folders(std::string data_root, Reserve& reserve, Fd staging, Fd containers, Fd volumes)
        : data_root_(std::move(data_root)), reserve_(reserve), staging_(std::move(staging)),
          containers_(std::move(containers)), volumes_(std::move(volumes)) {}
    Status remove(const Fd& parent, std::string_view name);

    std::string data_root_;
    Reserve& reserve_;
    Fd staging_, containers_, volumes_;
};

}  // namespace store
