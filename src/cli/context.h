// What every command gets: the engine, the user's configuration, the name it was called by.
#pragma once

#include "cli/engine.h"
#include "cli/flags.h"

#include <functional>
#include <string>
#include <vector>

namespace cli {

struct Context {
    Engine& engine;
    std::string program;  // "lighter", or "docker" when called by that name
    Value config;         // config.json; null when there is none
    std::string name;     // of the context
    bool debug = false;   // -D
    std::string config_folder = {};  // where config.json is
};

using Arguments = std::vector<std::string>;
// Gives the exit code.
using Run = Task<int> (*)(Context&, Arguments);

struct Command {
    std::string_view name;   // "run", "container ls"
    std::string_view about;  // one line
    Run run;                 // nullptr: known, not built yet
};

// How many arguments a command takes; -1: any number.
struct Count {
    int least = 0;
    int most = -1;
};

// Parses; prints --help or what is wrong, and then gives the exit code to end with.
struct Parsed {
    Arguments arguments;
    std::optional<int> exit;
};
Parsed parse_command(FlagSet& flags, const Arguments& arguments, Count count,
                     bool interspersed = true);
// The words this process was called with, "container ls": help and complaints say them instead of
// the command's plain name. Set once, before the command runs.
void called_as(std::string words);

// "text\n" on standard error; gives `code` back.
int fail(std::string_view text, int code = 1);
int fail(const Error& error, int code = 1);
void print(std::string_view text);
// {"label":{"a=b":true}} of --filter label=a=b ...; empty without filters.
Result<std::string> filters_of(const Arguments& filters);
// X-Registry-Auth for the registry of `image`: from config.json's auths, credHelpers, credsStore.
std::string registry_auth(const Value& config, std::string_view image);
// The part before the first slash, if it is a registry's host.
std::string_view registry_of(std::string_view image);
// invalid "invalid reference format..." for what no image can be called.
Status check_reference(std::string_view image);
// "library/x:tag" rules: the name users know, with `:latest` when there is neither tag nor digest.
std::string familiar_with_tag(std::string_view image);
// "docker.io/library/busybox:latest".
std::string full_name(std::string_view image);
// The same without tag and digest.
std::string repository_of(std::string_view full_name);

// The commands, one file per group.
Task<int> run_run(Context&, Arguments);
Task<int> run_create(Context&, Arguments);
Task<int> run_start(Context&, Arguments);
Task<int> run_attach(Context&, Arguments);
Task<int> run_exec(Context&, Arguments);
Task<int> run_pause(Context&, Arguments);
Task<int> run_unpause(Context&, Arguments);
Task<int> run_update(Context&, Arguments);
Task<int> run_container_prune(Context&, Arguments);
Task<int> run_port(Context&, Arguments);
Task<int> run_stats(Context&, Arguments);
Task<int> run_stop(Context&, Arguments);
Task<int> run_restart(Context&, Arguments);
Task<int> run_kill(Context&, Arguments);
Task<int> run_rm(Context&, Arguments);
Task<int> run_rename(Context&, Arguments);
Task<int> run_wait(Context&, Arguments);
Task<int> run_top(Context&, Arguments);
Task<int> run_logs(Context&, Arguments);
Task<int> run_ps(Context&, Arguments);
Task<int> run_pull(Context&, Arguments);
Task<int> run_push(Context&, Arguments);
Task<int> run_save(Context&, Arguments);
Task<int> run_load(Context&, Arguments);
Task<int> run_import(Context&, Arguments);
Task<int> run_export(Context&, Arguments);
Task<int> run_cp(Context&, Arguments);
Task<int> run_diff(Context&, Arguments);
Task<int> run_commit(Context&, Arguments);
Task<int> run_history(Context&, Arguments);
Task<int> run_images(Context&, Arguments);
Task<int> run_rmi(Context&, Arguments);
Task<int> run_tag(Context&, Arguments);
Task<int> run_image_prune(Context&, Arguments);
Task<int> run_login(Context&, Arguments);
Task<int> run_logout(Context&, Arguments);
Task<int> run_search(Context&, Arguments);
Task<int> run_manifest_inspect(Context&, Arguments);
Task<int> run_system_df(Context&, Arguments);
Task<int> run_system_prune(Context&, Arguments);
Task<int> run_inspect(Context&, Arguments);
Task<int> run_container_inspect(Context&, Arguments);
Task<int> run_image_inspect(Context&, Arguments);
Task<int> run_events(Context&, Arguments);
Task<int> run_version(Context&, Arguments);
Task<int> run_info(Context&, Arguments);
Task<int> run_system_check(Context&, Arguments);

// Pulls `image`; progress to descriptor `fd`, nothing when `quiet`.
Task<Status> pull(Context& context, std::string image, std::string platform, bool quiet, int fd,
                   bool all_tags = false, std::string limit_rate = "");
// Reads the documents of a pull or push and shows them, bars on a terminal, lines elsewhere.
Task<Status> show_progress(Exchange& exchange, int fd, bool quiet);

}  // namespace cli
