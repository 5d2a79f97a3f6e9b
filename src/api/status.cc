#include "api/status.h"

#include "codec/json.h"
#include "wire/system.h"

namespace api {

int status_of(Kind kind) {
    switch (kind) {
    case Kind::invalid:
        return 400;
    case Kind::unauthorized:
        return 401;
    case Kind::denied:
        return 403;
    case Kind::missing:
        return 404;
    case Kind::conflict:
        return 409;
    case Kind::unchanged:
        return 304;
    case Kind::too_large:
        return 413;
    case Kind::unsupported:
        return 501;
    case Kind::unavailable:
        return 503;
    case Kind::timeout:  // Docker has no 504 of its own; clients know 500
    case Kind::cancelled:
    case Kind::internal:
        return 500;
    }
    return 500;
}

http::Reply error_reply(const Error& error, http::Version version) {
    int status = status_of(error.kind());
    if (status == 304) return http::Reply(304);
    constexpr http::Version first_with_json{1, 24};
    if (version != http::Version{} && version < first_with_json)
        return http::Reply(status, "text/plain; charset=utf-8", error.message() + "\n");
    return json_text_reply(status, json::write(wire::ErrorBody{.message = error.message()}));
}

http::Reply json_text_reply(int status, std::string document) {
    return http::Reply(status, "application/json", std::move(document) + "\n");
}

}  // namespace api
