// ps: the list of containers.
#include "base/time.h"
#include "cli/context.h"
#include "cli/human.h"
#include "cli/rows.h"
#include "cli/table.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace cli {

namespace {

std::string joined(const Arguments& parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string host_and(const std::string& ip, const std::string& port) {
    return ip.find(':') == ip.npos ? ip + ":" + port : fmt::format("[{}]:{}", ip, port);
}

// Neighbours that are open only inside, or outside under the same number, are one range:
// "80-81/tcp, 0.0.0.0:90->90/tcp". Then the others, "0.0.0.0:8080->80/tcp".
std::string ports_text(const Value& ports) {
    struct Run {
        std::string ip, protocol;
        std::int64_t first, last;
    };
    std::vector<Value> sorted(ports.items().begin(), ports.items().end());
    std::ranges::sort(sorted, {}, [](const Value& port) {
        return std::tuple(port["PrivatePort"].integer(), port["IP"].text(),
                          port["PublicPort"].integer(), port["Type"].text());
    });
    Arguments texts;
    Arguments mapped;
    std::vector<Run> runs;
    auto text_of = [](const Run& run) {
        std::string range = std::to_string(run.first);
        if (run.last != run.first) range += fmt::format("-{}", run.last);
        if (!run.ip.empty()) range = host_and(run.ip, range) + "->" + range;
        return range + "/" + run.protocol;
    };
    for (const Value& port : sorted) {
        std::int64_t inside = port["PrivatePort"].integer();
        std::int64_t outside = port["PublicPort"].integer();
        const std::string& ip = port["IP"].text();
        const std::string& protocol = port["Type"].text();
        if (!ip.empty() && outside != inside) {
            mapped.push_back(
                fmt::format("{}->{}/{}", host_and(ip, std::to_string(outside)), inside, protocol));
            continue;
        }
        auto same = std::ranges::find_if(
            runs, [&](const Run& run) { return run.ip == ip && run.protocol == protocol; });
        if (same == runs.end()) {
            runs.push_back({ip, protocol, inside, inside});
        } else if (inside == same->last + 1) {
            same->last = inside;
        } else {
            texts.push_back(text_of(*same));
            same->first = same->last = inside;
        }
    }
    for (const Run& run : runs)
        texts.push_back(text_of(run));
    texts.insert(texts.end(), mapped.begin(), mapped.end());
    return joined(texts, ", ");
}

}  // namespace

Value container_row(const Value& c, bool trunc) {
    Value row = Value::object("*formatter.ContainerContext");
    std::string command = c["Command"].text();
    row.set("Command", codec::go_quote(trunc ? ellipsis(command, 20) : command));
    std::int64_t created = c["Created"].integer();
    row.set("CreatedAt", local_time(created));
    const std::string& id = c["Id"].text();
    row.set("ID", trunc ? short_id(id) : id);
    std::string image = c["Image"].text();
    if (image.empty()) image = "<no image>";
    // An image whose name moved on is listed by its id.
    if (trunc && image.starts_with("sha256:")) image = short_id(image);
    row.set("Image", image);
    Arguments labels;
    for (const Value::Member& label : c["Labels"].members())
        labels.push_back(label.name + "=" + label.value.text());
    row.set("Labels", joined(labels, ","));
    Arguments mounts;
    int local = 0;
    for (const Value& mount : c["Mounts"].items()) {
        std::string name =
            mount["Name"].text().empty() ? mount["Source"].text() : mount["Name"].text();
        mounts.push_back(trunc ? ellipsis(name, 15) : name);
        local += mount["Driver"].text() == "local";
    }
    row.set("LocalVolumes", std::to_string(local)).set("Mounts", joined(mounts, ","));
    Arguments names;
    for (const Value& name : c["Names"].items()) {
        std::string text = name.text().substr(name.text().starts_with('/') ? 1 : 0);
        // "/web/db" is a link's name for it, shown with --no-trunc only.
        if (!trunc || text.find('/') == text.npos) names.push_back(text);
    }
    row.set("Names", joined(names, ","));
    Arguments networks;
    for (const Value::Member& network : c["NetworkSettings"]["Networks"].members())
        networks.push_back(network.name);
    row.set("Networks", joined(networks, ",")).set("Platform", Value::nil("*formatter.Platform"));
    row.set("Ports", ports_text(c["Ports"]));
    row.set("RunningFor", human_duration(base::now().seconds() - created) + " ago");
    std::string size = human_size(static_cast<double>(c["SizeRw"].integer()), 3);
    if (c["SizeRootFs"].integer() > 0)
        size += fmt::format(" (virtual {})",
                            human_size(static_cast<double>(c["SizeRootFs"].integer()), 3));
    row.set("Size", size).set("State", c["State"]).set("Status", c["Status"]);
    Value all = c["Labels"];
    row.set("Label", Value::function([all](std::span<const Value> given) -> Result<Value> {
                if (given.size() != 1)
                    return Error(
                        Kind::invalid,
                        fmt::format("wrong number of args for Label: want 1 got {}", given.size()));
                return Value(all[given[0].text()].text());
            }));
    return row;
}

Value container_head() {
    Value head = Value::object("map[string]string");
    using Pair = std::pair<const char*, const char*>;
    for (auto [name, title] :
         {Pair("ID", "CONTAINER ID"), Pair("Names", "NAMES"), Pair("Image", "IMAGE"),
          Pair("Command", "COMMAND"), Pair("CreatedAt", "CREATED AT"),
          Pair("RunningFor", "CREATED"), Pair("Ports", "PORTS"), Pair("State", "STATE"),
          Pair("Status", "STATUS"), Pair("Size", "SIZE"), Pair("Labels", "LABELS"),
          Pair("Mounts", "MOUNTS"), Pair("LocalVolumes", "LOCAL VOLUMES"),
          Pair("Networks", "NETWORKS"), Pair("Platform", "PLATFORM")})
        head.set(name, title);
    head.set("Label", Value::function([](std::span<const Value> given) -> Result<Value> {
                 std::string name = given.empty() ? "" : given[0].text();
                 name.erase(0, name.rfind('.') + 1);  // npos + 1: nothing
                 std::ranges::replace_if(
                     name, [](char c) { return c == '-' || c == '_'; }, ' ');
                 return Value(std::move(name));
             }));
    return head;
}

namespace {

struct Listing {
    bool no_trunc = false, quiet = false, size = false;
    std::string format;
};

// What --format stands for.
std::string line_format(const Listing& listing) {
    if (listing.format == "raw" && listing.quiet) return "container_id: {{.ID}}";
    if (listing.format == "raw")
        return std::string("container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"
                           "created_at: {{.CreatedAt}}\nstate:{{pad .State 1 0}}\n"
                           "status:{{pad .Status 1 0}}\nnames: {{.Names}}\n"
                           "labels:{{pad .Labels 1 0}}\nports:{{pad .Ports 1 0}}\n") +
               (listing.size ? "size: {{.Size}}\n" : "");
    if (listing.quiet) return "{{.ID}}";
    if (!listing.format.empty() && listing.format != "table") return listing.format;
    return std::string("table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}"
                       "\t{{.Ports}}\t{{.Names}}") +
           (listing.size ? "\t{{.Size}}" : "");
}

// Whether sizes are shown. A template that is wrong is told before the engine is asked.
Result<bool> shows_size(const Listing& listing) {
    if (listing.size || listing.format.empty()) return listing.size;
    auto shape = codec::Template::parse(listing.format);
    if (!shape) return std::move(shape).error().context("failed to parse template");
    constexpr std::string_view mark = "\1the size\1";
    Value row = container_row(Value::object(), true);
    row.set("Size", mark);
    row.with_json(std::string(mark));
    std::string out;
    if (auto done = shape->execute(row, out); !done)
        return std::move(done).error().context("failed to execute template");
    return out.contains(mark) || listing.format.contains(".Size");
}

}  // namespace

Task<int> run_ps(Context& context, Arguments words) {
    bool all = false, latest = false;
    Listing listing;
    std::optional<std::int64_t> last;
    Arguments filters;
    FlagSet flags(context.program, "ps [OPTIONS]", "List containers");
    flags.boolean("all", 'a', all, "Show all containers, not only running ones");
    flags.filters(filters, "Show only what fits (status=exited, name=x ...)");
    flags.text("format", 0, listing.format,
               "'table', 'table TEMPLATE', 'json', 'raw' or a Go template");
    flags.integer("last", 'n', last, "Show the n last created containers");
    flags.boolean("latest", 'l', latest, "Show the last created container");
    flags.boolean("no-trunc", 0, listing.no_trunc, "Do not shorten");
    flags.boolean("quiet", 'q', listing.quiet, "Only ids");
    flags.boolean("size", 's', listing.size, "Show sizes");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    auto filter = filters_of(filters);
    if (!filter) co_return fail(filter.error(), 125);
    if (listing.quiet && !listing.format.empty())
        fail("WARNING: Ignoring custom format, because both --format and --quiet are set.");
    auto sizes = shows_size(listing);
    if (!sizes) co_return fail(sizes.error());
    if (listing.format.empty() && !listing.quiet)
        listing.format = context.config["psFormat"].text();
    Engine::Call call = get("/containers/json");
    if (latest && !last) last = 1;
    if (all) call.query.add("all", "1");
    if (last && *last > 0) call.query.add("limit", std::to_string(*last));
    if (*sizes) call.query.add("size", "1");
    if (!filter->empty()) call.query.add("filters", *filter);
    auto list = co_await context.engine.value(std::move(call));
    if (!list) co_return fail(list.error());
    std::vector<Value> rows;
    for (const Value& one : list->items())
        rows.push_back(container_row(one, !listing.no_trunc));
    auto out = render(line_format(listing), container_head(), rows);
    if (!out) co_return fail("template parsing error: " + out.error().message());
    print(*out);
    co_return 0;
}

}  // namespace cli
