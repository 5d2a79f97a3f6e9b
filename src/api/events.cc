// GET /events: what happens, one JSON object a line, until the client or its `until` ends it.
#include "api/api.h"
#include "api/versions.h"
#include "codec/human.h"
#include "codec/json.h"

#include <algorithm>
#include <fmt/core.h>

namespace api {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view lines_type = "application/jsonl";
constexpr std::string_view sequence_type = "application/json-seq";

// The first media type of Accept that we can write; "*/*" is no wish. Before 1.52 there was one.
std::string_view media_type(const http::Request& request) {
    constexpr http::Version first_with_choice{1, 52};
    if (request.version() < first_with_choice) return json_type;
    std::string_view accept = request.headers().get("Accept");
    while (!accept.empty()) {
        std::string_view item = accept.substr(0, accept.find(','));
        accept.remove_prefix(std::min(accept.size(), item.size() + 1));
        item = item.substr(0, item.find(';'));
        while (item.starts_with(' '))
            item.remove_prefix(1);
        while (item.ends_with(' '))
            item.remove_suffix(1);
        for (std::string_view known :
             {json_type, lines_type, sequence_type, std::string_view("application/x-ndjson")})
            if (item == known) return known;
    }
    return lines_type;
}

Result<engine::EventQuery> read_query(const http::Request& request) {
    engine::EventQuery query;
    std::string since = request.query().text("since"), until = request.query().text("until");
    TRY(query.since, codec::parse_timestamp(since));
    TRY(query.until, codec::parse_timestamp(until));
    if (!query.until.is_never() && query.until < query.since)
        return Error(
            Kind::invalid,
            fmt::format("`since` time ({}) cannot be after `until` time ({})", since, until));
    TRY(query.filters, codec::Filters::parse(request.query().text("filters")));
    TRY_DO(engine::check_event_filters(query.filters));
    return query;
}

std::string line(wire::EventMessage event, http::Version version, bool sequence) {
    constexpr http::Version first_without_old_fields{1, 52};
    if (version >= first_without_old_fields) {
        event.status.clear();
        event.id.clear();
        event.from.clear();
    }
    constexpr char record_separator = 0x1e;  // RFC 7464
    std::string text;
    if (sequence) text += record_separator;
    json::append(text, event);
    text += '\n';
    return text;
}

}  // namespace

Task<Result<http::Reply>> events(engine::Events& bus, http::Request& request) {
    CO_TRY(engine::EventQuery query, read_query(request));
    std::string_view type = media_type(request);
    http::Headers headers;
    add_common_headers(headers);
    std::unique_ptr<engine::Events::Subscription> subscription = bus.subscribe(std::move(query));
    http::ReplyStream& out = request.stream(200, std::string(type), std::move(headers));
    CO_TRY_DO(co_await out.flush());
    while (true) {
        auto event = co_await subscription->next();
        if (!event && event.error().kind() == Kind::missing) co_return http::Reply::sent();
        // A reader that was cut off sees its answer break, not end.
        if (!event) co_return std::move(event).error();
        CO_TRY_DO(
            co_await out.write(line(std::move(*event), request.version(), type == sequence_type)));
    }
}

}  // namespace api
