// The `lighter` program: global flags, then the command. Nothing is set up that the command does
// not need; an alias or a link named docker speaks of itself as docker.
#include "cli/console.h"
#include "cli/globals.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>

namespace {

using namespace cli;

constexpr Command commands[] = {
    {"attach", "Attach to a running container", run_attach},
    {"build", "Build an image", nullptr},
    {"commit", "Create an image from a container's changes", run_commit},
    {"cp", "Copy files between a container and the host", run_cp},
    {"create", "Create a new container", run_create},
    {"diff", "Show changes to a container's files", run_diff},
    {"events", "Get real time events from the server", run_events},
    {"exec", "Execute a command in a running container", run_exec},
    {"export", "Export a container's filesystem", run_export},
    {"history", "Show the history of an image", run_history},
    {"images", "List images", run_images},
    {"import", "Make an image from a tarball", run_import},
    {"info", "Display system-wide information", run_info},
    {"inspect", "Return low-level information on objects", run_inspect},
    {"kill", "Kill running containers", run_kill},
    {"load", "Load images from a tar archive", run_load},
    {"login", "Authenticate to a registry", run_login},
    {"logout", "Log out from a registry", run_logout},
    {"logs", "Fetch the logs of a container", run_logs},
    {"pause", "Pause all processes within one or more containers", run_pause},
    {"port", "List port mappings or a specific mapping for the container", run_port},
    {"ps", "List containers", run_ps},
    {"pull", "Download an image from a registry", run_pull},
    {"push", "Upload an image to a registry", run_push},
    {"rename", "Rename a container", run_rename},
    {"restart", "Restart containers", run_restart},
    {"rm", "Remove containers", run_rm},
    {"rmi", "Remove images", run_rmi},
    {"run", "Create and run a new container from an image", run_run},
    {"save", "Save images to a tar archive", run_save},
    {"search", "Search Docker Hub for images", run_search},
    {"start", "Start stopped containers", run_start},
    {"stats", "Display a live stream of container(s) resource usage statistics", run_stats},
    {"stop", "Stop running containers", run_stop},
    {"tag", "Create a tag that refers to an image", run_tag},
    {"top", "Display the running processes of a container", run_top},
    {"unpause", "Unpause all processes within one or more containers", run_unpause},
    {"update", "Update configuration of one or more containers", run_update},
    {"version", "Show version information", run_version},
    {"wait", "Block until containers stop, then print their exit codes", run_wait},
};

// The management forms; nullptr: the plain command of that name.
struct Form {
    std::string_view group, name, plain;
    Run run = nullptr;
    std::string_view about = {};
};
constexpr Form forms[] = {
    {"container", "inspect", "", run_container_inspect,
     "Display detailed information on containers"},
    {"container", "ls", "ps"},
    {"container", "list", "ps"},
    {"container", "prune", "", run_container_prune},
    {"container", "remove", "rm"},
    {"image", "history", "history"},
    {"image", "import", "import"},
    {"image", "inspect", "", run_image_inspect, "Display detailed information on images"},
    {"image", "ls", "images"},
    {"image", "list", "images"},
    {"image", "load", "load"},
    {"image", "prune", "", run_image_prune, "Remove unused images"},
    {"image", "rm", "rmi"},
    {"image", "remove", "rmi"},
    {"image", "pull", "pull"},
    {"image", "save", "save"},
    {"image", "push", "push"},
    {"image", "tag", "tag"},
    {"manifest", "inspect", "", run_manifest_inspect,
     "Display an image manifest, or manifest list"},
    {"system", "df", "", run_system_df, "Show disk usage"},
    {"system", "check", "", run_system_check, "Verify what the engine keeps, and repair it"},
    {"system", "events", "events"},
    {"system", "info", "info"},
    {"system", "prune", "", run_system_prune, "Remove unused data"},
};
constexpr std::string_view container_commands[] = {
    "attach", "create", "kill",  "logs", "ps",    "rename",  "restart", "rm",
    "run",    "start",  "stop",  "top",  "wait",  "commit",  "cp",      "diff",
    "exec",   "export", "pause", "port", "stats", "unpause", "update"};
constexpr std::string_view later_groups[] = {
    "builder", "buildx", "checkpoint", "compose", "config", "context", "network",
    "node",    "plugin", "secret",     "service", "stack",  "swarm",   "trust",    "volume"};
constexpr std::string_view later_forms[] = {
    "image build",   "manifest annotate", "manifest create",
    "manifest push", "manifest rm",       "system dial-stdio"};

const Command* command_named(std::string_view name) {
    for (const Command& command : commands)
        if (command.name == name) return &command;
    return nullptr;
}

struct Group {
    std::string_view name, about;
};
constexpr Group groups[] = {{"container", "Manage containers"},
                            {"image", "Manage images"},
                            {"manifest", "Manage image manifests and manifest lists"},
                            {"system", "Manage the engine"}};
// Other spellings, which a group's list does not show.
constexpr std::string_view other_spellings[] = {"list", "remove", "ps"};

bool is_group(std::string_view name) {
    return std::ranges::find(groups, name, &Group::name) != std::end(groups);
}

// What the first words ask for.
struct Choice {
    Run run = nullptr;
    std::string group;      // of `container ls`, or of `container` alone
    std::string later;      // known, not built yet: its name
    std::size_t words = 0;  // how many of them were understood
};

Choice choose_in_group(const std::string& group, const std::string& name) {
    Choice choice;
    choice.group = group;
    choice.words = 2;
    std::string both = group + " " + name;
    for (const Form& form : forms)
        if (form.group == group && form.name == name) {
            choice.run = form.run ? form.run : command_named(form.plain)->run;
            return choice;
        }
    bool later = std::ranges::find(later_forms, both) != std::end(later_forms);
    if (group == "container" &&
        std::ranges::find(container_commands, name) != std::end(container_commands)) {
        const Command* command = command_named(name);
        choice.run = command ? command->run : nullptr;
        later = !choice.run;
    }
    if (later) choice.later = both;
    if (!later && !choice.run) choice.words = 1;
    return choice;
}

Choice choose(const Arguments& words) {
    Choice choice;
    const std::string& first = words[0];
    if (is_group(first)) {
        choice.group = first;
        choice.words = 1;
        return words.size() > 1 ? choose_in_group(first, words[1]) : choice;
    }
    if (const Command* command = command_named(first)) {
        choice.run = command->run;
        if (!command->run) choice.later = first;
        choice.words = 1;
    } else if (std::ranges::find(later_groups, first) != std::end(later_groups)) {
        choice.later = first;
        choice.words = 1;
    }
    return choice;
}

std::string group_overview(const std::string& program, const std::string& group) {
    std::vector<std::pair<std::string_view, std::string_view>> rows;
    for (const Form& form : forms) {
        bool shown = std::ranges::find(other_spellings, form.name) == std::end(other_spellings);
        if (form.group != group || !shown) continue;
        rows.emplace_back(form.name, form.run ? form.about : command_named(form.plain)->about);
    }
    if (group == "container")
        for (std::string_view name : container_commands)
            if (const Command* command = command_named(name);
                command && command->run &&
                std::ranges::find(other_spellings, name) == std::end(other_spellings))
                rows.emplace_back(name, command->about);
    std::ranges::sort(rows);
    std::string out = fmt::format("Usage:  {} {} COMMAND\n\n{}\n\nCommands:\n", program, group,
                                  std::ranges::find(groups, group, &Group::name)->about);
    for (const auto& [name, about] : rows)
        out += fmt::format("  {:<11} {}\n", name, about);
    return out + fmt::format("\nRun '{} {} COMMAND --help' for more information on a command.\n",
                             program, group);
}

std::string overview(const std::string& program) {
    std::string out = fmt::format(
        "Usage:  {} [OPTIONS] COMMAND\n\nRun containers\n\nManagement Commands:\n", program);
    for (const Group& group : groups)
        out += fmt::format("  {:<11} {}\n", group.name, group.about);
    out += "\nCommands:\n";
    for (const Command& command : commands)
        if (command.run) out += fmt::format("  {:<11} {}\n", command.name, command.about);
    return out +
           fmt::format(
               "\nGlobal Options:\n      --config string      Location of client config files\n"
               "  -c, --context string     Name of the context to use\n"
               "  -D, --debug              Enable debug mode\n  -H, --host list          Socket of "
               "the engine to connect to\n"
               "  -l, --log-level string   Set the logging level\n  -v, --version            Print "
               "version information and quit\n\n"
               "Run '{} COMMAND --help' for more information on a command.\n",
               program);
}

// `help`: of everything, or of the command that follows.
std::optional<int> help(const std::string& program, Arguments& words) {
    words.erase(words.begin());
    if (words.empty()) {
        print(overview(program));
        return 0;
    }
    if (words[0] == "help" || words[0] == "--help") {
        print(fmt::format("Usage:  {} help [command]\n\nHelp about the command\n", program));
        return 0;
    }
    auto understood = static_cast<std::ptrdiff_t>(choose(words).words);
    if (std::cmp_less(understood, words.size()))
        return fail(fmt::format("unknown help topic: {}",
                                fmt::join(words.begin() + understood, words.end(), " ")));
    words.push_back("--help");
    return {};
}

// What was understood is no command: a group alone or followed by what it does not have, or a word
// that nothing has.
int overview_or_complaint(const std::string& program, const Choice& choice,
                          const Arguments& words) {
    std::string whole = choice.group.empty() ? program : program + " " + choice.group;
    std::string usage = choice.group.empty() ? "" : fmt::format("\n\nUsage:  {}", whole);
    bool more = words.size() > choice.words;
    bool by_letter = std::ranges::find(words, "-h") != words.end();
    if (!more || by_letter || std::ranges::find(words, "--help") != words.end()) {
        if (by_letter) print("Flag shorthand -h has been deprecated, use --help\n");
        std::string text =
            choice.group.empty() ? overview(program) : group_overview(program, choice.group);
        put(more ? 1 : 2, text);  // nobody asked for it: not among what is printed
        return 0;
    }
    const std::string& next = words[choice.words];
    std::string end = fmt::format("{}\n\nRun '{} --help' for more information", usage, whole);
    if (next.size() > 1 && next.starts_with('-'))
        return fail(next[1] == '-'
                        ? fmt::format("unknown flag: {}{}", next, end)
                        : fmt::format("unknown shorthand flag: '{}' in {}{}", next[1], next, end),
                    125);
    return fail(fmt::format("{}: unknown command: {} {}{}", program, whole, next, end));
}

int serve(const std::string& program, Arguments words) {
    Globals globals;
    FlagSet flags(program, "[OPTIONS] COMMAND [ARG...]", "Run containers");
    add_global_flags(flags, globals);
    auto rest = flags.parse(words, false);
    if (!rest)
        return fail(fmt::format("{}\n\nUsage:  {} [OPTIONS] COMMAND [ARG...]\n\nRun '{} --help' "
                                "for more information",
                                rest.error().message(), program, program),
                    125);
    if (rest->empty() && globals.version && !flags.wants_help()) {
        print(fmt::format("Lighter version {}\n", LIGHTER_VERSION));
        return 0;
    }
    if (rest->empty()) {
        if (flags.help_by_letter()) print("Flag shorthand -h has been deprecated, use --help\n");
        put(flags.wants_help() ? 1 : 2, overview(program));
        return 0;
    }
    if ((*rest)[0] == "help")
        if (auto code = help(program, *rest)) return *code;
    if (flags.wants_help()) rest->push_back("--help");
    Choice choice = choose(*rest);
    if (!choice.later.empty())
        return fail(fmt::format("{}: '{} {}' is not built yet", program, program, choice.later));
    if (!choice.run) return overview_or_complaint(program, choice, *rest);
    Value config = read_config(globals);
    auto endpoint = find_endpoint(globals, config);
    if (!endpoint) return fail(endpoint.error());
    codec::http1::Headers extra;
    for (const Value::Member& one : config["HttpHeaders"].members())
        extra.set(one.name, one.value.text());
    auto understood = rest->begin() + static_cast<std::ptrdiff_t>(choice.words);
    called_as(fmt::format("{}", fmt::join(rest->begin(), understood, " ")));
    rest->erase(rest->begin(), understood);
    Loop loop;
    Engine engine(loop, std::move(endpoint->host), std::move(extra));
    Context context{engine, program, std::move(config), endpoint->context, globals.debug,
                    config_folder(globals)};
    return loop.run_value(choice.run(context, std::move(rest).value()));
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::string program = argc > 0 ? argv[0] : "lighter";
    program = program.substr(program.rfind('/') + 1);
    return serve(program, Arguments(argv + 1, argv + argc));
}
