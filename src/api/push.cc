// POST /images/{name}/push, told line by line while it runs.
#include "api/api.h"
#include "api/body.h"
#include "api/caller.h"
#include "api/platform.h"
#include "api/progress_stream.h"
#include "engine/image_push.h"

#include <fmt/format.h>

namespace api {

namespace {

constexpr std::size_t auth_body_bytes_max = 64 * 1024;

// Without X-Registry-Auth the credentials stand in the body, as clients of long ago send them.
// Neither of both is an error until API 1.51.
Task<Status> read_old_auth(http::Request& request, registry::Caller& caller) {
    if (!request.headers().get("X-Registry-Auth").empty()) co_return Status();
    CO_TRY(Slice body, co_await request.body().read_all(auth_body_bytes_max));
    auto config = json::read<wire::oci::AuthConfig>(body.view());
    if (config) caller.credentials = registry::credentials_of(std::move(*config));
    if (config || request.version() > http::Version{1, 51}) co_return Status();
    std::string why = body.empty() ? "EOF" : config.error().message();
    if (request.version() < http::Version{1, 42})
        co_return Error(Kind::invalid, "Bad parameters and missing X-Registry-Auth: " + why);
    co_return Error(Kind::invalid,
                    "bad parameters and missing X-Registry-Auth: invalid X-Registry-Auth header: " +
                        why);
}

// The name with its own tag, or with `tag`; without any, all tags.
Result<registry::Target> read_target(const std::string& name, const std::string& tag) {
    TRY(registry::Target target, registry::parse_reference(name));
    std::size_t last = name.rfind('/') + 1;  // 0 without a slash
    if (!tag.empty() && !registry::is_tag(tag)) return Error(Kind::invalid, "invalid tag format");
    if (!tag.empty())
        target.tag = tag;
    else if (name.find_first_of(":@", last) == std::string::npos)
        target.tag.clear();
    return target;
}

}  // namespace

Task<Result<http::Reply>> image_push(Loop& loop, engine::Images& images, std::string name,
                                     http::Request& request) {
    engine::PushOrder order;
    order.caller = caller_of(request);
    CO_TRY_DO(co_await read_old_auth(request, order.caller));
    CO_TRY(order.target, read_target(name, request.query().text("tag")));
    CO_TRY(order.platforms, read_platforms(request, "platform", 46));
    if (std::string wanted = request.query().text("compression"); !wanted.empty()) {
        order.compression = store::parse_packing(wanted);
        if (!order.compression)
            co_return Error(
                Kind::invalid,
                fmt::format("invalid compression \"{}\": must be gzip or zstd", wanted));
    }
    auto work = [&](registry::ProgressSink& sink) -> Task<Status> {
        co_return co_await images.push(std::move(order), sink);
    };
    co_return co_await stream_progress(loop, request, work);
}

}  // namespace api
