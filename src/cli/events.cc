// events: what happens, as it happens.
#include "base/time.h"
#include "cli/context.h"
#include "cli/go_types.h"
#include "cli/human.h"
#include "codec/gotemplate.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace cli {

namespace {

// RFC 3339 with nine digits in the local zone.
std::string stamp(std::int64_t ns) {
    std::time_t seconds = ns / 1000000000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char date[32];
    std::string out(date, std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts));
    out += fmt::format(".{:09}", ns % 1000000000);
    if (parts.tm_gmtoff == 0) return out + "Z";
    long minutes = std::labs(parts.tm_gmtoff) / 60;
    return out + fmt::format("{}{:02}:{:02}", parts.tm_gmtoff < 0 ? '-' : '+', minutes / 60,
                             minutes % 60);
}

std::string line_of(const Value& event) {
    std::string out =
        fmt::format("{} {} {} {}", stamp(event["timeNano"].integer()), event["Type"].text(),
                    event["Action"].text(), event["Actor"]["ID"].text());
    Arguments attributes;
    for (const Value::Member& one : event["Actor"]["Attributes"].members())
        attributes.push_back(one.name + "=" + one.value.text());
    std::ranges::sort(attributes);
    if (!attributes.empty()) out += fmt::format(" ({})", fmt::join(attributes, ", "));
    return out + "\n";
}

}  // namespace

Task<int> run_events(Context& context, Arguments words) {
    std::string since, until, format;
    Arguments filters;
    FlagSet flags(context.program, "events [OPTIONS]", "Get real time events from the server");
    flags.filters(filters, "Show only what fits (type=container, event=die ...)");
    flags.text("format", 0, format, "'json' or a Go template");
    flags.text("since", 0, since, "Begin with events since this time");
    flags.text("until", 0, until, "End at this time");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    std::optional<codec::Template> shape;
    if (!format.empty()) {
        auto made = codec::Template::parse(format == "json" ? "{{json .}}" : format);
        if (!made) co_return fail("Error parsing format: " + made.error().message(), 64);
        // Told now, not when the first event comes.
        std::string nothing;
        auto tried = made->execute(typed("*events.Message", Value::object()), nothing);
        if (!tried) co_return fail("Error parsing format: " + tried.error().message(), 64);
        shape = std::move(made).value();
    }
    auto filter = filters_of(filters);
    if (!filter) co_return fail(filter.error(), 125);
    Engine::Call call = get("/events");
    for (auto [name, text] : {std::pair("since", &since), std::pair("until", &until)}) {
        if (text->empty()) continue;
        auto moment = parse_moment(*text);
        if (!moment) co_return fail(moment.error());
        call.query.add(name, *moment);
    }
    if (!filter->empty()) call.query.add("filters", *filter);
    auto answer = co_await context.engine.request(std::move(call));
    if (!answer) co_return fail(answer.error());
    for (;;) {
        auto event = co_await (*answer)->next_value();
        if (!event) co_return fail(event.error());
        if (event->is_null()) co_return 0;
        if (!shape) {
            print(line_of(*event));
            continue;
        }
        std::string out;
        auto done = shape->execute(typed("*events.Message", *event), out);
        if (!done) co_return fail(done.error());
        print(out + "\n");
    }
}

}  // namespace cli
