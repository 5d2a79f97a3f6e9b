// What parses must print as something that parses to the same place.
#include "codec/url.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto url = codec::parse_url(text)) {
        auto again = codec::parse_url(url->scheme + "://" + url->authority() + url->target);
        if (!again || !again->same_origin(*url) || again->target != url->target) std::abort();
    }
    codec::Url base;
    base.scheme = "https";
    base.host = "h";
    base.port = 443;
    if (auto url = codec::resolve_url(base, text))
        if (!url->target.starts_with('/')) std::abort();
    codec::Query query = codec::Query::parse(text);
    if (codec::Query::parse(query.encode()).pairs() != query.pairs()) std::abort();
    return 0;
}
