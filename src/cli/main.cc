// The `lighter` program: global flags, then the command. Nothing is set up that the command does
// not need; an alias or a link named docker speaks of itself as docker.
#include "cli/context.h"
#include "sys/file.h"

#include <csignal>
#include <cstdlib>
#include <fmt/format.h>

namespace {

using namespace cli;

constexpr Command commands[] = {
    {"attach", "Attach to a running container", run_attach},
    {"build", "Build an image", nullptr},
    {"commit", "Create an image from a container's changes", nullptr},
    {"cp", "Copy files between a container and the host", nullptr},
    {"create", "Create a new container", run_create},
    {"diff", "Show changes to a container's files", nullptr},
    {"events", "Get real time events from the server", run_events},
    {"exec", "Execute a command in a running container", nullptr},
    {"export", "Export a container's filesystem", nullptr},
    {"history", "Show the history of an image", nullptr},
    {"images", "List images", run_images},
    {"import", "Make an image from a tarball", nullptr},
    {"info", "Display system-wide information", run_info},
    {"inspect", "Return low-level information on objects", run_inspect},
    {"kill", "Kill running containers", run_kill},
    {"load", "Load images from a tar archive", nullptr},
    {"login", "Authenticate to a registry", nullptr},
    {"logout", "Log out from a registry", nullptr},
    {"logs", "Fetch the logs of a container", run_logs},
    {"pause", "Pause containers", nullptr},
    {"port", "List port mappings", nullptr},
    {"ps", "List containers", run_ps},
    {"pull", "Download an image from a registry", run_pull},
    {"push", "Upload an image to a registry", nullptr},
    {"rename", "Rename a container", run_rename},
    {"restart", "Restart containers", run_restart},
    {"rm", "Remove containers", run_rm},
    {"rmi", "Remove images", run_rmi},
    {"run", "Create and run a new container from an image", run_run},
    {"save", "Save images to a tar archive", nullptr},
    {"search", "Search Docker Hub for images", nullptr},
    {"start", "Start stopped containers", run_start},
    {"stats", "Show resource usage of containers", nullptr},
    {"stop", "Stop running containers", run_stop},
    {"tag", "Create a tag that refers to an image", run_tag},
    {"top", "Display the running processes of a container", run_top},
    {"unpause", "Unpause containers", nullptr},
    {"update", "Update configuration of containers", nullptr},
    {"version", "Show version information", run_version},
    {"wait", "Block until containers stop, then print their exit codes", run_wait},
};

// The management forms; nullptr: the plain command of that name.
struct Form {
    std::string_view group, name, plain;
    Run run = nullptr;
};
constexpr Form forms[] = {
    {"container", "inspect", "", run_container_inspect},
    {"container", "ls", "ps"},
    {"container", "list", "ps"},
    {"container", "remove", "rm"},
    {"image", "inspect", "", run_image_inspect},
    {"image", "ls", "images"},
    {"image", "list", "images"},
    {"image", "rm", "rmi"},
    {"image", "remove", "rmi"},
    {"image", "pull", "pull"},
    {"image", "tag", "tag"},
    {"system", "events", "events"},
    {"system", "info", "info"},
};
constexpr std::string_view container_commands[] = {
    "attach", "create", "kill",  "logs", "ps",    "rename", "restart", "rm",
    "run",    "start",  "stop",  "top",  "wait",  "commit", "cp",      "diff",
    "exec",   "export", "pause", "port", "prune", "stats",  "unpause", "update"};
constexpr std::string_view later_groups[] = {
    "builder", "buildx", "checkpoint", "compose", "config", "context", "manifest", "network",
    "node",    "plugin", "secret",     "service", "stack",  "swarm",   "trust",    "volume"};
constexpr std::string_view later_forms[] = {
    "image build", "image history", "image import", "image load",   "image prune",
    "image push",  "image save",    "system df",    "system prune", "system dial-stdio"};

const Command* command_named(std::string_view name) {
    for (const Command& command : commands)
        if (command.name == name) return &command;
    return nullptr;
}

struct Choice {
    Run run = nullptr;
    std::string later;    // known, not built yet: its name
    std::string unknown;  // what there is no such command as
    std::string help_of;  // a group without a command
    std::size_t words = 1;
};

Choice choose(const Arguments& words) {
    Choice choice;
    const std::string& first = words[0];
    if (const Command* command = command_named(first)) {
        choice.run = command->run;
        if (!command->run) choice.later = first;
        return choice;
    }
    for (std::string_view group : later_groups)
        if (group == first) {
            choice.later = first;
            return choice;
        }
    if (first != "container" && first != "image" && first != "system") {
        choice.unknown = first;
        return choice;
    }
    choice.words = 2;
    if (words.size() < 2 || words[1].starts_with('-')) {
        choice.help_of = first;
        return choice;
    }
    std::string both = first + " " + words[1];
    for (const Form& form : forms)
        if (form.group == first && form.name == words[1]) {
            choice.run = form.run ? form.run : command_named(form.plain)->run;
            return choice;
        }
    if (first == "container")
        for (std::string_view name : container_commands)
            if (name == words[1]) {
                const Command* command = command_named(name);
                choice.run = command ? command->run : nullptr;
                if (!choice.run) choice.later = both;
                return choice;
            }
    for (std::string_view form : later_forms)
        if (form == both) {
            choice.later = both;
            return choice;
        }
    choice.unknown = both;
    return choice;
}

std::string overview(const std::string& program) {
    std::string out =
        fmt::format("Usage:  {} [OPTIONS] COMMAND\n\nRun containers\n\nManagement Commands:\n  "
                    "container   Manage containers\n"
                    "  image       Manage images\n  system      Manage the engine\n\nCommands:\n",
                    program);
    for (const Command& command : commands)
        if (command.run) out += fmt::format("  {:<11} {}\n", command.name, command.about);
    return out +
           fmt::format(
               "\nGlobal Options:\n      --config string      Location of client config files\n"
               "  -c, --context string     Name of the context (only \"default\" is built yet)\n"
               "  -D, --debug              Enable debug mode\n  -H, --host list          Socket of "
               "the engine to connect to\n"
               "  -l, --log-level string   Set the logging level\n  -v, --version            Print "
               "version information and quit\n\n"
               "Run '{} COMMAND --help' for more information on a command.\n",
               program);
}

struct Globals {
    Arguments hosts;
    std::string config_dir, context, log_level, ca, cert, key;
    bool debug = false, version = false, tls = false, verify = false;
};

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

Result<std::string> endpoint(const Globals& globals, const Value& config) {
    if (globals.hosts.size() > 1) return Error(Kind::invalid, "Specify only one -H");
    if (!globals.hosts.empty() && !globals.context.empty())
        return Error(Kind::invalid,
                     "conflicting options: cannot specify both --host and --context");
    std::string host;
    if (!globals.hosts.empty())
        host = globals.hosts[0];
    else if (globals.context.empty()) {
        const char* set = environment("LIGHTER_HOST");
        if (!set) set = environment("DOCKER_HOST");
        if (set) host = set;
    }
    if (host.empty()) {
        std::string context = globals.context;
        if (context.empty() && environment("DOCKER_CONTEXT"))
            context = environment("DOCKER_CONTEXT");
        if (context.empty()) context = config["currentContext"].text();
        if (!context.empty() && context != "default")
            return Error(
                Kind::unsupported,
                fmt::format("context \"{}\": contexts other than default are not built yet",
                            context));
        host = "unix:///run/lighter.sock";
    }
    if (host.starts_with('/')) host = "unix://" + host;
    if (host.find("://") == host.npos) host = "tcp://" + host;
    if (host.starts_with("tcp://") &&
        (globals.tls || globals.verify || environment("DOCKER_TLS_VERIFY")))
        return Error(Kind::unsupported, "TLS towards the engine is not built yet");
    return host;
}

Value read_config(const Globals& globals) {
    std::string folder = globals.config_dir;
    if (folder.empty() && environment("DOCKER_CONFIG")) folder = environment("DOCKER_CONFIG");
    if (folder.empty() && environment("HOME"))
        folder = std::string(environment("HOME")) + "/.docker";
    auto text = sys::read_file(folder + "/config.json", 4 * 1024 * 1024);
    if (!text) return Value();
    auto parsed = codec::parse_value(*text);
    if (parsed) return std::move(parsed).value();
    fail(fmt::format("WARNING: Error loading config file: {}/config.json: {}", folder,
                     parsed.error().message()));
    return Value();
}

int serve(const std::string& program, Arguments words) {
    Globals globals;
    FlagSet flags(program, "[OPTIONS] COMMAND [ARG...]", "Run containers");
    flags.text("config", 0, globals.config_dir, "Location of client config files");
    flags.text("context", 'c', globals.context, "Name of the context");
    flags.boolean("debug", 'D', globals.debug, "Enable debug mode");
    flags.list("host", 'H', globals.hosts, "Socket of the engine to connect to");
    flags.text("log-level", 'l', globals.log_level, "Set the logging level");
    flags.boolean("tls", 0, globals.tls, "Use TLS");
    flags.text("tlscacert", 0, globals.ca, "Trust certificates signed by this CA");
    flags.text("tlscert", 0, globals.cert, "TLS certificate");
    flags.text("tlskey", 0, globals.key, "TLS key");
    flags.boolean("tlsverify", 0, globals.verify, "Use TLS and verify the engine");
    flags.boolean("version", 'v', globals.version, "Print version information and quit");
    auto rest = flags.parse(words, false);
    if (!rest)
        return fail(fmt::format("{}\n\nUsage:  {} [OPTIONS] COMMAND [ARG...]\n\nRun '{} --help' "
                                "for more information",
                                rest.error().message(), program, program),
                    125);
    if (globals.version) {
        print(fmt::format("Lighter version {}\n", LIGHTER_VERSION));
        return 0;
    }
    if (!rest->empty() && (*rest)[0] == "help") {
        rest->erase(rest->begin());
        if (!rest->empty()) rest->push_back("--help");
    }
    if (rest->empty() || flags.wants_help()) {
        print(overview(program));
        return 0;
    }
    Choice choice = choose(*rest);
    if (!choice.unknown.empty()) {
        std::string group = choice.words == 2 ? program + " " + (*rest)[0] : program;
        std::string usage = choice.words == 2 ? "\n\nUsage:  " + group : "";
        return fail(
            fmt::format("{}: unknown command: {} {}{}\n\nRun '{} --help' for more information",
                        program, program, choice.unknown, usage, group));
    }
    if (!choice.later.empty())
        return fail(fmt::format("{}: '{} {}' is not built yet", program, program, choice.later));
    if (!choice.run) {
        print(overview(program));
        return 0;
    }
    Value config = read_config(globals);
    auto host = endpoint(globals, config);
    if (!host) return fail(host.error());
    codec::http1::Headers extra;
    for (const Value::Member& one : config["HttpHeaders"].members())
        extra.set(one.name, one.value.text());
    rest->erase(rest->begin(), rest->begin() + static_cast<std::ptrdiff_t>(choice.words));
    Loop loop;
    Engine engine(loop, std::move(host).value(), std::move(extra));
    Context context{engine, program, std::move(config)};
    return loop.run_value(choice.run(context, std::move(rest).value()));
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::string program = argc > 0 ? argv[0] : "lighter";
    program = program.substr(program.rfind('/') + 1);
    return serve(program, Arguments(argv + 1, argv + argc));
}
