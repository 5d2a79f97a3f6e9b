// The one place where a kind of failure becomes an HTTP status, and the bodies of refusals.
#pragma once

#include "base/error.h"
#include "http/message.h"

namespace api {

int status_of(Kind kind);
// {"message":"..."} and a newline; plain text for clients below 1.24. 304 has no body.
http::Reply error_reply(const Error& error, http::Version version);
// `value`'s JSON, ended by a newline as Go's encoder ends it.
http::Reply json_text_reply(int status, std::string document);

}  // namespace api
