// What is asked of registries straight: POST /auth, GET /distribution/{name}/json and
// GET /images/search.
#include "api/api.h"
#include "api/body.h"
#include "api/caller.h"
#include "api/status.h"
#include "registry/distribution.h"
#include "registry/login.h"
#include "registry/search.h"
#include "wire/registry.h"
#include "wire/system.h"

#include <charconv>
#include <fmt/format.h>

namespace api {

Task<Result<http::Reply>> auth(const registry::Link& link, http::Request& request) {
    CO_TRY(wire::oci::AuthConfig body, co_await read_body<wire::oci::AuthConfig>(request));
    registry::LoginOrder order;
    order.server = body.server_address;
    order.caller = caller_of(request);
    order.caller.credentials = registry::credentials_of(std::move(body));
    CO_TRY(std::string token, co_await registry::login(link, std::move(order)));
    wire::AuthReply reply{.status = "Login Succeeded", .identity_token = std::move(token)};
    co_return json_text_reply(200, json::write(reply));
}

Task<Result<http::Reply>> distribution(const registry::Link& link, std::string name,
                                       http::Request& request) {
    if (registry::is_digest(name) || registry::is_digest("sha256:" + name))
        co_return Error(Kind::internal, "no manifest found for full image ID");
    CO_TRY(registry::Target target, registry::parse_reference(name));
    CO_TRY(registry::Distribution found,
           co_await registry::inspect_distribution(link, std::move(target), caller_of(request)));
    wire::DistributionInspect reply;
    reply.descriptor.media_type = std::move(found.descriptor.media_type);
    reply.descriptor.digest = std::move(found.descriptor.digest);
    reply.descriptor.size = found.descriptor.size;
    reply.platforms = std::move(found.platforms);
    // Not Docker's: for `lighter manifest inspect`, which has no registry client of its own.
    if (request.query().flag("manifest")) reply.manifest = std::move(found.bytes);
    co_return json_text_reply(200, json::write(reply));
}

Task<Result<http::Reply>> image_search(const registry::Link& link, http::Request& request) {
    registry::SearchOrder order;
    order.term = request.query().text("term");
    if (std::string text = request.query().text("limit"); !text.empty()) {
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), order.limit);
        if (error != std::errc() || end != text.data() + text.size())
            co_return Error(Kind::invalid, fmt::format("invalid limit specified: strconv.Atoi: "
                                                       "parsing \"{}\": invalid syntax",
                                                       text));
        if (order.limit < 0) co_return Error(Kind::invalid, "invalid limit specified");
    }
    CO_TRY(order.filters, codec::Filters::parse(request.query().text("filters")));
    order.caller = caller_of(request);
    CO_TRY(std::vector<registry::SearchResult> found,
           co_await registry::search(link, std::move(order)));
    co_return json_text_reply(200, json::write(found));
}

}  // namespace api
