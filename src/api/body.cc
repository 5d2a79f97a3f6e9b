#include "api/body.h"

#include <fmt/format.h>

namespace api {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    std::size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

}  // namespace

Status check_json_type(std::string_view content_type, bool has_body) {
    if (content_type.empty() && !has_body) return {};
    std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
    if (type.empty())
        return Error(Kind::invalid, fmt::format("malformed Content-Type header ({}): mime: no "
                                                "media type",
                                                content_type));
    if (!codec::http1::equal_no_case(type, "application/json"))
        return Error(Kind::invalid, fmt::format("unsupported Content-Type header ({}): must be "
                                                "'application/json'",
                                                content_type));
    return {};
}

Task<Status> merge_form(http::Request& request) {
    std::string_view type = request.headers().get("Content-Type");
    type = trimmed(type.substr(0, type.find(';')));
    bool is_form = codec::http1::equal_no_case(type, "application/x-www-form-urlencoded");
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
