// commit and diff: what a container has changed, as an image and as a list.
#include "cli/context.h"

#include <fmt/format.h>

namespace cli {

Task<int> run_commit(Context& context, Arguments words) {
    std::string author, message;
    Arguments changes;
    bool pause = true, no_pause = false;
    FlagSet flags(context.program, "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
                  "Create a new image from a container's changes");
    flags.text("author", 'a', author,
               "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
    flags.list("change", 'c', changes, "Apply Dockerfile instruction to the created image");
    flags.text("message", 'm', message, "Commit message");
    flags.boolean("pause", 'p', pause, "Pause container during commit (default true)");
    flags.boolean("no-pause", 0, no_pause, "Do not pause it");
    Parsed parsed = parse_command(flags, words, {1, 2});
    if (parsed.exit) co_return *parsed.exit;
    std::string repository, tag;
    if (parsed.arguments.size() > 1 && !parsed.arguments[1].empty()) {
        const std::string& name = parsed.arguments[1];
        if (Status fine = check_reference(name); !fine) co_return fail(fine.error());
        if (name.find('@') != name.npos)
            co_return fail("refusing to create a tag with a digest reference");
        std::string whole = familiar_with_tag(name);
        std::size_t colon = whole.rfind(':');
        repository = whole.substr(0, colon);
        tag = whole.substr(colon + 1);
    }
    Engine::Call call = post("/commit");
    call.query.add("container", parsed.arguments[0]);
    call.query.add("repo", repository);
    call.query.add("tag", tag);
    call.query.add("comment", message);
    call.query.add("author", author);
    for (const std::string& change : changes)
        call.query.add("changes", change);
    if (!pause || no_pause) call.query.add("pause", "0");
    call.body = "null\n";
    auto made = co_await context.engine.value(std::move(call));
    if (!made) co_return fail(made.error());
    print((*made)["Id"].text() + "\n");
    co_return 0;
}

Task<int> run_diff(Context& context, Arguments words) {
    FlagSet flags(context.program, "diff CONTAINER",
                  "Inspect changes to files or directories on a container's filesystem");
    Parsed parsed = parse_command(flags, words, {1, 1});
    if (parsed.exit) co_return *parsed.exit;
    if (parsed.arguments[0].empty()) co_return fail("Container name cannot be empty");
    auto changes =
        co_await context.engine.value(get("/containers/" + parsed.arguments[0] + "/changes"));
    if (!changes) co_return fail(changes.error());
    std::string out;
    for (const Value& change : changes->items()) {
        constexpr char letters[] = {'C', 'A', 'D'};
        std::int64_t kind = change["Kind"].integer();
        char letter = kind >= 0 && kind < 3 ? letters[kind] : '?';
        out += fmt::format("{} {}\n", letter, change["Path"].text());
    }
    print(out);
    co_return 0;
}

}  // namespace cli
