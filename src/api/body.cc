#include "api/body.h"

#include "base/text.h"

#include <fmt/format.h>

namespace api {

namespace {


}  // namespace

Status check_json_type(std::string_view content_type, bool has_body) {
    if (content_type.empty() && !has_body) return {};
    std::string_view type = base::trimmed(content_type.substr(0, content_type.find(';')));
    if (type.empty())
        return Error(Kind::invalid, fmt::format("malformed Content-Type header ({}): mime: no "
                                                "media type",
                                                content_type));
    if (!base::equal_no_case(type, "application/json"))
        return Error(Kind::invalid, fmt::format("unsupported Content-Type header ({}): must be "
                                                "'application/json'",
                                                content_type));
    return {};
}

Task<Status> merge_form(http::Request& request) {
    std::string_view type = request.headers().get("Content-Type");
    type = base::trimmed(type.substr(0, type.find(';')));
    bool is_form = base::equal_no_case(type, "application/x-www-form-urlencoded");
    if (!is_form || request.body().empty() || request.method() == "GET") co_return Status();
    CO_TRY(Slice body, co_await request.body().read_all(limits::json_body_bytes_max));
    request.put_before(codec::Query::parse(body.view()));
    co_return Status();
}

Task<Result<std::string>> json_body(http::Request& request) {
    bool has_body = !request.body().empty() && request.body().length() != 0;
    CO_TRY_DO(check_json_type(request.headers().get("Content-Type"), has_body));
    if (!has_body) co_return std::string();
    CO_TRY(Slice body, co_await request.body().read_all(limits::json_body_bytes_max));
    co_return body.text();
}

}  // namespace api
