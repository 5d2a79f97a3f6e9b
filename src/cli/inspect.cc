// inspect: documents as the engine gives them, indented, or through a template.
#include "cli/context.h"
#include "cli/go_types.h"
#include "cli/platform.h"
#include "codec/gotemplate.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace cli {

namespace {

struct Wanted {
    std::string format;
    bool size = false;
    std::string platform;  // as JSON; empty: any
};

// What was found, and what Go would call it.
struct Found {
    std::string text;
    std::string_view type;
};

struct KindOfObject {
    std::string_view name, type;
};
constexpr KindOfObject container{"containers", "container.InspectResponse"},
    image{"images", "image.InspectResponse"}, network{"networks", "network.Inspect"},
    volume{"volumes", "volume.Volume"};

// A template sees the struct docker's client knows, and where that has no such field the document
// itself.
Result<std::string> through(const codec::Template& shape, const Found& found) {
    TRY(Value document, codec::parse_value(found.text));
    std::string line;
    if (shape.execute(typed(found.type, document), line)) return line;
    line.clear();
    TRY_DO(shape.execute(document, line));
    return line;
}

// Documents as a list.
std::string listed(const std::vector<std::string>& documents, bool compact) {
    std::string list = fmt::format("[{}]", fmt::join(documents, ","));
    if (!compact) return codec::indent_json(list, "    ");
    auto parsed = codec::parse_value(list);
    return parsed ? parsed->json() : list;
}

Engine::Call call_for(const Wanted& wanted, const KindOfObject& kind, const std::string& name) {
    bool plain = kind.name == network.name || kind.name == volume.name;
    Engine::Call call = get(fmt::format("/{}/{}{}", kind.name, name, plain ? "" : "/json"));
    if (wanted.size && kind.name == container.name) call.query.add("size", "1");
    if (!wanted.platform.empty()) call.query.add("platform", wanted.platform);
    return call;
}

// The first kind of object that has the name.
Task<Result<Found>> find(Context& context, Wanted wanted, std::string name,
                         std::vector<KindOfObject> kinds) {
    Error last(Kind::missing, "");
    for (const KindOfObject& kind : kinds) {
        auto text = co_await context.engine.text(call_for(wanted, kind, name));
        if (text) {
            while (text->ends_with('\n'))
                text->pop_back();
            co_return Found{std::move(text).value(), kind.type};
        }
        last = std::move(text).error();
        // What an engine has not built, or does not have, is looked for elsewhere.
        if (last.kind() != Kind::missing && last.kind() != Kind::unsupported &&
            last.kind() != Kind::unavailable)
            break;
    }
    bool connected = last.message().starts_with("Error response");
    if (kinds.size() > 1 && connected && last.kind() != Kind::invalid)
        co_return Error(Kind::missing, "Error: No such object: " + name);
    co_return last;
}

Task<int> inspect(Context& context, Arguments names, Wanted wanted,
                  std::vector<KindOfObject> kinds) {
    std::optional<codec::Template> shape;
    if (!wanted.format.empty() && wanted.format != "json") {
        auto parsed = codec::Template::parse(wanted.format);
        if (!parsed) co_return fail("template parsing error: " + parsed.error().message(), 64);
        shape = std::move(parsed).value();
    }
    std::vector<std::string> documents;
    std::string lines;
    std::string trouble;
    for (const std::string& name : names) {
        auto found = co_await find(context, wanted, name, kinds);
        if (!found) {
            bool connected = found.error().message().starts_with("Error");
            trouble += found.error().message() + "\n";
            if (!connected) break;
        } else if (!shape) {
            documents.push_back(std::move(found->text));
        } else if (auto line = through(*shape, *found)) {
            lines += *line + "\n";
        } else {
            trouble += "template parsing error: " + line.error().message() + "\n";
        }
    }
    if (!shape) lines = listed(documents, wanted.format == "json");
    print(lines.ends_with('\n') ? lines : lines + "\n");
    if (trouble.empty()) co_return 0;
    trouble.pop_back();
    co_return fail(trouble);
}

}  // namespace

Task<int> run_inspect(Context& context, Arguments words) {
    Wanted wanted;
    std::string type;
    FlagSet flags(context.program, "inspect [OPTIONS] NAME|ID [NAME|ID...]",
                  "Return low-level information on Docker objects");
    flags.text("format", 'f', wanted.format, "'json' or a Go template");
    flags.boolean("size", 's', wanted.size, "Show sizes of containers");
    flags.text("type", 0, type, "Kind of object (container, image, network, volume)");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<KindOfObject> kinds{container, image, network, volume};
    auto only = std::ranges::find_if(
        kinds, [&](const KindOfObject& kind) { return kind.name == type + "s"; });
    if (only != kinds.end())
        kinds = {*only};
    else if (!type.empty())
        co_return fail(fmt::format(
            "unknown type: \"{}\": must be one of \"config\", \"container\", \"image\", "
            "\"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
            type));
    co_return co_await inspect(context, std::move(parsed.arguments), std::move(wanted),
                               std::move(kinds));
}

Task<int> run_container_inspect(Context& context, Arguments words) {
    Wanted wanted;
    FlagSet flags(context.program, "container inspect [OPTIONS] CONTAINER [CONTAINER...]",
                  "Display detailed information on containers");
    flags.text("format", 'f', wanted.format, "'json' or a Go template");
    flags.boolean("size", 's', wanted.size, "Show sizes");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    std::vector<KindOfObject> kinds{container};
    co_return co_await inspect(context, std::move(parsed.arguments), std::move(wanted),
                               std::move(kinds));
}

Task<int> run_image_inspect(Context& context, Arguments words) {
    Wanted wanted;
    std::string platform;
    FlagSet flags(context.program, "image inspect [OPTIONS] IMAGE [IMAGE...]",
                  "Display detailed information on images");
    flags.text("format", 'f', wanted.format, "'json' or a Go template");
    flags.text("platform", 0, platform, "Platform of a multi-platform image");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    if (!platform.empty()) {
        if (auto fits = co_await context.engine.needs("--platform", "1.49"); !fits)
            co_return fail(fits.error());
        auto parsed = parse_platform(platform);
        if (!parsed) co_return fail(parsed.error());
        wanted.platform = parsed->json();
    }
    std::vector<KindOfObject> kinds{image};
    co_return co_await inspect(context, std::move(parsed.arguments), std::move(wanted),
                               std::move(kinds));
}

}  // namespace cli
