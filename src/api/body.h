// Request bodies by Docker's rules.
#pragma once

#include "base/limits.h"
#include "codec/json.h"
#include "http/message.h"

#include <string>

namespace api {

// The body of a request that may carry JSON: "" when there is none. invalid "unsupported
// Content-Type header (x): must be 'application/json'" for a body that says it is something else.
Task<Result<std::string>> json_body(http::Request& request);

// The document, or all defaults when there is no body.
template <class T> Task<Result<T>> read_body(http::Request& request) {
    CO_TRY(std::string text, co_await json_body(request));
    if (text.empty()) co_return T();
    co_return json::read<T>(text);
}

}  // namespace api
