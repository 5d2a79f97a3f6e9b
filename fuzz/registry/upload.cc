// Fuzz target: what a registry says of an upload. The first line is a Range, the rest a Location.
#include "codec/url.h"
#include "registry/upload_answers.h"

#include <cassert>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t line = text.find('\n');
    auto have = registry::parse_upload_range(text.substr(0, line));
    assert(!have || *have != 1);
    std::string_view location = line == text.npos ? text : text.substr(line + 1);
    for (std::string_view from :
         {"https://reg.example/v2/a/blobs/uploads/", "http://[::1]:5000/"}) {
        auto to = registry::resolve_location(from, location);
        if (!to) continue;
        auto url = codec::parse_url(registry::with_digest(*to, "sha256:00"));
        assert(url && (url->https() || !from.starts_with("https:")));
        // What is sent on the request line is one word.
        for (char c : url->target)
            assert(static_cast<unsigned char>(c) > 0x20 && c != 0x7f);
    }
    return 0;
}
