// inspect: documents as the engine gives them, indented, or through a template.
#include "cli/context.h"
#include "cli/table.h"

#include <fmt/format.h>

namespace cli {

namespace {

struct Wanted {
    std::string format;
    bool size = false;
};

// What prints as an empty text, list or map although the document has a null or nothing there.
void add_kinder_fields(Value& document) {
    if (!document.find("Config")) return;
    Value& config = document.at("Config");
    auto kinder = [&](std::string_view name, Value value) {
        if (config.find(name) == nullptr)
            config.set_omitted(name, std::move(value));
        else if (config[name].is_null())
            config.set(name, std::move(value));
    };
    for (const char* name :
         {"StopSignal", "MacAddress", "Domainname", "Hostname", "User", "WorkingDir"})
        kinder(name, "");
    for (const char* name : {"OnBuild", "Shell", "Cmd", "Env", "Entrypoint"})
        kinder(name, Value::array());
    for (const char* name : {"ExposedPorts", "Volumes", "Labels"})
        kinder(name, Value::object());
}

// Fields the engine leaves out when empty, which templates may still name.
void add_optional_fields(Value& document) {
    auto optional = [](Value& at, std::string_view name, Value value) {
        if (at.is_object() && at.find(name) == nullptr) at.set_omitted(name, std::move(value));
    };
    if (document.find("HostConfig")) {
        Value& host = document.at("HostConfig");
        for (const char* name : {"Annotations", "Init", "Mounts", "StorageOpt", "Sysctls", "Tmpfs"})
            optional(host, name, Value());
    }
    if (document.find("State")) optional(document.at("State"), "Health", Value());
    if (document.find("Config"))
        for (const char* name : {"Cmd", "Domainname", "Entrypoint", "Env", "ExposedPorts",
                                 "Healthcheck", "Hostname", "Labels", "MacAddress", "OnBuild",
                                 "Shell", "StopSignal", "StopTimeout", "User", "Volumes",
                                 "WorkingDir"})
            optional(document.at("Config"), name, Value());
    for (const char* name : {"SizeRw", "SizeRootFs"})
        optional(document, name, Value());
}

// Documents so far; ends `docker inspect` in its way, also after a failure.
int show(const std::vector<std::string>& documents, const Wanted& wanted,
         const std::string& trouble) {
    std::string out;
    std::string failed = trouble;
    if (wanted.format.empty() || wanted.format == "json") {
        std::string list = fmt::format("[{}]", fmt::join(documents, ","));
        if (wanted.format == "json") {
            auto parsed = codec::parse_value(list);
            out = (parsed ? parsed->json() : list) + "\n";
        } else {
            out = codec::indent_json(list, "    ") + "\n";
        }
    } else {
        auto parsed = codec::Template::parse(wanted.format);
        if (!parsed) return fail("template parsing error: " + parsed.error().message());
        for (const std::string& text : documents) {
            auto document = codec::parse_value(text);
            if (!document) return fail(document.error());
            // {{json .Config}} shows a null as null: only other templates get the kinder form.
            if (wanted.format.find("json") == wanted.format.npos)
                add_kinder_fields(*document);
            add_optional_fields(*document);
            std::string line;
            auto done = parsed->execute(*document, line);
            if (!done) {
                failed = "template parsing error: " + done.error().message();
                break;
            }
            out += line + "\n";
        }
        if (out.empty()) out = "\n";
    }
    print(out);
    return failed.empty() ? 0 : fail(failed);
}

Task<int> inspect(Context& context, Arguments names, Wanted wanted,
                  std::vector<std::string> kinds) {
    std::vector<std::string> documents;
    std::string trouble;
    for (const std::string& name : names) {
        std::string found;
        Error last(Kind::missing, "");
        for (const std::string& kind : kinds) {
            Engine::Call call = get("/" + kind + "/" + name +
                                    (kind == "containers" || kind == "images" ? "/json" : ""));
            if (wanted.size && kind == "containers") call.query.add("size", "1");
            auto text = co_await context.engine.text(std::move(call));
            if (text) {
                found = std::move(text).value();
                break;
            }
            last = std::move(text).error();
            // What an engine has not built, or does not have, is looked for elsewhere.
            if (last.kind() != Kind::missing && last.kind() != Kind::unsupported &&
                last.kind() != Kind::unavailable)
                break;
        }
        if (!found.empty()) {
            while (found.ends_with('\n'))
                found.pop_back();
            documents.push_back(std::move(found));
            continue;
        }
        bool connected = last.message().starts_with("Error response");
        std::string text = kinds.size() > 1 && connected && last.kind() != Kind::invalid
                               ? "Error: No such object: " + name
                               : last.message();
        trouble += (trouble.empty() ? "" : "\n") + text;
        if (!connected) break;
    }
    co_return show(documents, wanted, trouble);
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
    std::vector<std::string> kinds{"containers", "images", "networks", "volumes"};
    if (type == "container" || type == "image" || type == "network" || type == "volume")
        kinds = {type + "s"};
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
    std::vector<std::string> kinds{"containers"};
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
    std::vector<std::string> kinds{"images"};
    co_return co_await inspect(context, std::move(parsed.arguments), std::move(wanted),
                               std::move(kinds));
}

}  // namespace cli
