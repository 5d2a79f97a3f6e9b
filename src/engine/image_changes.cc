// Dockerfile instructions that `import --change` and `commit --change` may give.
#include "base/text.h"
#include "codec/human.h"
#include "codec/json.h"
#include "engine/image_archive.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace engine {

namespace {

constexpr std::size_t changes_bytes_max = 64 * 1024;
constexpr std::size_t ports_max = 65536;

std::string_view trim(std::string_view text) {
    return base::trimmed(text, " \t\r");
}

// Words as a Dockerfile has them: quotes group and go, a backslash takes the next as it is.
Result<std::vector<std::string>> words_of(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    bool begun = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        bool blank = c == ' ' || c == '\t';
        if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            word += text[++i];
            begun = true;
        } else if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            begun = true;
        } else if (!blank) {
            word += c;
            begun = true;
        } else if (begun) {
            out.push_back(std::move(word));
            word.clear();
            begun = false;
        }
    }
    if (quote != 0)
        return Error(Kind::invalid, "unexpected end of statement while looking for matching quote");
    if (begun) out.push_back(std::move(word));
    return out;
}

// The JSON form of a list, or nothing.
std::optional<std::vector<std::string>> json_list(std::string_view text) {
    if (!text.starts_with('[')) return std::nullopt;
    auto list = json::read<std::vector<std::string>>(text);
    if (!list) return std::nullopt;
    return std::move(*list);
}

// CMD and ENTRYPOINT: a list as it is, other text for the shell.
std::vector<std::string> command_of(const wire::oci::RunConfig& config, std::string_view text) {
    if (auto list = json_list(text)) return std::move(*list);
    if (text.empty()) return {};
    std::vector<std::string> out = config.shell;
    if (out.empty()) out = {"/bin/sh", "-c"};
    out.emplace_back(text);
    return out;
}

Error wants(std::string_view name, std::string_view what) {
    return Error(Kind::invalid, fmt::format("{} requires {}", name, what));
}

// "A=b c=d", or the old "A b c".
Result<std::vector<std::pair<std::string, std::string>>> pairs_of(std::string_view name,
                                                                  std::string_view text) {
    TRY(std::vector<std::string> words, words_of(text));
    if (words.empty()) return wants(name, "at least one argument");
    std::vector<std::pair<std::string, std::string>> out;
    if (words[0].find('=') == std::string::npos) {
        std::size_t blank = text.find_first_of(" \t");
        if (blank == text.npos)
            return Error(Kind::invalid, fmt::format("{} must have two arguments", name));
        out.emplace_back(words[0], std::string(trim(text.substr(blank))));
        return out;
    }
    for (const std::string& word : words) {
        std::size_t equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error(Kind::invalid,
                         fmt::format("Syntax error - can't find = in \"{}\". Must be of the form: "
                                     "name=value",
                                     word));
        out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return out;
}

Status expose(wire::oci::RunConfig& config, std::string_view text) {
    TRY(std::vector<std::string> words, words_of(text));
    if (words.empty()) return wants("EXPOSE", "at least one argument");
    for (const std::string& word : words) {
        std::size_t slash = word.find('/');
        std::string_view ports = std::string_view(word).substr(0, slash);
        std::string protocol =
            slash == word.npos ? "tcp" : base::lowered(std::string_view(word).substr(slash + 1));
        unsigned first = 0, last = 0;
        auto number = [](std::string_view digits, unsigned& value) {
            auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value);
            return error == std::errc() && end == digits.data() + digits.size() && value <= 65535;
        };
        std::size_t dash = ports.find('-');
        bool fine = number(ports.substr(0, dash), first);
        last = first;
        if (dash != ports.npos)
            fine = fine && number(ports.substr(dash + 1), last) && first <= last;
        if (!fine) return Error(Kind::invalid, fmt::format("Invalid containerPort: {}", word));
        if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
            return Error(Kind::invalid, fmt::format("Invalid proto: {}", protocol));
        // However often a range is named, and whatever it costs to write down.
        if (config.exposed_ports.size() + (last - first + 1) > ports_max)
            return Error(Kind::invalid, fmt::format("more than {} exposed ports", ports_max));
        for (unsigned port = first; port <= last; ++port)
            config.exposed_ports[fmt::format("{}/{}", port, protocol)];
    }
    return {};
}

// Of a flag of HEALTHCHECK: nothing, or a millisecond at least.
Result<std::int64_t> duration_of(std::string_view flag, std::string_view text) {
    constexpr std::int64_t least_ns = 1'000'000;
    TRY(std::int64_t ns, codec::parse_duration(text));
    if (ns != 0 && ns < least_ns)
        return Error(Kind::invalid,
                     fmt::format("Interval \"{}\" cannot be less than 1ms", flag.substr(2)));
    return ns;
}

