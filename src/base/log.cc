#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "base/time.h"

namespace base::log {

namespace {
std::atomic<Level> current{Level::info};
constexpr std::string_view names[] = {"debug", "info", "warning", "error", "fatal"};
}  // namespace

void set_level(Level level) { current.store(level, std::memory_order_relaxed); }
Level level() { return current.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message) {
    std::string line = fmt::format("{} {} ", rfc3339_fixed(now()), names[static_cast<int>(level)]);
    // One line per message whatever a registry or an image put into it.
    for (char c : message) line += (c == '\n' || c == '\r' || c == '\x1b') ? ' ' : c;
    line += '\n';
    // A log that cannot be written has nowhere to be reported.
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base::log
