// pull, images, rmi, tag.
#include "base/time.h"
#include "cli/console.h"
#include "cli/context.h"
#include "cli/credentials.h"
#include "cli/human.h"
#include "cli/platform.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "codec/base64.h"
#include "codec/human.h"

#include <ctime>
#include <fmt/format.h>

namespace cli {

Task<Status> pull(Context& context, std::string image, std::string platform, bool quiet, int fd,
                  bool all_tags, std::string limit_rate) {
    std::string name = full_name(image);
    std::size_t at = name.find('@');
    std::size_t mark = at != name.npos ? at : name.rfind(':');
    Engine::Call call = post("/images/create");
    call.query.add("fromImage", repository_of(name));
    if (!all_tags) call.query.add("tag", name.substr(mark + 1));
    if (!platform.empty()) call.query.add("platform", platform);
    if (!limit_rate.empty()) call.query.add("limitRate", limit_rate);
    call.headers.set("X-Registry-Auth", registry_auth(context.config, image));
    auto answer = co_await context.engine.request(call);
    if (!answer && answer.error().kind() == Kind::unauthorized && is_terminal(0)) {
        // Once more, with what the user knows.
        print("\nLogin prior to pull:\n");
        std::string server = server_of(image);
        std::string known = find_credentials(context.config, server).value_or({}).username;
        CO_TRY(Credentials asked, ask_credentials(server, "", "", known));
        call.headers.set("X-Registry-Auth",
                         codec::base64(asked.document().json(), codec::Base64::url));
        answer = co_await context.engine.request(std::move(call));
    }
    if (!answer) co_return std::move(answer).error();
    co_return co_await show_progress(**answer, fd, quiet);
}

Task<int> run_pull(Context& context, Arguments words) {
    bool all_tags = false, quiet = false, untrusted = true;
    std::string platform, limit_rate;
    FlagSet flags(context.program, "pull [OPTIONS] NAME[:TAG|@DIGEST]",
                  "Download an image from a registry");
    flags.boolean("all-tags", 'a', all_tags, "Download all tagged images of the repository");
    flags.boolean("disable-content-trust", 0, untrusted, "Skip image verification");
    flags.text("limit-rate", 0, limit_rate, "Bytes a second to take at most (500k, 2m)");
    flags.text("platform", 0, platform, "Platform of the image, os/arch[/variant]");
    flags.boolean("quiet", 'q', quiet, "Say nothing but the name");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    std::string image = parsed.arguments[0];
    auto named = check_reference(image);
    if (!named) co_return fail(named.error());
    // A colon before the last slash belongs to the registry's port.
    std::size_t slash = image.rfind('/');
    bool tagged = image.find('@') != image.npos ||
                  image.find(':', slash == image.npos ? 0 : slash) != image.npos;
    if (all_tags && tagged) co_return fail("tag can't be used with --all-tags/-a");
    if (!platform.empty())
        if (auto fits = co_await context.engine.needs("--platform", "1.32"); !fits)
            co_return fail(fits.error());
    if (!limit_rate.empty()) {
        auto rate = codec::parse_bytes(limit_rate);
        if (!rate || *rate < 1)
            co_return fail(
                fmt::format("invalid argument \"{}\" for \"--limit-rate\" flag", limit_rate), 125);
        // A dockerd would look away, and the line be full.
        auto version = co_await context.engine.value(get("/version"));
        if (!version) co_return fail(version.error());
        if ((*version)["Platform"]["Name"].text() != "Lighter")
            co_return fail("--limit-rate needs Lighter's engine");
    }
    if (!tagged && !quiet && !all_tags) print("Using default tag: latest\n");
    auto done = co_await pull(context, image, platform, quiet, 1, all_tags, limit_rate);
    if (!done) co_return fail(done.error());
    print((all_tags ? repository_of(full_name(image)) : full_name(image)) + "\n");
    co_return 0;
}

namespace {

Value row_of(const Value& image, std::string repository, std::string tag, std::string digest,
             bool trunc) {
    Value row = Value::object("*formatter.imageContext");
    auto size = static_cast<double>(image["Size"].integer());
    std::int64_t created = image["Created"].integer();
    std::int64_t containers = image["Containers"].integer(-1);
    std::int64_t shared = image["SharedSize"].integer(-1);
    auto size_or_na = [](std::int64_t bytes) {
        return bytes < 0 ? std::string("N/A") : human_size(static_cast<double>(bytes), 4);
    };
    row.set("Containers", containers < 0 ? "N/A" : std::to_string(containers));
    row.set("CreatedAt", local_time(created));
    row.set("CreatedSince", human_duration(base::now().seconds() - created) + " ago");
    row.set("Digest", std::move(digest));
    row.set("ID", trunc ? short_id(image["Id"].text()) : image["Id"].text());
    row.set("Repository", std::move(repository)).set("SharedSize", size_or_na(shared));
    row.set("Size", human_size(size, 3)).set("Tag", std::move(tag));
    row.set("UniqueSize", shared < 0 ? "N/A" : size_or_na(image["Size"].integer() - shared));
    row.set("VirtualSize", human_size(size, 4));
    return row;
}

}  // namespace

void add_image_rows(std::vector<Value>& rows, const Value& image, bool trunc, bool digests) {
    auto dangling = [](const std::string& name) { return name.starts_with("<none>"); };
    bool any = false;
    auto digest_of = [&](const std::string& repository) {
        for (const Value& digest : image["RepoDigests"].items()) {
            std::size_t at = digest.text().find('@');
            if (digest.text().substr(0, at) == repository && at != std::string::npos)
                return digest.text().substr(at + 1);
        }
        return std::string("<none>");
    };
    for (const Value& name : image["RepoTags"].items()) {
        if (dangling(name.text())) continue;
        std::size_t colon = name.text().rfind(':');
        std::string repository = name.text().substr(0, colon);
        rows.push_back(row_of(image, repository, name.text().substr(colon + 1),
                              digests ? digest_of(repository) : "<none>", trunc));
        any = true;
    }
    if (any) return;
    for (const Value& digest : image["RepoDigests"].items()) {
        if (dangling(digest.text())) continue;
        std::string repository = digest.text().substr(0, digest.text().find('@'));
        rows.push_back(
            row_of(image, repository, "<none>", digests ? digest_of(repository) : "<none>", trunc));
        any = true;
    }
    if (!any) rows.push_back(row_of(image, "<none>", "<none>", "<none>", trunc));
}

namespace {

// What --format stands for.
std::string line_format(const std::string& format, bool quiet, bool digests) {
    if (format == "raw" && quiet) return "image_id: {{.ID}}";
    if (format == "raw")
        return fmt::format("repository: {{{{.Repository}}}}\ntag: {{{{.Tag}}}}\n{}image_id: "
                           "{{{{.ID}}}}\ncreated_at: {{{{.CreatedAt}}}}\nvirtual_size: "
                           "{{{{.Size}}}}\n",
                           digests ? "digest: {{.Digest}}\n" : "");
    if (!format.empty() && format != "table") return format;
    if (quiet) return "{{.ID}}";
    return fmt::format(
        "table {{{{.Repository}}}}\t{{{{.Tag}}}}\t{}{{{{.ID}}}}\t{{{{.CreatedSince}}}}\t"
        "{{{{.Size}}}}",
        digests ? "{{.Digest}}\t" : "");
}

}  // namespace

Value image_head() {
    Value head = Value::object("map[string]string");
    using Pair = std::pair<const char*, const char*>;
    for (auto [name, title] :
         {Pair("ID", "IMAGE ID"), Pair("Repository", "REPOSITORY"), Pair("Tag", "TAG"),
          Pair("Digest", "DIGEST"), Pair("CreatedSince", "CREATED"),
          Pair("CreatedAt", "CREATED AT"), Pair("Size", "SIZE"), Pair("Containers", "CONTAINERS"),
          Pair("VirtualSize", "SIZE"), Pair("SharedSize", "SHARED SIZE"),
          Pair("UniqueSize", "UNIQUE SIZE")})
        head.set(name, title);
    return head;
}

Task<int> run_images(Context& context, Arguments words) {
    bool all = false, digests = false, no_trunc = false, quiet = false, tree = false;
    std::string format;
    Arguments filters;
    FlagSet flags(context.program, "images [OPTIONS] [REPOSITORY[:TAG]]", "List images");
    flags.boolean("all", 'a', all, "Show intermediate images too");
    flags.boolean("digests", 0, digests, "Show digests");
    flags.filters(filters, "Show only what fits (dangling=true, reference=x ...)");
    flags.text("format", 0, format, "'table', 'table TEMPLATE', 'json' or a Go template");
    flags.boolean("no-trunc", 0, no_trunc, "Do not shorten");
    flags.boolean("quiet", 'q', quiet, "Only ids");
    flags.boolean("tree", 0, tree, "Show platforms of multi-platform images");
    Parsed parsed = parse_command(flags, words, {0, 1});
    if (parsed.exit) co_return *parsed.exit;
    if (tree) co_return fail("images --tree is not built yet");
    if (!parsed.arguments.empty()) filters.push_back("reference=" + parsed.arguments[0]);
    auto filter = filters_of(filters);
    if (!filter) co_return fail(filter.error(), 125);
    if (format.empty() && !quiet) format = context.config["imagesFormat"].text();
    format = line_format(format, quiet, digests);
    Engine::Call call = get("/images/json");
    if (all) call.query.add("all", "1");
    if (!filter->empty()) call.query.add("filters", *filter);
    auto list = co_await context.engine.value(std::move(call));
    if (!list) co_return fail(list.error());
    std::vector<Value> rows;
    for (const Value& one : list->items())
        add_image_rows(rows, one, !no_trunc, digests || format.find(".Digest") != format.npos);
    auto out = render(format, image_head(), rows);
    if (!out) co_return fail("template parsing error: " + out.error().message());
    print(*out);
    co_return 0;
}

Task<int> run_rmi(Context& context, Arguments words) {
    bool force = false, no_prune = false;
    Arguments platforms;
    FlagSet flags(context.program, "rmi [OPTIONS] IMAGE [IMAGE...]", "Remove images");
    flags.boolean("force", 'f', force, "Remove even if containers use it");
    flags.boolean("no-prune", 0, no_prune, "Keep untagged parents");
    flags.list("platform", 0, platforms, "Remove only this platform's");
    Parsed parsed = parse_command(flags, words, {1, -1});
    if (parsed.exit) co_return *parsed.exit;
    Arguments wanted;
    for (const std::string& text : platforms) {
        if (auto fits = co_await context.engine.needs("--platform", "1.50"); !fits)
            co_return fail(fits.error());
        auto platform = parse_platform(text);
        if (!platform) co_return fail(platform.error());
        wanted.push_back(platform->json());
    }
    int code = 0;
    for (const std::string& image : parsed.arguments) {
        Engine::Call call = get("/images/" + image);
        call.method = "DELETE";
        if (force) call.query.add("force", "1");
        if (no_prune) call.query.add("noprune", "1");
        for (const std::string& platform : wanted)
            call.query.add("platforms", platform);
        auto gone = co_await context.engine.value(std::move(call));
        if (!gone) {
            fail(gone.error());
            if (!force || gone.error().kind() != Kind::missing) code = 1;
            continue;
        }
        for (const Value& one : gone->items()) {
            if (const Value* deleted = one.find("Deleted"))
                print("Deleted: " + deleted->text() + "\n");
            else
                print("Untagged: " + one["Untagged"].text() + "\n");
        }
    }
    co_return code;
}

Task<int> run_tag(Context& context, Arguments words) {
    FlagSet flags(context.program, "tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
                  "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE");
    Parsed parsed = parse_command(flags, words, {2, 2});
    if (parsed.exit) co_return *parsed.exit;
    for (const std::string& name : parsed.arguments)
        if (auto named = check_reference(name); !named)
            co_return fail(fmt::format("Error parsing reference: \"{}\" is not a valid "
                                       "repository/tag: {}",
                                       name, named.error().message()));
    std::string target = full_name(parsed.arguments[1]);
    if (target.find('@') != target.npos)
        co_return fail("refusing to create a tag with a digest reference");
    Engine::Call call = post("/images/" + parsed.arguments[0] + "/tag");
    call.query.add("repo", target.substr(0, target.rfind(':')));
    call.query.add("tag", target.substr(target.rfind(':') + 1));
    auto done = co_await context.engine.done(std::move(call));
    co_return done ? 0 : fail(done.error());
}

}  // namespace cli
