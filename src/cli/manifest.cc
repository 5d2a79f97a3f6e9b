// manifest inspect. The engine asks the registry: its certificates, mirrors and proxies count.
#include "cli/context.h"
#include "codec/base64.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

namespace {

constexpr std::string_view list_types[] = {
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json"};

struct Found {
    Value descriptor, platforms, manifest;
    std::string text;  // of the manifest
};

Task<Result<Found>> ask(Context& context, std::string image) {
    Engine::Call call = get("/distribution/" + image + "/json");
    call.query.add("manifest", "1");
    call.headers.set("X-Registry-Auth", registry_auth(context.config, image));
    auto answer = co_await context.engine.value(std::move(call));
    if (!answer && answer.error().message().contains("manifest unknown"))
        co_return Error(Kind::missing,
                        fmt::format("no such manifest: {}", familiar_with_tag(image)));
    if (!answer) co_return std::move(answer).error();
    Value told = std::move(answer).value();
    Found found;
    found.descriptor = told["Descriptor"];
    found.platforms = told["Platforms"];
    found.text = told["Manifest"].text();
    if (found.text.empty())
        co_return Error(Kind::unsupported, "this engine tells no manifests (only lighterd does)");
    CO_TRY(found.manifest, codec::parse_value(found.text));
    co_return found;
}

// As docker's client tells it: what it needs of the platform alone.
Value platform_of(const Value& platform) {
    Value out = Value::object();
    for (const char* name : {"architecture", "os", "os.version", "os.features", "variant"})
        if (const Value* given = platform.find(name); given && !given->is_null())
            out.set(name, *given);
    return out;
}

Value verbose_of(const std::string& image, const Found& found, const Value& platform) {
    Value out = Value::object(), descriptor = Value::object();
    const std::string& type = found.descriptor["mediaType"].text();
    descriptor.set("mediaType", type).set("digest", found.descriptor["digest"]);
    descriptor.set("size", found.descriptor["size"]);
    descriptor.set("platform", platform_of(platform));
    out.set("Ref", image).set("Descriptor", descriptor);
    out.set("Raw", codec::base64(found.text));
    bool oci = type.find("vnd.oci.") != type.npos;
    return out.set(oci ? "OCIManifest" : "SchemaV2Manifest", found.manifest);
}

std::string indented(const Value& document) {
    return codec::indent_json(document.json(), "\t") + "\n";
}

}  // namespace

Task<int> run_manifest_inspect(Context& context, Arguments words) {
    bool insecure = false, verbose = false;
    FlagSet flags(context.program, "manifest inspect [OPTIONS] [MANIFEST_LIST] MANIFEST",
                  "Display an image manifest, or manifest list");
    flags.boolean("insecure", 0, insecure, "Allow communication with an insecure registry");
    flags.boolean("verbose", 'v', verbose, "Output additional info including layers and platform");
    Parsed parsed = parse_command(flags, words, {1, 2});
    if (parsed.exit) co_return *parsed.exit;
    if (insecure)
        co_return fail("manifest inspect --insecure: which registries are insecure is the engine's "
                       "to know (--insecure-registry)");
    if (parsed.arguments.size() > 1)
        co_return fail("manifest lists of one's own (manifest create) are not built yet");
    std::string image = parsed.arguments[0];
    if (auto named = check_reference(image); !named) co_return fail(named.error());
    auto found = co_await ask(context, image);
    if (!found) co_return fail(found.error());
    std::string name = full_name(image);
    std::string type = found->descriptor["mediaType"].text();
    bool list = std::ranges::find(list_types, type) != std::end(list_types);
    if (!list) {
        const Value::Array& platforms = found->platforms.items();
        Value platform = platforms.empty() ? Value() : platforms[0];
        print(verbose ? indented(verbose_of(name, *found, platform))
                      : codec::indent_json(found->text, "\t") + "\n");
        co_return 0;
    }
    if (!verbose) {
        print(codec::indent_json(found->text, "   ") + "\n");
        co_return 0;
    }
    Value all = Value::array();
    for (const Value& entry : found->manifest["manifests"].items()) {
        std::string one = fmt::format("{}@{}", repository_of(image), entry["digest"].text());
        auto part = co_await ask(context, one);
        if (!part) co_return fail(part.error());
        std::string shown = fmt::format("{}@{}", name, entry["digest"].text());
        all.push(verbose_of(shown, *part, entry["platform"]));
    }
    print(indented(all));
    co_return 0;
}

}  // namespace cli
