#include "daemon/flags.h"

#include "codec/flags.h"
#include "codec/json_value.h"
#include "codec/url.h"
#include "daemon/settings.h"
#include "sys/file.h"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>

namespace lighterd {

namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;
constexpr std::string_view about = "A container engine that weighs nothing.";

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

const Setting* by_key(const std::vector<Setting>& all, std::string_view key) {
    auto found = std::ranges::find_if(
        all, [&](const Setting& setting) { return !key.empty() && setting.key == key; });
    return found == all.end() ? nullptr : &*found;
}

const Setting* by_flag(const std::vector<Setting>& all, std::string_view flag) {
    auto found = std::ranges::find_if(
        all, [&](const Setting& setting) { return !flag.empty() && setting.flag == flag; });
    return found == all.end() ? nullptr : &*found;
}

// The document's members by key; those of "proxies" count as its neighbours.
Result<json::Value::Members> read_members(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    if (text.find_first_not_of(" \t\r\n") == text.npos) return json::Value::Members();
    TRY(json::Value document, json::parse(text, {.bytes_max = file_bytes_max}));
    if (document.is_null()) return json::Value::Members();
    if (document.type() != json::Type::object)
        return invalid(
            fmt::format("json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                        json::type_name(document.type())));
    json::Value::Members members;
    for (const auto& [key, value] : document.members()) {
        if (key == "proxies" && value.type() == json::Type::object)
            members.insert(members.end(), value.members().begin(), value.members().end());
        else
            members.emplace_back(key, value);
    }
    return members;
}

// As Go's %v prints it.
std::string shown(const json::Value& value) {
    std::vector<std::string> parts;
    switch (value.type()) {
    case json::Type::boolean:
        return value.boolean() ? "true" : "false";
    case json::Type::array:
        for (const json::Value& element : value.elements())
            parts.push_back(shown(element));
        return fmt::format("[{}]", fmt::join(parts, " "));
    case json::Type::object:
        for (const auto& [key, element] : value.members())
            parts.push_back(key + ":" + shown(element));
        return fmt::format("map[{}]", fmt::join(parts, " "));
    case json::Type::null:
        return "<nil>";
    default:
        return value.text();
    }
}

std::string shown(const Setting& setting, const std::vector<std::string>& values) {
    bool list = setting.shape == Setting::Shape::list || setting.shape == Setting::Shape::own;
    if (list) return fmt::format("[{}]", fmt::join(values, " "));
    if (setting.shape == Setting::Shape::map) return fmt::format("map[{}]", fmt::join(values, " "));
    return values.back();
}

// A proxy's user and password are nobody's business (security-cases R2).
std::string masked(std::string_view key, std::string text) {
    bool secret = key == "http-proxy" || key == "https-proxy";
    return secret ? codec::mask_credentials(std::move(text)) : text;
}

Status find_conflicts(const std::vector<Setting>& all, const json::Value::Members& members,
                      const std::vector<codec::FlagSet::Given>& given) {
    std::vector<std::string> unknown, conflicts;
    for (const auto& [key, value] : members)
        if (!by_key(all, key)) unknown.push_back(key);
    if (!unknown.empty())
        return invalid(fmt::format("the following directives don't match any configuration "
                                   "option: {}",
                                   fmt::join(unknown, ", ")));
    for (const auto& flag : given) {
        const Setting* setting = by_flag(all, flag.name);
        if (!setting || setting->in_both) continue;
        for (const auto& [key, value] : members)
            if (key == setting->key)
                conflicts.push_back(fmt::format("{}: (from flag: {}, from file: {})", key,
                                                masked(key, shown(*setting, flag.values)),
                                                masked(key, shown(value))));
    }
    if (!conflicts.empty())
        return invalid(fmt::format("the following directives are specified both as a flag and in "
                                   "the configuration file: {}",
                                   fmt::join(conflicts, ", ")));
    return {};
}

Result<Config> merge(const std::vector<Setting>& all, Config config, const std::string* file,
                     const std::vector<codec::FlagSet::Given>& given) {
    if (file) {
        TRY(json::Value::Members members, read_members(*file));
        TRY_DO(find_conflicts(all, members, given));
        for (const auto& [key, value] : members)
            TRY_DO(apply(*by_key(all, key), config, value));
    }
    for (const auto& flag : given)
        if (const Setting* setting = by_flag(all, flag.name))
            for (const std::string& value : flag.values)
                TRY_DO(setting->set(config, value));
    TRY_DO(check(config));
    if (config.debug) config.log_level = base::log::Level::debug;
    return config;
}

// The flags alone: what they say, and which file to read.
struct Words {
    explicit Words(const Config& base) : config(base) {
        for (const Setting& setting : all)
            if (!setting.flag.empty())
                flags.each(
                    std::string(setting.flag), setting.letter, std::string(setting.type()),
                    [this, &setting](const std::string& text) { return setting.set(config, text); },
                    std::string(setting.about));
        flags.boolean("version", 'v', version, "Print version information and quit");
        flags.boolean("validate", 0, validate, "Validate daemon configuration and exit");
        flags.boolean("help", 0, help, "Print usage");
    }
    Words(const Words&) = delete;
    Words& operator=(const Words&) = delete;

    Status read(const std::vector<std::string>& arguments) {
        auto rest = flags.parse(arguments);
        if (!rest) return invalid(rest.error().message() + "\nSee 'lighterd --help'.");
        if (!rest->empty())
            return invalid(fmt::format("\"lighterd\" accepts no arguments.\nSee 'lighterd "
                                       "--help'.\n\nUsage:  lighterd [OPTIONS]\n\n{}",
                                       about));
        help = help || flags.wants_help();
        return {};
    }

    std::vector<Setting> all = settings();
    Config config;
    bool version = false, validate = false, help = false;
    codec::FlagSet flags{"lighterd", "[OPTIONS]", std::string(about)};
};

Result<CommandLine> finish(Words& words, const Config& base, const std::string* file) {
    CommandLine line;
    const std::string& path = words.config.config_file;
    auto merged = merge(words.all, base, file, words.flags.given());
    if (!merged)
        return std::move(merged).error().context(
            fmt::format("unable to configure the Docker daemon with file {}", path));
    line.config = std::move(*merged);
    if (words.validate) {
        line.action = CommandLine::Action::print;
        line.text = "configuration OK\n";
    }
    return line;
}

// --help and --version ask nothing of the file.
std::optional<CommandLine> printed(const Words& words) {
    CommandLine line;
    line.action = CommandLine::Action::print;
    if (words.help)
        line.text = words.flags.help();
    else if (words.version)
        line.text = "Lighter version " LIGHTER_VERSION "\n";
    else
        return std::nullopt;
    return line;
}

}  // namespace

Result<CommandLine> read_settings(const std::vector<std::string>& arguments, const Config& base,
                                  const std::string* file) {
    Words words(base);
    TRY_DO(words.read(arguments));
    if (auto line = printed(words)) return std::move(*line);
    return finish(words, base, file);
}

Result<CommandLine> read_command_line(const std::vector<std::string>& arguments,
                                      const Config& base) {
    Words words(base);
    TRY_DO(words.read(arguments));
    if (auto line = printed(words)) return std::move(*line);
    const std::string& path = words.config.config_file;
    auto given = words.flags.given();
    bool named = std::ranges::any_of(
        given, [](const codec::FlagSet::Given& flag) { return flag.name == "config-file"; });
    auto text = sys::read_file(path, file_bytes_max);
    if (!text && text.error().kind() == Kind::missing && !named)
        return finish(words, base, nullptr);
    if (!text)
        return std::move(text).error().context(
            fmt::format("unable to configure the Docker daemon with file {}", path));
    return finish(words, base, &*text);
}

}  // namespace lighterd
