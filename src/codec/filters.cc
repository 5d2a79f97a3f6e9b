#include "codec/filters.h"

#include "base/limits.h"
#include "codec/json.h"
#include "codec/json_value.h"

#include <algorithm>
#include <fmt/core.h>

namespace codec {

namespace {

constexpr std::size_t filter_values_max = 10'000;

}  // namespace

Result<Filters> Filters::parse(std::string_view text) {
    Filters filters;
    if (text.empty()) return filters;
    std::size_t count = 0;
    auto bad = [](std::string why) {
        return Error(Kind::invalid, "invalid filters: " + std::move(why));
    };
    auto got = json::parse(text, {.bytes_max = limits::url_bytes_max, .depth_max = 4});
    if (!got) return bad(got.error().message());
    if (got->is_null()) return filters;
    if (got->type() != json::Type::object) return bad("not an object");
    for (const auto& [key, wanted] : got->members()) {
        std::vector<std::string>& values = filters.values_[key];
        if (wanted.type() == json::Type::array) {
            for (const json::Value& value : wanted.elements()) {
                if (value.type() != json::Type::string) return bad("a value is no string");
                values.push_back(value.text());
            }
        } else if (wanted.type() == json::Type::object) {
            for (const auto& [value, chosen] : wanted.members()) {
                if (chosen.type() != json::Type::boolean) return bad("a value's mark is no bool");
                // Docker looks at the keys alone: {"x":false} filters by x, too.
                values.push_back(value);
            }
        } else {
            return bad("neither a list nor an object");
        }
        count += values.size();
        if (count > filter_values_max) return bad("too many values");
    }
    return filters;
}

Status Filters::allow_only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, values] : values_)
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            return Error(Kind::invalid, fmt::format("invalid filter '{}'", key));
    return {};
}

const std::vector<std::string>& Filters::values(std::string_view key) const {
    static const std::vector<std::string> none;
    auto found = values_.find(key);
    return found == values_.end() ? none : found->second;
}

bool Filters::exact(std::string_view key, std::string_view text) const {
    const auto& wanted = values(key);
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), text) != wanted.end();
}

Result<bool> Filters::boolean(std::string_view key, bool absent) const {
    const auto& wanted = values(key);
    if (wanted.empty()) return absent;
    bool yes = wanted[0] == "1" || wanted[0] == "true";
    bool no = wanted[0] == "0" || wanted[0] == "false";
    if (wanted.size() != 1 || yes == no)
        return Error(Kind::invalid, fmt::format("invalid filter '{}=[{}]'", key, wanted[0]));
    return yes;
}

bool Filters::labels(const std::map<std::string, std::string>& labels) const {
    auto holds = [&](const std::string& wanted) {
        std::size_t equals = wanted.find('=');
        auto found = labels.find(wanted.substr(0, equals));
        if (found == labels.end()) return false;
        return equals == std::string::npos || found->second == wanted.substr(equals + 1);
    };
    const auto& wanted = values("label");
    const auto& unwanted = values("label!");
    return std::all_of(wanted.begin(), wanted.end(), holds) &&
           std::none_of(unwanted.begin(), unwanted.end(), holds);
}

std::string Filters::encode() const {
    std::map<std::string, std::map<std::string, bool>> document;
    for (const auto& [key, values] : values_)
        for (const std::string& value : values)
            document[key][value] = true;
    return json::write(document);
}

}  // namespace codec
