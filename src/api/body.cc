#include "api/body.h"

#include <algorithm>
#include <fmt/format.h>

namespace api {

namespace {

bool is_json(std::string_view type) {
    std::string media(type.substr(0, type.find(';')));
    while (!media.empty() && media.back() == ' ')
        media.pop_back();
    std::ranges::transform(media, media.begin(), [](unsigned char c) { return std::tolower(c); });
    return media == "application/json";
}

}  // namespace

Task<Result<std::string>> json_body(http::Request& request) {
    if (request.body().empty()) co_return std::string();
    std::string_view type = request.headers().get("Content-Type");
    CO_TRY(Slice body, co_await request.body().read_all(limits::json_body_bytes_max));
    if (body.empty()) co_return std::string();
    if (!is_json(type))
        co_return Error(Kind::invalid, fmt::format("unsupported Content-Type header ({}): must be "
                                                   "'application/json'",
                                                   type));
    co_return body.text();
}

}  // namespace api
