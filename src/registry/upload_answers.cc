#include "registry/upload_answers.h"

#include "codec/url.h"

#include <charconv>
#include <fmt/format.h>

namespace registry {

std::optional<std::uint64_t> parse_upload_range(std::string_view text) {
    if (text.starts_with("bytes=")) text.remove_prefix(6);
    if (!text.starts_with("0-")) return std::nullopt;
    text.remove_prefix(2);
    std::uint64_t last = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), last);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    if (last == UINT64_MAX) return std::nullopt;
    return last == 0 ? 0 : last + 1;
}

Result<std::string> resolve_location(std::string_view from, std::string_view location) {
    TRY(codec::Url base, codec::parse_url(from));
    if (location.empty() || location.size() > location_bytes_max)
        return Error(Kind::unavailable, "the registry's answer has no usable Location");
    auto next = codec::resolve_url(base, location);
    if (!next) return Error(Kind::unavailable, "the registry's answer has no usable Location");
    if (base.https() && !next->https())
        return Error(Kind::unavailable,
                     fmt::format("{} leads from https to http, refused", base.printable()));
    return fmt::format("{}://{}{}", next->scheme, next->authority(), next->target);
}

std::string with_digest(std::string location, std::string_view digest) {
    location += location.find('?') == std::string::npos ? '?' : '&';
    return location + "digest=" + codec::percent_encode(digest);
}

}  // namespace registry
