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

// What was found; ends `docker inspect` in its way, also after a failure.
int show(const std::vector<Found>& documents, const codec::Template* shape, bool compact,
         const std::string& trouble) {
    std::string out;
    std::string failed;
    if (!shape) {
        std::string list = "[";
        for (const Found& one : documents)
            list += (list.size() > 1 ? "," : "") + one.text;
        list += "]";
        auto parsed = compact ? codec::parse_value(list) : Value();
        out = (!compact ? codec::indent_json(list, "    ") : parsed ? parsed->json() : list) + "\n";
    } else {
        for (const Found& one : documents) {
            auto line = through(*shape, one);
            if (line)
                out += *line + "\n";
            else
                failed += "template parsing error: " + line.error().message() + "\n";
        }
        if (out.empty()) out = "\n";
    }
    print(out);
    failed += trouble;
    while (failed.ends_with('\n'))
        failed.pop_back();
    return failed.empty() ? 0 : fail(failed);
}

Engine::Call call_for(const Wanted& wanted, const KindOfObject& kind, const std::string& name) {
    bool plain = kind.name == network.name || kind.name == volume.name;
    Engine::Call call = get(fmt::format("/{}/{}{}", kind.name, name, plain ? "" : "/json"));
    if (wanted.size && kind.name == container.name) call.query.add("size", "1");
    if (!wanted.platform.empty()) call.query.add("platform", wanted.platform);
    return call;
}

Task<int> inspect(Context& context, Arguments names, Wanted wanted,
                  std::vector<KindOfObject> kinds) {
    std::optional<codec::Template> shape;
    if (!wanted.format.empty() && wanted.format != "json") {
        auto parsed = codec::Template::parse(wanted.format);
        if (!parsed) co_return fail("template parsing error: " + parsed.error().message(), 64);
        shape = std::move(parsed).value();
    }
    std::vector<Found> documents;
    std::string trouble;
    for (const std::string& name : names) {
        std::optional<Found> found;
        Error last(Kind::missing, "");
        for (const KindOfObject& kind : kinds) {
            auto text = co_await context.engine.text(call_for(wanted, kind, name));
            if (text) {
                found = Found{std::move(text).value(), kind.type};
                break;
            }
            last = std::move(text).error();
            // What an engine has not built, or does not have, is looked for elsewhere.
            if (last.kind() != Kind::missing && last.kind() != Kind::unsupported &&
                last.kind() != Kind::unavailable)
                break;
        }
        if (found) {
            while (found->text.ends_with('\n'))
                found->text.pop_back();
            documents.push_back(std::move(*found));
            continue;
        }
        bool connected = last.message().starts_with("Error response");
        std::string text = kinds.size() > 1 && connected && last.kind() != Kind::invalid
                               ? "Error: No such object: " + name
                               : last.message();
        trouble += text + "\n";
        if (!connected) break;
    }
    co_return show(documents, shape ? &*shape : nullptr, wanted.format == "json", trouble);
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
        auto parsed = parse_platform(platform);
        if (!parsed) co_return fail(parsed.error());
        if (auto spoken = co_await context.engine.needs("platform", "1.49"); !spoken)
            co_return fail(spoken.error());
        wanted.platform = parsed->json();
    }
    std::vector<KindOfObject> kinds{image};
    co_return co_await inspect(context, std::move(parsed.arguments), std::move(wanted),
                               std::move(kinds));
}

}  // namespace cli
