#include "registry/search.h"

#include "codec/url.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace registry {

namespace {

constexpr std::size_t answer_bytes_max = 4 * 1024 * 1024;
constexpr std::int64_t limit_default = 25, limit_max = 100;

struct SearchReply {
    std::vector<SearchResult> results;
};

constexpr json::Field result_fields[] = {
    json::field<&SearchResult::star_count>("star_count"),
    json::field<&SearchResult::is_official>("is_official"),
    json::field<&SearchResult::name>("name"),
    json::field<&SearchResult::is_automated>("is_automated"),
    json::field<&SearchResult::description>("description"),
};
constinit const json::Table result_table{result_fields};
constexpr json::Field reply_fields[] = {json::field<&SearchReply::results>("results")};
constinit const json::Table reply_table{reply_fields};
const json::Table& json_table(const SearchReply*) {
    return reply_table;
}

Task<Result<std::vector<SearchResult>>> search_at(const Link& link, Endpoint endpoint,
                                                  std::string term, std::int64_t limit,
                                                  Caller caller, Trouble& trouble) {
    Session::Call call;
    codec::Query query;
    query.add("q", std::move(term));
    query.add("n", std::to_string(limit));
    call.url = fmt::format("{}/v1/search?{}", endpoint.base, query.encode());
    call.headers = {{"X-Docker-Token", "true"}};
    // As Docker: a user with an identity token gets a token for the catalog, a password is shown.
    bool with_token = !caller.credentials.identity_token.empty();
    if (!with_token && !caller.credentials.username.empty())
        call.headers.emplace_back("Authorization", basic_header(caller.credentials));
    if (!with_token) caller.credentials = {};
    std::string host = endpoint.host;
    Session session(link.loop, link.transport, link.settings, std::move(endpoint), "",
                    std::move(caller));
    if (with_token) session.set_scopes({"registry:catalog:search"});
    auto reply = co_await session.send(std::move(call), trouble);
    if (!reply && reply.error().kind() == Kind::cancelled) co_return std::move(reply).error();
    if (!reply && trouble.answered() && !trouble.told)
        co_return Error(trouble.refusal.kind(),
                        fmt::format("Unexpected status code {}", trouble.refusal.status));
    if (!reply) co_return std::move(reply).error();
    CO_TRY(std::string text, co_await session.read_body(*reply, answer_bytes_max));
    auto found = json::read<SearchReply>(text);
    if (!found)
        co_return Error(Kind::internal, fmt::format("error decoding registry index response: {}",
                                                    found.error().message()));
    co_return std::move(found->results);
}

}  // namespace

const json::Table& json_table(const SearchResult*) {
    return result_table;
}

std::pair<std::string, std::string> split_search_term(std::string_view term) {
    std::size_t slash = term.find('/');
    std::string_view first = term.substr(0, slash);
    bool host =
        slash != term.npos && (first.find_first_of(".:") != first.npos || first == "localhost");
    if (!host) return {std::string(hub_domain), std::string(term)};
    std::string_view rest = term.substr(slash + 1);
    bool hub = first == hub_domain || first == "index.docker.io";
    return {std::string(hub ? hub_domain : first), std::string(rest)};
}

Result<std::vector<SearchResult>> filter_results(const codec::Filters& filters,
                                                 std::vector<SearchResult> found) {
    TRY_DO(filters.allow_only({"is-automated", "is-official", "stars"}));
    TRY(bool automated, filters.boolean("is-automated", false));
    TRY(bool official, filters.boolean("is-official", false));
    std::int64_t stars = 0;
    for (const std::string& text : filters.values("stars")) {
        std::int64_t value = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (text.empty() || error != std::errc() || end != text.data() + text.size())
            return Error(Kind::invalid,
                         fmt::format("invalid filter 'stars={}': strconv.Atoi: parsing \"{}\": "
                                     "invalid syntax",
                                     text, text));
        stars = std::max(stars, value);
    }
    // Nothing is automated any more.
    if (automated) return std::vector<SearchResult>();
    std::erase_if(found, [&](const SearchResult& one) {
        return (filters.has("is-official") && one.is_official != official) ||
               (filters.has("stars") && one.star_count < stars);
    });
    for (SearchResult& one : found)
        one.is_automated = false;
    return found;
}

Task<Result<std::vector<SearchResult>>> search(const Link& link, SearchOrder order) {
    // A wrong filter is told without asking anybody.
    CO_TRY([[maybe_unused]] auto checked, filter_results(order.filters, {}));
    if (order.term.find("://") != std::string::npos)
        co_return Error(Kind::invalid, fmt::format("invalid repository name: repository name ({}) "
                                                   "should not have a scheme",
                                                   order.term));
    std::int64_t limit = order.limit == 0 ? limit_default : order.limit;
    if (limit < 1 || limit > limit_max)
        co_return Error(Kind::invalid,
                        fmt::format("limit {} is outside the range of [1, {}]", limit, limit_max));
    auto [domain, term] = split_search_term(order.term);
    std::vector<Endpoint> endpoints;
    if (domain == hub_domain) {
        if (term.starts_with("library/")) term.erase(0, 8);
        Endpoint hub;
        hub.base = hub_auth_address.substr(0, hub_auth_address.find("/v1/"));
        hub.host = "index.docker.io";
        endpoints.push_back(std::move(hub));
    } else {
        endpoints = co_await find_endpoints(link.loop, link.registries, domain);
    }
    Error last(Kind::internal, "no endpoints found for " + domain);
    for (Endpoint& endpoint : endpoints) {
        Trouble trouble{.failure = {}, .refusal = {}, .error = Error(Kind::internal, "")};
        std::string base = endpoint.base;
        auto found =
            co_await search_at(link, std::move(endpoint), term, limit, order.caller, trouble);
        if (found) co_return filter_results(order.filters, std::move(*found));
        last = found.error();
        if (trouble.answered() || last.kind() == Kind::cancelled) co_return last;
        if (domain != hub_domain)
            last = Error(Kind::invalid,
                         fmt::format("invalid registry endpoint {}/v1/: {}", base, last.message()));
    }
    co_return last;
}

}  // namespace registry
