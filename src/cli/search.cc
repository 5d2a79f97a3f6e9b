// search: what a registry has to offer.
#include "cli/context.h"
#include "cli/human.h"
#include "cli/table.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

namespace {

Value result_row(const Value& found, bool trunc) {
    Value row = Value::object("*registry.searchContext");
    std::string about = found["description"].text();
    std::ranges::replace_if(
        about, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    bool official = found["is_official"].flag();
    row.set("Description", trunc ? ellipsis(about, 45) : about);
    row.set("IsOfficial", official ? "[OK]" : "");
    row.set("Name", found["name"].text());
    row.set("StarCount", std::to_string(found["star_count"].integer()));
    Value json = row;
    json.set("IsOfficial", official ? "true" : "false");
    return row.with_json(row_json(json));
}

}  // namespace

Task<int> run_search(Context& context, Arguments words) {
    bool no_trunc = false;
    std::optional<std::int64_t> limit;
    std::string format;
    Arguments filters;
    FlagSet flags(context.program, "search [OPTIONS] TERM", "Search Docker Hub for images");
    flags.filters(filters, "Show only what fits (is-official=true, stars=3)");
    flags.text("format", 0, format, "'table', 'table TEMPLATE', 'json' or a Go template");
    flags.integer("limit", 0, limit, "Max number of search results");
    flags.boolean("no-trunc", 0, no_trunc, "Don't truncate output");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    auto filter = filters_of(filters);
    if (!filter) co_return fail(filter.error(), 125);
    Engine::Call call = get("/images/search");
    call.query.add("term", parsed.arguments[0]);
    if (limit && *limit > 0) call.query.add("limit", std::to_string(*limit));
    if (!filter->empty()) call.query.add("filters", *filter);
    call.headers.set("X-Registry-Auth", registry_auth(context.config, parsed.arguments[0]));
    auto list = co_await context.engine.value(std::move(call));
    if (!list) co_return fail(list.error());
    if (format.empty() || format == "table")
        format = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}";
    std::vector<Value> rows;
    for (const Value& found : list->items())
        rows.push_back(result_row(found, !no_trunc));
    Value head = Value::object("*registry.searchContext");
    using Pair = std::pair<const char*, const char*>;
    for (auto [name, title] : {Pair("Name", "NAME"), Pair("Description", "DESCRIPTION"),
                               Pair("StarCount", "STARS"), Pair("IsOfficial", "OFFICIAL")})
        head.set(name, title);
    auto out = render(format, head, rows);
    if (!out) co_return fail("template parsing error: " + out.error().message());
    print(*out);
    co_return 0;
}

}  // namespace cli
