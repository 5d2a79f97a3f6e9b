#include "codec/flags.h"

#include "codec/gotemplate.h"
#include "codec/human.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace codec {

namespace {

Error bad(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

}  // namespace

Result<bool> parse_bool(const std::string& text) {
    for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == yes) return true;
    for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == no) return false;
    return bad(fmt::format("strconv.ParseBool: parsing \"{}\": invalid syntax", text));
}

void FlagSet::each(std::string name, char letter, std::string type, Setter set, std::string about) {
    flags_.push_back({std::move(name),
                      letter,
                      std::move(type),
                      std::move(about),
                      std::move(set),
                      {},
                      false,
                      {}});
}

void FlagSet::boolean(std::string name, char letter, bool& target, std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        TRY(target, parse_bool(text));
        return {};
    };
    each(std::move(name), letter, "", std::move(set), std::move(about));
}

void FlagSet::text(std::string name, char letter, std::string& target, std::string about,
                   std::string type) {
    auto set = [&target](const std::string& text) -> Status {
        target = text;
        return {};
    };
    each(std::move(name), letter, std::move(type), std::move(set), std::move(about));
}

void FlagSet::list(std::string name, char letter, std::vector<std::string>& target,
                   std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        target.push_back(text);
        return {};
    };
    each(std::move(name), letter, "list", std::move(set), std::move(about));
}

void FlagSet::filters(std::vector<std::string>& target, std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        if (text.find('=') == text.npos) return bad("bad format of filter (expected name=value)");
        target.push_back(text);
        return {};
    };
    each("filter", 'f', "filter", std::move(set), std::move(about));
}

void FlagSet::integer(std::string name, char letter, std::optional<std::int64_t>& target,
                      std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        std::int64_t value = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size())
            return bad(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
        target = value;
        return {};
    };
    each(std::move(name), letter, "int", std::move(set), std::move(about));
}

void FlagSet::bytes(std::string name, char letter, std::int64_t& target, std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        TRY(target, parse_bytes(text));
        return {};
    };
    each(std::move(name), letter, "bytes", std::move(set), std::move(about));
}

void FlagSet::duration(std::string name, std::int64_t& target, std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        TRY(target, parse_duration(text));
        return {};
    };
    each(std::move(name), 0, "duration", std::move(set), std::move(about));
}

void FlagSet::also(std::string name, std::string instead) {
    Flag twin = flags_.back();
    twin.instead = std::move(instead);
    twin.name = std::move(name);
    twin.letter = 0;
    twin.hidden = true;
    flags_.push_back(std::move(twin));
}

FlagSet::Flag* FlagSet::by_name(std::string_view name) {
    auto found = std::ranges::find(flags_, name, &Flag::name);
    return found == flags_.end() ? nullptr : &*found;
}

FlagSet::Flag* FlagSet::by_letter(char letter) {
    auto found = std::ranges::find(flags_, letter, &Flag::letter);
    return found == flags_.end() ? nullptr : &*found;
}

