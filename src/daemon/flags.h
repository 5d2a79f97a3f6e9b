// The daemon's command line, and the file that goes with it.
#pragma once

#include "base/error.h"
#include "daemon/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace lighterd {

struct CommandLine {
    enum class Action {
        serve,
        print,  // --help, --version, --validate: print `text` and leave with 0
    };
    Action action = Action::serve;
    std::string text;
    Config config;
};

// Reads the flags and the file they name (the default file may be missing). An error's text is the
// whole message: print it to stderr and leave with 1. A reload is the same call again, then
// reloaded(). `base` holds defaults and what the environment says (http::ProxyConfig). Blocking.
Result<CommandLine> read_command_line(const std::vector<std::string>& arguments,
                                      const Config& base);

// The same with the file's text at hand (null: there is no file), for tests.
Result<CommandLine> read_settings(const std::vector<std::string>& arguments, const Config& base,
                                  const std::string* file);

}  // namespace lighterd
