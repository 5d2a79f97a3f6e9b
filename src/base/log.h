// The engine's own log on stderr: what happened, then key=value. Levels as dockerd's --log-level.
#pragma once

#include <string_view>

#include <fmt/core.h>

namespace base::log {

enum class Level { debug, info, warn, error, fatal };

// Process-wide, set once by main() (and by a reload); every thread may log.
void set_level(Level level);
Level level();

void write(Level level, std::string_view message);

template <class... Args> void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (level() <= Level::debug) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void info(fmt::format_string<Args...> format, Args&&... args) {
    if (level() <= Level::info) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void warn(fmt::format_string<Args...> format, Args&&... args) {
    if (level() <= Level::warn) write(Level::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args> void error(fmt::format_string<Args...> format, Args&&... args) {
    if (level() <= Level::error) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace base::log
