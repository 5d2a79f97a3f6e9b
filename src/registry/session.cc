#include "registry/session.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/url.h"
#include "loop/net.h"
#include "registry/chance.h"
#include "registry/upload_answers.h"
#include "wire/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace registry {
namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;
constexpr std::size_t token_bytes_max = 1024 * 1024;

// Go's spelling: Get "https://host/v2/": dial tcp ...
Error in_request(std::string_view method, std::string_view url, const Error& error) {
    std::string verb = base::lowered(method);
    if (!verb.empty()) verb[0] = method[0];
    return error.context(fmt::format("{} \"{}\"", verb, url));
}

bool header_safe(std::string_view text) {
    for (char c : text)
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f)
            return false;
    return !text.empty();
}

}  // namespace

Session::Session(Loop& loop, Transport& transport, const PullSettings& settings, Endpoint endpoint,
                 std::string repository, Credentials credentials)
    : loop_(loop), transport_(transport), settings_(settings), endpoint_(std::move(endpoint)),
      repository_(std::move(repository)), credentials_(std::move(credentials)), authorizing_(loop) {
    if (header_safe(credentials_.registry_token))
        authorization_ = "Bearer " + credentials_.registry_token;
}

Session::Session(Loop& loop, Transport& transport, const PullSettings& settings, Endpoint endpoint,
                 std::string repository, Caller caller)
    : Session(loop, transport, settings, std::move(endpoint), std::move(repository),
              std::move(caller.credentials)) {
    headers_ = std::move(caller.headers);
}

std::string Session::url_of(std::string_view what) const {
    return fmt::format("{}/v2/{}/{}", endpoint_.base, repository_, what);
}

bool Session::is_ours(std::string_view url) const {
    auto ours = codec::parse_url(endpoint_.base), other = codec::parse_url(url);
    return ours && other && ours->same_origin(*other);
}

Result<std::string> Session::resolve(const std::string& from, const std::string& location) const {
    return resolve_location(from, location);
}

Task<Result<Reply>> Session::send_once(Request request, std::chrono::milliseconds timeout) {
    for (const auto& header : headers_)
        request.headers.push_back(header);
    request.trust.registry = endpoint_.host;
    request.trust.verify = endpoint_.verify;
    bool streamed = request.source != nullptr;
    Task<Result<Reply>> sending = transport_.send(std::move(request));
    if (streamed) co_return co_await std::move(sending);
    auto reply = co_await loop::within(loop_, timeout, std::move(sending));
    if (!reply && reply.error().kind() == Kind::timeout)
        co_return Error(
            Kind::timeout,
            "net/http: request canceled (Client.Timeout exceeded while awaiting headers)");
    co_return std::move(reply);
}

Task<Status> Session::ping() {
    Request request;
    request.url = endpoint_.base + "/v2/";
    std::string url = request.url;
    auto reply = co_await send_once(std::move(request), settings_.answer_timeout);
    if (!reply) co_return in_request("GET", url, reply.error());
    co_return Status();
}

Task<Result<std::string>> Session::read_body(Reply& reply, std::size_t bytes_max) {
    std::string out;
    Pace pace(settings_.stall_timeout, base::monotonic_ns());
    for (;;) {
        Task<Result<Slice>> reading = reply.body->read();
        auto part =
            co_await loop::within(loop_, pace.left(base::monotonic_ns()), std::move(reading));
        if (!part) co_return std::move(part).error();
        if (part->empty()) co_return out;
        pace.got(part->size(), base::monotonic_ns());
        if (out.size() + part->size() > bytes_max)
            co_return Error(Kind::too_large,
                            fmt::format("answer is larger than the limit of {} bytes", bytes_max));
        out += part->view();
    }
}

