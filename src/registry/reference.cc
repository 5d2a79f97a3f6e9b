#include "registry/reference.h"

#include "registry/endpoints.h"
#include "registry/manifest.h"

#include <algorithm>
#include <fmt/format.h>

namespace registry {
namespace {

bool is_low_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
    return is_low_alnum(c) || (c >= 'A' && c <= 'Z');
}

// [a-z0-9]+ joined by one of ".", "_", "__", or any number of "-".
bool is_path_component(std::string_view text) {
    if (text.empty() || !is_low_alnum(text.front()) || !is_low_alnum(text.back())) return false;
    for (std::size_t i = 0; i < text.size();) {
        if (is_low_alnum(text[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (!is_low_alnum(text[end]))
            ++end;
        std::string_view mark = text.substr(i, end - i);
        bool dashes = std::ranges::all_of(mark, [](char c) { return c == '-'; });
        if (!dashes && mark != "." && mark != "_" && mark != "__") return false;
        i = end;
    }
    return true;
}

// Components of letters, digits and inner dashes joined by dots, or [v6]; then :port.
bool is_domain(std::string_view text) {
    std::string_view name = text;
    if (text.starts_with('[')) {
        std::size_t close = text.find(']');
        if (close == std::string_view::npos || close < 2) return false;
        bool fine = std::ranges::all_of(text.substr(1, close - 1), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                   c == ':';
        });
        std::string_view rest = text.substr(close + 1);
        if (!fine || rest.empty()) return fine;
        if (rest.front() != ':') return false;
        name = "x";
        text = rest;
    }
    std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
        std::string_view port = text.substr(colon + 1);
        if (port.empty() || port.size() > 5 ||
            !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }))
            return false;
        if (name != "x") name = text.substr(0, colon);
    }
    if (name.empty()) return false;
    std::size_t begin = 0;
    while (begin <= name.size()) {
        std::size_t end = std::min(name.find('.', begin), name.size());
        std::string_view part = name.substr(begin, end - begin);
        if (part.empty() || !is_alnum(part.front()) || !is_alnum(part.back())) return false;
        if (!std::ranges::all_of(part, [](char c) { return is_alnum(c) || c == '-'; }))
            return false;
        begin = end + 1;
    }
    return true;
}

Error bad_format() {
    return Error(Kind::invalid, "invalid reference format");
}

}  // namespace

std::string Target::familiar_name() const {
    if (domain != hub_domain) return domain + "/" + path;
    return path.starts_with("library/") && path.find('/', 8) == std::string::npos ? path.substr(8)
                                                                                  : path;
}

std::string Target::familiar() const {
    if (!digest.empty()) return familiar_name() + "@" + digest;
    return tag.empty() ? familiar_name() : familiar_name() + ":" + tag;
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.size() <= 128 && (is_alnum(text.front()) || text.front() == '_') &&
           std::ranges::all_of(
               text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

Result<Target> parse_reference(std::string_view text) {
    if (text.size() > 4096) return bad_format();
    if (text.size() == 64 && std::ranges::all_of(text, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        }))
        return Error(
            Kind::invalid,
            fmt::format("invalid repository name ({}), cannot specify 64-byte hexadecimal strings",
                        text));
    Target out;
    if (std::size_t at = text.find('@'); at != std::string_view::npos) {
        out.digest = text.substr(at + 1);
        if (!is_digest(out.digest)) return bad_format();
        text = text.substr(0, at);
    }
    std::size_t slash = text.rfind('/');
    std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
    if (colon != std::string_view::npos) {
        out.tag = text.substr(colon + 1);
        if (!is_tag(out.tag)) return bad_format();
        text = text.substr(0, colon);
    }
    std::size_t first = text.find('/');
    std::string_view head = text.substr(0, first);
    bool named = first != std::string_view::npos &&
                 (head.find_first_of(".:") != std::string_view::npos || head == "localhost" ||
                  std::ranges::any_of(head, [](char c) { return c >= 'A' && c <= 'Z'; }));
    out.domain = named ? head : hub_domain;
    if (out.domain == "index.docker.io") out.domain = hub_domain;
    out.path = named ? text.substr(first + 1) : text;
    if (!is_domain(out.domain)) return bad_format();
    if (std::ranges::any_of(out.path, [](char c) { return c >= 'A' && c <= 'Z'; }))
        return Error(Kind::invalid,
                     fmt::format("invalid reference format: repository name ({}) must be lowercase",
                                 out.path));
    for (std::size_t begin = 0; begin <= out.path.size();) {
        std::size_t end = std::min(out.path.find('/', begin), out.path.size());
        if (!is_path_component(std::string_view(out.path).substr(begin, end - begin)))
            return bad_format();
        begin = end + 1;
    }
    if (out.path.size() > 255)
        return Error(Kind::invalid, "repository name must not be more than 255 characters");
    if (out.domain == hub_domain && out.path.find('/') == std::string::npos)
        out.path.insert(0, "library/");
    if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
    return out;
}

std::string canonical_name(const Target& target) {
    return target.domain + "/" + target.path;
}
std::string canonical_tag(const Target& target) {
    return canonical_name(target) + ":" + target.tag;
}

std::string familiar(std::string_view canonical) {
    if (canonical.starts_with("docker.io/library/") &&
        canonical.find('/', 18) == std::string_view::npos)
        return std::string(canonical.substr(18));
    if (canonical.starts_with("docker.io/")) return std::string(canonical.substr(10));
    return std::string(canonical);
}

}  // namespace registry
