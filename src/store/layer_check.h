// Whether a layer's folder is what its tar says: contents, names, owners, modes, times, extended
// attributes, and nothing besides. Blocking, and long: a worker of the heavy lane.
#pragma once

#include "base/error.h"
#include "store/layers.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace store {

inline constexpr std::size_t findings_max = 1000;  // of one layer; "and more" is the last then

struct LayerCheck {
    std::vector<std::string> findings;  // "etc/passwd: its mode is 0666 instead of 0644"
    // The layer is from before there were skeletons: nothing can be said of it.
    bool unknown = false;
};

// An error is of this machine (or Kind::cancelled), not of the layer.
Result<LayerCheck> check_layer(const Layers& layers, std::string_view diff_id,
                               const std::function<bool()>& stopped);

}  // namespace store
