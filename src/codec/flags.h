// A program's or command's flags: declared once, parsed by CLI11, shown by --help, refused in the
// words docker's users know (pflag's).
#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace codec {

class FlagSet {
public:
    using Setter = std::function<Status(const std::string&)>;

    // `line` is what follows "Usage:  docker ", e.g. "ps [OPTIONS]".
    FlagSet(std::string program, std::string line, std::string about)
        : program_(std::move(program)), line_(std::move(line)), about_(std::move(about)) {}

    // `letter` 0: no short form. The targets outlive parse().
    void boolean(std::string name, char letter, bool& target, std::string about);
    void text(std::string name, char letter, std::string& target, std::string about,
              std::string type = "string");
    void list(std::string name, char letter, std::vector<std::string>& target, std::string about);
    // -f, --filter name=value.
    void filters(std::vector<std::string>& target, std::string about);
    void integer(std::string name, char letter, std::optional<std::int64_t>& target,
                 std::string about);
    void bytes(std::string name, char letter, std::int64_t& target, std::string about);
    void duration(std::string name, std::int64_t& target, std::string about);
    // Called for each value in turn.
    void each(std::string name, char letter, std::string type, Setter set, std::string about);
    // Another spelling of the flag declared last; not shown by --help. `instead`: what notices()
    // tells who uses it to write.
    void also(std::string name, std::string instead = {});

    // The arguments that are no flags. Without `interspersed` the first of them ends the flags:
    // what follows an image's name belongs to the container.
    Result<std::vector<std::string>> parse(const std::vector<std::string>& arguments,
                                           bool interspersed = true);
    bool wants_help() const { return help_; }
    // After parse(): lines about spellings that are going away, for standard error.
    const std::string& notices() const { return notices_; }
    // The same for -h, told where help is.
    bool help_by_letter() const { return help_by_letter_; }
    std::string help() const;
    const std::string& program() const { return program_; }
    const std::string& line() const { return line_; }
    // After parse(): the flags that were given, by name, with their values as written.
    struct Given {
        std::string name;
        std::vector<std::string> values;
    };
    std::vector<Given> given() const;
    // "run" of "run [OPTIONS] IMAGE ...".
    std::string command() const;
    // Says `words` instead of that.
    void rename(const std::string& words) { line_.replace(0, command().size(), words); }

private:
    struct Flag {
        std::string name;
        char letter = 0;
        std::string type;  // empty: a boolean
        std::string about;
        Setter set;
        std::vector<std::string> values;  // as CLI11 read them
        bool hidden = false;
        std::string instead;  // an old spelling of this one
    };
    Flag* by_name(std::string_view name);
    Flag* by_letter(char letter);
    // pflag's spellings in CLI11's: every flag long, its value a word of its own.
    Status spell(const std::vector<std::string>& arguments, bool interspersed,
                 std::vector<std::string>& flags, std::vector<std::string>& others);
    Status read(std::vector<std::string> flags);

    std::string program_;
    std::string line_;
    std::string about_;
    std::vector<Flag> flags_;
    std::string notices_;
    bool help_ = false;
    bool help_by_letter_ = false;
};

Result<bool> parse_bool(const std::string& text);

}  // namespace codec
