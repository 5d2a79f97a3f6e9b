// What all commands share: arguments, messages, filters, image names, credentials.
#include "cli/context.h"

#include "base/text.h"
#include "cli/console.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

namespace cli {

void print(std::string_view text) {
    put(1, text);
}

int fail(std::string_view text, int code) {
    put(2, std::string(text) + "\n");
    return code;
}

int fail(const Error& error, int code) {
    return fail(error.message(), code);
}

namespace {

std::string& called_words() {
    static std::string words;
    return words;
}

}  // namespace

void called_as(std::string words) {
    called_words() = std::move(words);
}

Parsed parse_command(FlagSet& flags, const Arguments& arguments, Count count, bool interspersed) {
    if (!called_words().empty()) flags.rename(called_words());
    std::string name = flags.program() + " " + flags.command();
    std::string usage = fmt::format("\n\nUsage:  {} {}\n\nRun '{} --help' for more information",
                                    flags.program(), flags.line(), name);
    auto parsed = flags.parse(arguments, interspersed);
    print(flags.notices());  // docker says it here too
    if (!parsed) return {{}, fail(parsed.error().message() + usage, 125)};
    if (flags.wants_help()) {
        if (flags.help_by_letter()) print("Flag shorthand -h has been deprecated, use --help\n");
        print(flags.help());
        return {{}, 0};
    }
    auto given = static_cast<int>(parsed->size());
    bool few = given < count.least;
    if (!few && (count.most < 0 || given <= count.most)) return {std::move(parsed).value(), {}};
    std::string wants = count.most == 0 ? "accepts no arguments"
                        : count.least == count.most
                            ? fmt::format("requires {} argument", count.least)
                        : count.least > 0 && count.most > 0
                            ? fmt::format("requires at least {} and at most {} argument",
                                          count.least, count.most)
                        : few ? fmt::format("requires at least {} argument", count.least)
                              : fmt::format("requires at most {} argument", count.most);
    // Docker says See here and Run elsewhere.
    if (few && count.most < 0) usage.replace(usage.find("\n\nRun '") + 2, 3, "See");
    int shown = few && count.most < 0 ? count.least : count.most;
    if (shown > 1) wants += "s";
    return {{}, fail(fmt::format("{}: '{}' {}{}", flags.program(), name, wants, usage), 1)};
}

Result<std::string> filters_of(const Arguments& filters) {
    if (filters.empty()) return std::string();
    Value out = Value::object();
    for (const std::string& filter : filters) {
        std::size_t equals = filter.find('=');
        if (equals == filter.npos)
            return Error(
                Kind::invalid,
                fmt::format("invalid argument \"{}\" for \"-f, --filter\" flag: invalid filter "
                            "'{}'",
                            filter, filter));
        std::string key = base::lowered(filter.substr(0, equals));
        out.at(key).set(filter.substr(equals + 1), true);
    }
    // Sorted, as Go writes a map.
    Value sorted = Value::object();
    std::vector<Value::Member> keys = out.members();
    std::ranges::sort(keys, {}, &Value::Member::name);
    for (Value::Member& key : keys) {
        std::vector<Value::Member> values = key.value.members();
        std::ranges::sort(values, {}, &Value::Member::name);
        Value texts = Value::object();
        for (Value::Member& value : values)
            texts.add(std::move(value));
        sorted.set(key.name, std::move(texts));
    }
    return sorted.json();
}

namespace {

bool has_tag(std::string_view image) {
    if (image.find('@') != image.npos) return true;
    std::size_t slash = image.rfind('/');
    return image.find(':', slash == image.npos ? 0 : slash) != image.npos;
}

}  // namespace

std::string_view registry_of(std::string_view image) {
    std::size_t slash = image.find('/');
    if (slash == image.npos) return "";
    std::string_view first = image.substr(0, slash);
    bool host = first.find_first_of(".:") != first.npos || first == "localhost";
    return host ? first : std::string_view();
}

std::string familiar_with_tag(std::string_view image) {
    if (image.starts_with("docker.io/")) image.remove_prefix(10);
    if (image.starts_with("library/")) image.remove_prefix(8);
    return has_tag(image) ? std::string(image) : std::string(image) + ":latest";
}

std::string full_name(std::string_view image) {
    std::string name = has_tag(image) ? std::string(image) : std::string(image) + ":latest";
    if (!registry_of(name).empty()) return name;
    bool bare = name.find('/') == name.npos;
    return std::string("docker.io/") + (bare ? "library/" : "") + name;
}

std::string repository_of(std::string_view name) {
    name = name.substr(0, name.find('@'));
    std::size_t slash = name.rfind('/');
    return std::string(name.substr(0, name.find(':', slash == name.npos ? 0 : slash)));
}

}  // namespace cli