Task<Result<std::string>> Session::fetch_token(Challenge challenge) {
    auto realm = codec::parse_url(challenge.parameter("realm"));
    if (!realm) co_return Error(Kind::invalid, "invalid token realm in the registry's answer");
    // Credentials of a verified registry never travel in the clear (R1).
    if (!realm->https() && endpoint_.https && endpoint_.verify)
        co_return Error(Kind::denied,
                        fmt::format("token realm {} is not https", realm->printable()));
    std::string base = realm->scheme + "://" + realm->authority();
    std::string target = realm->target;
    std::string service(challenge.parameter("service"));
    std::vector<std::string> scopes = scopes_;
    if (std::string named(challenge.parameter("scope")); scopes.empty() && !named.empty())
        scopes.push_back(std::move(named));
    if (scopes.empty() && !repository_.empty())
        scopes.push_back("repository:" + repository_ + ":pull");
    Request request;
    request.headers = {{"Accept", "application/json"}};
    codec::Query query;
    if (!service.empty()) query.add("service", service);
    if (!credentials_.identity_token.empty()) {
        request.method = "POST";
        if (!scopes.empty()) query.add("scope", fmt::format("{}", fmt::join(scopes, " ")));
        if (ask_identity_) query.add("access_type", "offline");
        query.add("client_id", "docker");
        query.add("grant_type", "refresh_token");
        query.add("refresh_token", credentials_.identity_token);
        request.body = query.encode();
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    } else {
        for (const std::string& scope : scopes)
            query.add("scope", scope);
        if (ask_identity_) {
            query.add("offline_token", "true");
            query.add("client_id", "docker");
        }
        if (!credentials_.username.empty()) {
            query.add("account", credentials_.username);
            request.headers.emplace_back("Authorization", basic_header(credentials_));
        }
        target += (target.find('?') == std::string::npos ? "?" : "&") + query.encode();
    }
    request.url = base + target;
    std::string method = request.method;
    auto reply = co_await send_once(std::move(request), settings_.answer_timeout);
    if (!reply) co_return in_request(method, realm->printable(), reply.error());
    CO_TRY(std::string text, co_await read_body(*reply, token_bytes_max));
    if (reply->status >= 400) {
        Refusal refusal = read_refusal(reply->status, reply->header("www-authenticate"), text);
        token_refusal_ = refusal;
        co_return in_request(method, realm->printable(), Error(refusal.kind(), refusal.text()));
    }
    auto token = json::read<wire::oci::TokenReply>(text);
    // The document's text stays out of the message: it may hold the token.
    if (!token)
        co_return in_request(method, realm->printable(),
                             Error(Kind::internal, "invalid token answer"));
    std::string value = token->token.empty() ? token->access_token : token->token;
    if (!header_safe(value))
        co_return in_request(
            method, realm->printable(),
            Error(Kind::internal, "authorization server did not include a token in the response"));
    if (ask_identity_) identity_token_ = token->refresh_token;
    co_return value;
}

// Gets a new Authorization value. `used` is the one the registry refused; when another task has
// replaced it meanwhile there is nothing to do.
Task<Status> Session::authorize(std::string challenge_header, std::string used) {
    CO_TRY(auto lock, co_await authorizing_.lock());
    if (authorization_ != used) co_return Status();
    std::vector<Challenge> challenges = parse_challenges(challenge_header);
    if (const Challenge* bearer = find_challenge(challenges, "bearer")) {
        CO_TRY(std::string token, co_await fetch_token(*bearer));
        authorization_ = "Bearer " + token;
        co_return Status();
    }
    if (find_challenge(challenges, "basic") != nullptr) {
        if (credentials_.username.empty())
            co_return Error(Kind::unauthorized, "no basic auth credentials");
        std::string header = basic_header(credentials_);
        if (header == used)
            co_return Error(Kind::unauthorized, "unauthorized: authentication required");
        authorization_ = std::move(header);
        co_return Status();
    }
    co_return Error(Kind::unauthorized, "unauthorized: authentication required");
}

Task<Result<Reply>> Session::request(std::string method, std::string what, HeaderList headers,
                                     Trouble& trouble) {
    Call call;
    call.method = std::move(method);
    call.url = url_of(what);
    call.headers = std::move(headers);
    co_return co_await send(std::move(call), trouble);
}