Status FlagSet::spell(const std::vector<std::string>& arguments, bool interspersed,
                      std::vector<std::string>& flags, std::vector<std::string>& others) {
    auto emit = [&](const Flag& flag, std::string value) {
        if (!flag.instead.empty())
            notices_ += fmt::format("Flag --{} has been deprecated, use --{} instead\n", flag.name,
                                    flag.instead);
        flags.push_back("--" + flag.name);
        flags.push_back(std::move(value));
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (word.size() < 2 || word[0] != '-') {
            others.push_back(word);
            if (interspersed) continue;
            others.insert(others.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                          arguments.end());
            return {};
        }
        if (word == "--") {
            others.insert(others.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                          arguments.end());
            return {};
        }
        if (word[1] == '-') {
            std::size_t equals = word.find('=');
            std::string name = word.substr(2, equals == word.npos ? equals : equals - 2);
            Flag* flag = by_name(name);
            if (flag == nullptr) {
                if (name == "help") {
                    help_ = true;
                    continue;
                }
                return bad(fmt::format("unknown flag: --{}", name));
            }
            if (equals != word.npos) {
                emit(*flag, word.substr(equals + 1));
            } else if (flag->type.empty()) {
                emit(*flag, "true");
            } else if (i + 1 < arguments.size()) {
                emit(*flag, arguments[++i]);
            } else {
                return bad(fmt::format("flag needs an argument: --{}", name));
            }
            continue;
        }
        for (std::size_t k = 1; k < word.size(); ++k) {
            Flag* flag = by_letter(word[k]);
            if (flag == nullptr) {
                if (word[k] == 'h') {
                    help_ = help_by_letter_ = true;
                    continue;
                }
                return bad(fmt::format("unknown shorthand flag: '{}' in {}", word[k], word));
            }
            bool given = k + 1 < word.size() && word[k + 1] == '=';
            if (given) {
                emit(*flag, word.substr(k + 2));
            } else if (flag->type.empty()) {
                emit(*flag, "true");
                continue;
            } else if (k + 1 < word.size()) {
                emit(*flag, word.substr(k + 1));
            } else if (i + 1 < arguments.size()) {
                emit(*flag, arguments[++i]);
            } else {
                return bad(fmt::format("flag needs an argument: '{}' in {}", word[k], word));
            }
            break;
        }
    }
    return {};
}

Status FlagSet::read(std::vector<std::string> words) {
    CLI::App app;
    app.set_help_flag();
    for (Flag& flag : flags_) {
        auto keep = [&flag](const CLI::results_t& values) {
            flag.values = values;
            return true;
        };
        app.add_option("--" + flag.name, CLI::callback_t(keep), flag.about)
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    std::ranges::reverse(words);  // CLI11 takes them from the back
    try {
        app.parse(std::move(words));
    } catch (const CLI::Error& error) {
        return bad(error.what());
    }
    for (Flag& flag : flags_) {
        for (const std::string& value : flag.values) {
            auto done = flag.set(value);
            if (done) continue;
            std::string name = "--" + flag.name;
            if (flag.letter) name = fmt::format("-{}, {}", flag.letter, name);
            return bad(fmt::format("invalid argument {} for \"{}\" flag: {}", go_quote(value), name,
                                   done.error().message()));
        }
    }
    return {};
}

Result<std::vector<std::string>> FlagSet::parse(const std::vector<std::string>& arguments,
                                                bool interspersed) {
    std::vector<std::string> flags;
    std::vector<std::string> others;
    TRY_DO(spell(arguments, interspersed, flags, others));
    if (!help_ && !flags.empty()) TRY_DO(read(std::move(flags)));
    return others;
}

std::vector<FlagSet::Given> FlagSet::given() const {
    std::vector<Given> all;
    for (const Flag& flag : flags_)
        if (!flag.values.empty()) all.push_back({flag.name, flag.values});
    return all;
}

std::string FlagSet::command() const {
    std::string out;
    for (std::size_t begin = 0; begin < line_.size();) {
        std::size_t end = std::min(line_.find(' ', begin), line_.size());
        std::string word = line_.substr(begin, end - begin);
        if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") != word.npos) break;
        out += (out.empty() ? "" : " ") + word;
        begin = end + 1;
    }
    return out;
}

std::string FlagSet::help() const {
    std::vector<std::pair<std::string, std::string>> rows;
    std::vector<const Flag*> sorted;
    for (const Flag& flag : flags_)
        if (!flag.hidden) sorted.push_back(&flag);
    std::ranges::sort(sorted, {}, [](const Flag* flag) { return flag->name; });
    std::size_t width = 0;
    for (const Flag* flag : sorted) {
        std::string left = flag->letter ? fmt::format("  -{}, --{}", flag->letter, flag->name)
                                        : fmt::format("      --{}", flag->name);
        if (!flag->type.empty()) left += " " + flag->type;
        width = std::max(width, left.size());
        rows.emplace_back(std::move(left), flag->about);
    }
    std::string out = fmt::format("Usage:  {} {}\n\n{}\n", program_, line_, about_);
    if (!rows.empty()) out += "\nOptions:\n";
    for (const auto& [left, right] : rows)
        out += fmt::format("{:<{}}   {}\n", left, width, right);
    return out;
}

}  // namespace codec
