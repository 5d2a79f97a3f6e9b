// A file, or a folder with all below it, as a tar archive. Blocking.
#pragma once

#include "archive/tar_stream.h"
#include "archive/walk.h"

#include <functional>
#include <string>

namespace archive {

class TreeTar final : public TarStream {
public:
    // `first` (O_PATH) is put in as `name` and what is below it after it, names of a folder in
    // order. An empty name: only what is below. A folder of which `hides` says so is put in without
    // what is in it; it is told its descriptor and whether it is `first`.
    using Hides = std::function<bool(const Fd& folder, bool first)>;
    TreeTar(Fd first, std::string name, Hides hides = {});

private:
    Result<bool> next() override;
    Status add(Fd file, std::string path);

    Fd first_;
    std::string name_;
    Hides hides_;
    Walk walk_;
};

}  // namespace archive
