#include "registry/login.h"

#include "base/log.h"
#include "codec/http1.h"
#include "codec/url.h"

#include <fmt/format.h>

namespace registry {

namespace {

struct Answer {
    std::string identity_token;
    bool answered = false;  // somebody was there: no other endpoint is tried
};

Task<Status> login_at(const Link& link, Endpoint endpoint, Caller caller, Answer& answer) {
    std::string ping = endpoint.base + "/v2/";
    std::string user = caller.credentials.username;
    Session session(link.loop, link.transport, link.settings, std::move(endpoint), "",
                    std::move(caller));
    session.ask_identity();
    Session::Call call;
    call.url = ping;
    Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
    auto reply = co_await session.send(std::move(call), trouble);
    answer.identity_token = session.identity_token();
    if (reply) {
        answer.answered = true;
        if (reply->status == 200) co_return Status();
        co_return Error(Kind::internal,
                        fmt::format("login attempt to {} failed with status: {} {}", ping,
                                    reply->status,
                                    codec::http1::reason_phrase(static_cast<int>(reply->status))));
    }
    if (reply.error().kind() == Kind::cancelled) co_return reply.error();
    if (const auto& refused = session.token_refusal()) {
        answer.answered = true;
        co_return Error(refused->kind(), fmt::format("Get \"{}\": {}", ping, refused->text()));
    }
    if (!trouble.answered()) co_return trouble.error;
    answer.answered = true;
    // The token service could not be asked, or there is nothing to log in with.
    if (trouble.told && trouble.error.kind() != Kind::unauthorized) co_return trouble.error;
    if (trouble.told && user.empty()) co_return trouble.error;
    unsigned status = trouble.refusal.status;
    co_return Error(status == 401 ? Kind::unauthorized : Kind::internal,
                    fmt::format("login attempt to {} failed with status: {} {}", ping, status,
                                codec::http1::reason_phrase(static_cast<int>(status))));
}

}  // namespace

Result<std::string> login_host(std::string_view server) {
    if (server.empty() || server == hub_auth_address || server == hub_domain ||
        server == "index.docker.io" || server == hub_host)
        return std::string(hub_domain);
    std::string text(server);
    if (!text.starts_with("https://") && !text.starts_with("http://")) text = "https://" + text;
    auto url = codec::parse_url(text);
    if (!url)
        return Error(Kind::invalid,
                     fmt::format("unable to parse server address: {}", url.error().message()));
    bool port_named = server.find(fmt::format(":{}", url->port)) != server.npos;
    std::string host = port_named ? url->authority() : url->host_header();
    return host == "index.docker.io" || host == hub_host ? std::string(hub_domain) : host;
}

Task<Result<std::string>> login(const Link& link, LoginOrder order) {
    CO_TRY(std::string host, login_host(order.server));
    std::vector<Endpoint> endpoints = co_await find_endpoints(link.loop, link.registries, host);
    Error last(Kind::internal, "no endpoints found for " + host);
    for (Endpoint& endpoint : endpoints) {
        if (endpoint.mirror) continue;
        Answer answer;
        std::string base = endpoint.base;
        Status done = co_await login_at(link, std::move(endpoint), order.caller, answer);
        if (done) co_return std::move(answer.identity_token);
        if (answer.answered || done.error().kind() == Kind::cancelled) co_return done.error();
        base::log::debug("login did not reach the registry, trying the next endpoint endpoint={} "
                         "error={:?}",
                         base, done.error().message());
        last = done.error();
    }
    co_return last;
}

}  // namespace registry
