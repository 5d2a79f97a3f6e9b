// Every setting of the daemon in one table: its flag, its key in daemon.json, what it does.
#pragma once

#include "codec/json_value.h"
#include "daemon/config.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lighterd {

struct Setting {
    // How the value stands in daemon.json.
    enum class Shape { boolean, integer, bytes, text, list, map, own };

    std::string_view key;   // in daemon.json; empty: flag only
    std::string_view flag;  // empty: file only
    char letter = 0;
    Shape shape = Shape::text;
    std::string_view about;
    // One value as text: a flag's, or what the file's comes to ("true", an element, "key=value").
    std::function<Status(Config&, const std::string&)> set;
    // Shape::own: the file's value.
    std::function<Status(Config&, const json::Value&)> read = nullptr;
    bool in_both = false;  // may be given by flag and file

    // pflag's name of the type, "" for a boolean.
    std::string_view type() const;
};

std::vector<Setting> settings();

// Checks and applies one member of daemon.json.
Status apply(const Setting& setting, Config& config, const json::Value& value);
// Rules that need more than one setting.
Status check(const Config& config);

}  // namespace lighterd
