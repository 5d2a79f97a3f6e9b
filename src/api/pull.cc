// POST /images/create: a pull, told line by line while it runs.
#include "api/api.h"
#include "api/caller.h"
#include "api/progress_stream.h"
#include "codec/human.h"
#include "registry/manifest.h"
#include "registry/reference.h"

namespace api {

namespace {

// What is to be pulled: fromImage with its own tag, or with `tag`, which may be a digest. Without
// any of them, or with a lone colon at its end: all tags.
Result<engine::PullOrder> read_order(const http::Request& request) {
    std::string name = request.query().text("fromImage");
    std::string tag = request.query().text("tag");
    if (name.ends_with(':')) name.pop_back();
    std::size_t last = name.rfind('/') + 1;  // 0 without a slash
    bool named = name.find_first_of(":@", last) != std::string::npos;
    engine::PullOrder order;
    TRY(order.target, registry::parse_reference(name));
    if (registry::is_digest(tag)) {
        order.target.digest = tag;
        order.target.tag.clear();
    } else if (!tag.empty()) {
        if (!registry::is_tag(tag)) return Error(Kind::invalid, "invalid tag format");
        order.target.tag = tag;
    } else if (!named) {
        order.target.tag.clear();
    }
    if (order.target.domain == registry::hub_domain && order.target.path == "library/scratch")
        return Error(Kind::denied, "'scratch' is a reserved name");
    if (std::string text = request.query().text("platform"); !text.empty()) {
        TRY(registry::Platform platform, registry::parse_platform(text));
        order.platform = std::move(platform);
    }
    order.caller = caller_of(request);
    if (std::string text = request.query().text("limitRate"); !text.empty()) {
        TRY(std::int64_t rate, codec::parse_bytes(text));
        if (rate < 1) return Error(Kind::invalid, "limitRate must be more than 0 bytes a second");
        order.bytes_per_second_max = static_cast<std::uint64_t>(rate);
    }
    return order;
}

}  // namespace

Task<Result<http::Reply>> image_create(Loop& loop, engine::Images& images, http::Request& request) {
    CO_TRY(engine::PullOrder order, read_order(request));
    auto work = [&](registry::ProgressSink& sink) -> Task<Status> {
        auto id = co_await images.pull(std::move(order), sink);
        if (id) co_return Status();
        // Docker's daemon never says 401 here, and its client would ask a user for a password then,
        // for ever if there is no terminal.
        if (id.error().kind() == Kind::unauthorized)
            co_return std::move(id).error().as(Kind::internal);
        co_return std::move(id).error();
    };
    co_return co_await stream_progress(loop, request, work);
}

}  // namespace api
