// Names of images as users write them: which are none at all. The grammar is the registry's; only
// what can be told without asking an engine is told here.
#include "cli/context.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

namespace {

constexpr std::size_t name_bytes_max = 255, tag_bytes_max = 128;

bool is_lower(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

// Lower case and digits, separated by ".", "_", "__" or dashes.
bool is_path_part(std::string_view part) {
    if (part.empty() || !is_lower(part.front()) || !is_lower(part.back())) return false;
    for (std::size_t i = 0; i < part.size();) {
        std::size_t end = i;
        while (end < part.size() && !is_lower(part[end]))
            ++end;
        std::string_view between = part.substr(i, end - i);
        bool dashes = between.find_first_not_of('-') == between.npos;
        if (!dashes && between != "." && between != "_" && between != "__") return false;
        i = end;
        while (i < part.size() && is_lower(part[i]))
            ++i;
    }
    return true;
}

bool is_tag(std::string_view tag) {
    auto word = [](char c) { return is_lower(c) || is_upper(c) || c == '_'; };
    return !tag.empty() && tag.size() <= tag_bytes_max && word(tag.front()) &&
           std::ranges::all_of(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// "sha256:" and at least 32 hexadecimal digits.
bool is_digest(std::string_view digest) {
    constexpr std::size_t least = 32, sha256_size = 64;
    std::size_t colon = digest.find(':');
    if (colon == digest.npos || colon == 0) return false;
    std::string_view hex = digest.substr(colon + 1);
    bool long_enough =
        digest.starts_with("sha256:") ? hex.size() == sha256_size : hex.size() >= least;
    return long_enough && hex.find_first_not_of("0123456789abcdef") == hex.npos;
}

bool is_host(std::string_view host) {
    if (host.starts_with('[')) return host.find(']') != host.npos;
    std::size_t colon = host.find(':');
    std::string_view port = colon == host.npos ? "" : host.substr(colon + 1);
    if (colon != host.npos && (port.empty() || port.find_first_not_of("0123456789") != port.npos))
        return false;
    std::string_view name = host.substr(0, colon);
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return is_lower(c) || is_upper(c) || c == '.' || c == '-';
    });
}

// Whether the part before the first slash is a registry.
bool names_host(std::string_view first) {
    return first.find_first_of(".:") != first.npos || first == "localhost" ||
           std::ranges::any_of(first, is_upper);
}

}  // namespace

Status check_reference(std::string_view image) {
    Error wrong(Kind::invalid, "invalid reference format");
    constexpr std::size_t id_size = 64;
    if (image.size() == id_size && image.find_first_not_of("0123456789abcdef") == image.npos)
        return {};  // an id
    std::string_view name = image;
    std::size_t at = name.find('@');
    if (at != name.npos) {
        if (!is_digest(name.substr(at + 1))) return wrong;
        name = name.substr(0, at);
    }
    std::size_t slash = name.rfind('/');
    std::size_t colon = name.find(':', slash == name.npos ? 0 : slash);
    if (colon != name.npos) {
        if (!is_tag(name.substr(colon + 1))) return wrong;
        name = name.substr(0, colon);
    }
    std::string_view path = name;
    slash = name.find('/');
    if (slash != name.npos && names_host(name.substr(0, slash))) {
        if (!is_host(name.substr(0, slash))) return wrong;
        path = name.substr(slash + 1);
    }
    if (std::ranges::any_of(path, is_upper))
        return Error(Kind::invalid,
                     fmt::format("invalid reference format: repository name ({}{}) must be "
                                 "lowercase",
                                 name.find('/') == name.npos ? "library/" : "", path));
    if (name.size() > name_bytes_max) return wrong;
    for (;;) {
        slash = path.find('/');
        if (!is_path_part(path.substr(0, slash))) return wrong;
        if (slash == path.npos) return {};
        path.remove_prefix(slash + 1);
    }
}

}  // namespace cli
