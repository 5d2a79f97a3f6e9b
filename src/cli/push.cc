// push.
#include "cli/console.h"
#include "cli/context.h"
#include "cli/platform.h"

namespace cli {

namespace {

constexpr std::string_view platform_note =
    "\n Info -> Using --platform pushes only the specified platform manifest of a multi-platform "
    "image index.\n"
    "         Other components, like attestations, will not be included.\n"
    "         To push the complete multi-platform image, remove the --platform flag.\n"
    "         \n";

}  // namespace

Task<int> run_push(Context& context, Arguments words) {
    bool all_tags = false, quiet = false, untrusted = true;
    std::string platform, compression;
    FlagSet flags(context.program, "push [OPTIONS] NAME[:TAG]", "Upload an image to a registry");
    flags.boolean("all-tags", 'a', all_tags, "Push all tags of the image to the repository");
    flags.text("compression", 0, compression, "How layers are packed: gzip or zstd");
    flags.boolean("disable-content-trust", 0, untrusted, "Skip image signing");
    flags.text("platform", 0, platform, "Push only what is for this platform, os/arch[/variant]");
    flags.boolean("quiet", 'q', quiet, "Say nothing but the name");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    Engine::Call call;
    if (!platform.empty()) {
        if (auto fits = co_await context.engine.needs("--platform", "1.46"); !fits)
            co_return fail(fits.error());
        auto wanted = parse_platform(platform);
        if (!wanted) {
            put(2, "Invalid platform " + platform);
            co_return fail(wanted.error());
        }
        print(platform_note);
        call.query.add("platform", wanted->json());
    }
    std::string image = parsed.arguments[0];
    if (auto named = check_reference(image); !named) co_return fail(named.error());
    std::string name = full_name(image);
    // A colon before the last slash belongs to the registry's port.
    std::size_t slash = image.rfind('/');
    bool tagged = image.find('@') != image.npos ||
                  image.find(':', slash == image.npos ? 0 : slash) != image.npos;
    if (all_tags && tagged) co_return fail("tag can't be used with --all-tags/-a");
    if (image.find('@') != image.npos) co_return fail("cannot push a digest reference");
    if (!tagged && !quiet && !all_tags) print("Using default tag: latest\n");
    std::string repository = repository_of(name);
    call.method = "POST";
    call.path = "/images/" + repository + "/push";
    if (!all_tags) call.query.add("tag", name.substr(name.rfind(':') + 1));
    if (!compression.empty()) call.query.add("compression", compression);
    call.headers.set("X-Registry-Auth", registry_auth(context.config, image));
    auto answer = co_await context.engine.request(std::move(call));
    if (!answer) co_return fail(answer.error());
    auto done = co_await show_progress(**answer, 1, quiet);
    if (!done) co_return fail(done.error());
    if (quiet) print((all_tags ? repository : name) + "\n");
    co_return 0;
}

}  // namespace cli