Task<Result<Reply>> Session::send(Call call, Trouble& trouble) {
    // A registry that was asked for nothing secret gets nothing secret on other hosts.
    bool ours = is_ours(call.url);
    auto timeout = call.answer_timeout.count() > 0 ? call.answer_timeout : settings_.answer_timeout;
    for (int round = 0;; ++round) {
        std::string used = authorization_;
        Request request{.method = call.method,
                        .url = call.url,
                        .headers = call.headers,
                        .body = call.body,
                        .source = call.source,
                        .source_length = call.source_length,
                        .trust = {.registry = {}, .elsewhere = !ours}};
        if (ours && !used.empty()) request.headers.emplace_back("Authorization", used);
        auto reply = co_await send_once(std::move(request), timeout);
        trouble.failure = {};
        trouble.refusal = {};
        trouble.told = trouble.again = false;
        if (!reply) {
            // Docker pings /v2/ first, so that is the address its message names.
            trouble.error = in_request("GET", endpoint_.base + "/v2/", reply.error());
            co_return trouble.error;
        }
        if (reply->status < 400) co_return std::move(*reply);
        bool last = round == 2 || !ours;
        auto next = co_await refused(call, std::move(*reply), std::move(used), last, trouble);
        if (!trouble.again || call.source) co_return std::move(next);
    }
}

// What a status of 400 and more means. trouble.again: the request may be sent once more, with a new
// token.
Task<Result<Reply>> Session::refused(const Call& call, Reply reply, std::string used, bool last,
                                     Trouble& trouble) {
    unsigned status = reply.status;
    std::string challenge = reply.header("www-authenticate");
    std::string after = reply.header("retry-after");
    std::string text;
    if (call.method != "HEAD") {
        auto body = co_await read_body(reply, refusal_bytes_max);
        if (body) text = std::move(*body);
    }
    reply.body.reset();  // gives the connection back before asking elsewhere
    if (status == 401 && !last) {
        Status authorized = co_await authorize(challenge, used);
        trouble.refusal =
            Refusal{.status = 401, .code = "UNAUTHORIZED", .message = {}, .retry_after = {}};
        trouble.failure.status = 401;
        trouble.told = true;
        trouble.again = static_cast<bool>(authorized);
        trouble.error = authorized ? Error(Kind::unauthorized, "unauthorized: token refused")
                        : authorized.error().message() == "no basic auth credentials"
                            ? in_request(call.method, call.url, authorized.error())
                            : authorized.error();
        co_return trouble.error;
    }
    trouble.refusal = read_refusal(status, challenge, text);
    trouble.refusal.retry_after = parse_retry_after(after, base::now());
    trouble.failure = {.status = status, .retry_after = trouble.refusal.retry_after};
    trouble.error = Error(trouble.refusal.kind(), trouble.refusal.text());
    co_return trouble.error;
}

Task<Result<std::string>> Session::document(std::string what, std::string accept,
                                            std::size_t bytes_max, std::string& content_type,
                                            Trouble& trouble) {
    Attempts attempts(settings_.retry);
    for (;;) {
        HeaderList headers;
        if (!accept.empty()) headers.emplace_back("Accept", accept);
        auto reply = co_await request("GET", what, std::move(headers), trouble);
        if (reply) {
            content_type = reply->header("content-type");
            auto body = co_await read_body(*reply, bytes_max);
            if (body || body.error().kind() == Kind::too_large ||
                body.error().kind() == Kind::cancelled) {
                if (!body) trouble.error = body.error();
                co_return std::move(body);
            }
            trouble.refusal = {};
            trouble.failure = {};
            trouble.error = in_request(
                "GET", fmt::format("{}/v2/{}/{}", endpoint_.base, repository_, what), body.error());
        } else if (reply.error().kind() == Kind::cancelled) {
            co_return std::move(reply).error();
        }
        // A host that cannot be reached at all is told at once: the user is waiting at the prompt,
        // and a mirror's fall-back too.
        unsigned allowed = trouble.answered() ? settings_.retry.attempts_max
                                              : std::min(2U, settings_.retry.attempts_max);
        auto pause = attempts.failed(trouble.failure, 0, chance());
        if (!pause || attempts.made() >= allowed ||
            trouble.error.message().find("connection refused") != std::string::npos)
            co_return trouble.error;
        CO_TRY_DO(co_await loop::sleep(loop_, *pause));
    }
}

Task<std::vector<Endpoint>> find_endpoints(Loop& loop, const Registries& registries,
                                           std::string domain) {
    Addresses addresses;
    for (const std::string& host : registries.to_resolve(domain)) {
        std::string name(host_name(host));
        auto found = co_await loop::resolve(loop, name, 443);
        if (!found) continue;
        for (const auto& address : *found)
            addresses[host].emplace_back(host_name(address.text()));
    }
    co_return registries.endpoints(domain, addresses);
}

}  // namespace registry
