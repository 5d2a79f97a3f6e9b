#include "api/platform.h"

#include "codec/json.h"
#include "wire/registry.h"

namespace api {

Result<registry::Platform> decode_platform(const std::string& text) {
    auto read = json::read<wire::oci::Platform>(text);
    if (!read) return Error(Kind::invalid, "failed to parse platform: " + read.error().message());
    if (read->os.empty() || read->architecture.empty())
        return Error(Kind::invalid, "both OS and Architecture must be provided");
    return std::move(*read);
}

Result<std::vector<registry::Platform>> read_platforms(const http::Request& request,
                                                       std::string_view name, int since) {
    std::vector<registry::Platform> out;
    if (request.version() < http::Version{1, since}) return out;
    for (const std::string& text : request.query().all(name)) {
        if (text.empty()) continue;
        TRY(registry::Platform platform, decode_platform(text));
        out.push_back(std::move(platform));
    }
    return out;
}

}  // namespace api
