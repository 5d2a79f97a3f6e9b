// Small views of image ids and of names in canonical form.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace engine {

// The 12 digits users see.
inline std::string short_id(const std::string& id) {
    return id.substr(0, 7) == "sha256:" ? id.substr(7, 12) : id.substr(0, 12);
}

// "docker.io/library/centos" of a tag or of a name@digest.
inline std::string name_part(const std::string& canonical) {
    std::size_t at = canonical.find('@');
    if (at != std::string::npos) return canonical.substr(0, at);
    return canonical.substr(0, canonical.rfind(':'));
}

// Names are kept in Docker's order: sorted. False: it was there.
inline bool add_once(std::vector<std::string>& list, std::string text) {
    auto at = std::ranges::lower_bound(list, text);
    if (at != list.end() && *at == text) return false;
    list.insert(at, std::move(text));
    return true;
}

}  // namespace engine
