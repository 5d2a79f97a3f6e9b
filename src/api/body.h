// Request bodies by Docker's rules.
#pragma once

#include "base/limits.h"
#include "codec/json.h"
#include "http/message.h"

#include <string>
#include <string_view>

namespace api {

// The body of a request that may carry JSON: "" when there is none. invalid for a body that says it
// is something else, or nothing at all.
Task<Result<std::string>> json_body(http::Request& request);
// That rule alone. A request without body may leave the type out.
Status check_json_type(std::string_view content_type, bool has_body);

// Parameters may come as a form in the body, too, and go before those of the query. A body that is
// anything else is left alone.
Task<Status> merge_form(http::Request& request);

// The document, or all defaults when there is no body.
template <class T> Task<Result<T>> read_body(http::Request& request) {
    CO_TRY(std::string text, co_await json_body(request));
    if (text.empty()) co_return T();
    co_return json::read<T>(text);
}

}  // namespace api
