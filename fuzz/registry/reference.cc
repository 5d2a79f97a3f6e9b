// References and X-Registry-Auth: what is accepted is one thing however it is written, and holds
// nothing that a path, a URL or a log line could trip over.
#include "codec/base64.h"
#include "registry/reference.h"

#include "registry/auth.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void check_reference(std::string_view text) {
    auto target = registry::parse_reference(text);
    if (!target) {
        if (target.error().message().empty()) std::abort();
        return;
    }
    auto again = registry::parse_reference(target->familiar());
    if (!again || again->domain != target->domain || again->path != target->path) std::abort();
    std::string whole = registry::canonical_name(*target);
    for (char c : whole + target->tag + target->digest)
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            std::abort();
    if (whole.find("..") != whole.npos && target->path.find("..") != whole.npos) std::abort();
    if (!target->tag.empty() && !registry::is_tag(target->tag)) std::abort();
    if (target->digest.empty() &&
        registry::familiar(registry::canonical_tag(*target)) != target->familiar())
        std::abort();
}

void check_base64(std::string_view text) {
    auto bytes = codec::unbase64(text);
    if (!bytes) return;
    auto again = codec::unbase64(codec::base64(*bytes));
    if (!again || *again != *bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    check_reference(text);
    check_base64(text);
    (void)registry::parse_registry_auth(text);
    (void)registry::parse_registry_auth(codec::base64(text));
    return 0;
}