Status healthcheck(wire::oci::RunConfig& config, std::string_view text) {
    wire::oci::HealthCheck check;
    while (text.starts_with("--")) {
        std::size_t blank = std::min(text.find_first_of(" \t"), text.size());
        std::string_view flag = text.substr(0, blank);
        text = trim(text.substr(blank));
        std::size_t equals = flag.find('=');
        std::string_view name = flag.substr(0, equals);
        std::string_view value = equals == flag.npos ? std::string_view() : flag.substr(equals + 1);
        std::int64_t* target = name == "--interval"         ? &check.interval
                               : name == "--timeout"        ? &check.timeout
                               : name == "--start-period"   ? &check.start_period
                               : name == "--start-interval" ? &check.start_interval
                                                            : nullptr;
        if (target != nullptr) {
            TRY(*target, duration_of(name, value));
        } else if (name == "--retries") {
            auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), check.retries);
            if (error != std::errc() || end != value.data() + value.size() || check.retries < 0)
                return Error(Kind::invalid, fmt::format("--retries: invalid value \"{}\"", value));
        } else {
            return Error(Kind::invalid, fmt::format("Unknown flag: {}", name.substr(2)));
        }
    }
    std::size_t blank = std::min(text.find_first_of(" \t"), text.size());
    std::string kind = base::uppered(text.substr(0, blank));
    std::string_view rest = trim(text.substr(blank));
    if (kind == "NONE") {
        if (!rest.empty()) return Error(Kind::invalid, "HEALTHCHECK NONE takes no arguments");
        check.test = {"NONE"};
    } else if (kind == "CMD") {
        if (rest.empty()) return Error(Kind::invalid, "Missing command after HEALTHCHECK CMD");
        if (auto list = json_list(rest)) {
            check.test = std::move(*list);
            check.test.insert(check.test.begin(), "CMD");
        } else {
            check.test = {"CMD-SHELL", std::string(rest)};
        }
    } else {
        return Error(Kind::invalid,
                     fmt::format("Unknown type \"{}\" in HEALTHCHECK (try CMD)", kind));
    }
    config.healthcheck = std::move(check);
    return {};
}

Status volumes(wire::oci::RunConfig& config, std::string_view text) {
    auto list = json_list(text);
    if (!list) {
        TRY(list, words_of(text));
    }
    if (list->empty()) return wants("VOLUME", "at least one argument");
    for (const std::string& path : *list) {
        if (trim(path).empty())
            return Error(Kind::invalid, "VOLUME specified can not be an empty string");
        config.volumes[path];
    }
    return {};
}

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
    std::string line = name + "=" + value;
    auto same = std::ranges::find_if(
        env, [&](const std::string& each) { return each.starts_with(name + "="); });
    if (same == env.end())
        env.push_back(std::move(line));
    else
        *same = std::move(line);
}

Status apply(wire::oci::RunConfig& config, std::string_view text, bool& command_set) {
    std::size_t blank = std::min(text.find_first_of(" \t"), text.size());
    std::string name = base::uppered(text.substr(0, blank));
    std::string_view rest = trim(text.substr(blank));
    if (name == "CMD") {
        config.cmd = command_of(config, rest);
        command_set = true;
    } else if (name == "ENTRYPOINT") {
        config.entrypoint = command_of(config, rest);
        // What was there is the image's, for its own entry point.
        if (!command_set) config.cmd.clear();
    } else if (name == "ENV" || name == "LABEL") {
        TRY(auto pairs, pairs_of(name, rest));
        for (const auto& [key, value] : pairs)
            if (name == "ENV")
                set_env(config.env, key, value);
            else
                config.labels[key] = value;
    } else if (name == "EXPOSE") {
        return expose(config, rest);
    } else if (name == "HEALTHCHECK") {
        return healthcheck(config, rest);
    } else if (name == "VOLUME") {
        return volumes(config, rest);
    } else if (name == "ONBUILD" || name == "USER" || name == "STOPSIGNAL" || name == "WORKDIR") {
        if (rest.empty()) return wants(name, "exactly one argument");
        if (name == "ONBUILD")
            config.on_build.emplace_back(rest);
        else if (name == "USER")
            config.user = rest;
        else if (name == "STOPSIGNAL")
            config.stop_signal = rest;
        else if (rest.starts_with('/'))
            config.working_dir = rest;
        else
            config.working_dir =
                (config.working_dir.empty() ? "/" : config.working_dir + "/") + std::string(rest);
    } else {
        return Error(Kind::invalid,
                     fmt::format("{} is not a valid change command", base::lowered(name)));
    }
    return {};
}

}  // namespace

Status apply_changes(wire::oci::RunConfig& config, const std::vector<std::string>& changes) {
    bool command_set = false;
    for (const std::string& text : changes) {
        if (text.size() > changes_bytes_max || text.find('\0') != text.npos)
            return Error(Kind::invalid, "invalid change command");
        for (std::size_t begin = 0; begin <= text.size();) {
            std::size_t end = std::min(text.find('\n', begin), text.size());
            std::string_view line = trim(std::string_view(text).substr(begin, end - begin));
            if (!line.empty() && !line.starts_with('#')) TRY_DO(apply(config, line, command_set));
            begin = end + 1;
        }
    }
    return {};
}

}  // namespace engine
