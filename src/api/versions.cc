#include "api/versions.h"

#include <fmt/core.h>

namespace api {

namespace {

// "1.41": two numbers of at most three digits, as far as `text` goes; {0, 0} for anything else.
http::Version parse_version(std::string_view text) {
    int parts[2] = {0, 0};
    std::size_t part = 0, digits = 0;
    for (char c : text) {
        if (c == '.' && part == 0 && digits > 0) {
            part = 1;
            digits = 0;
        } else if (c >= '0' && c <= '9' && ++digits <= 3) {
            parts[part] = parts[part] * 10 + (c - '0');
        } else {
            return {};
        }
    }
    return digits == 0 ? http::Version{} : http::Version{parts[0], parts[1]};
}

}  // namespace

std::string version_text(http::Version version) {
    return fmt::format("{}.{}", version.major, version.minor);
}

Result<VersionedPath> split_version(std::string_view path) {
    VersionedPath bare{version_max, std::string(path), true};
    if (!path.starts_with("/v")) return bare;
    std::size_t slash = path.find('/', 1);
    if (slash == std::string_view::npos) return bare;
    std::string_view text = path.substr(2, slash - 2);
    if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos)
        return bare;  // "/volumes/..." begins so, too
    http::Version version = parse_version(text);
    if (version == http::Version{})
        return Error(Kind::invalid, fmt::format("invalid API version {}", text.substr(0, 32)));
    return VersionedPath{version, std::string(path.substr(slash)), false};
}

Status check_version(http::Version version) {
    if (version > version_max)
        return Error(Kind::invalid, fmt::format("client version {} is too new. Maximum supported "
                                                "API version is {}",
                                                version_text(version), version_text(version_max)));
    if (version < version_min)
        return Error(Kind::invalid,
                     fmt::format("client version {} is too old. Minimum supported API version is "
                                 "{}, please upgrade your client to a newer version",
                                 version_text(version), version_text(version_min)));
    return {};
}

void add_common_headers(http::Headers& headers) {
    headers.add("Api-Version", version_text(version_max));
    headers.add("Docker-Experimental", "false");
    headers.add("Ostype", "linux");
    headers.add("Server", "Docker/" LIGHTER_VERSION " (linux)");
}

void add_ping_headers(http::Headers& headers) {
    headers.add("Builder-Version", "1");
    headers.add("Cache-Control", "no-cache, no-store, must-revalidate");
    headers.add("Pragma", "no-cache");
    headers.add("Swarm", "inactive");
}

}  // namespace api
