// The documents of a pull or push, shown: one line per layer that moves on a terminal, a line per
// step elsewhere.
#include "cli/console.h"
#include "cli/context.h"
#include "cli/human.h"

#include <algorithm>
#include <fmt/format.h>

namespace cli {

namespace {

// "[====>      ]  1.2MB/3.4MB"; a bar only where the terminal is wide enough for one.
std::string bar(const Value& detail, unsigned columns) {
    constexpr unsigned columns_least = 111;
    constexpr std::int64_t steps = 50;
    std::int64_t current = detail["current"].integer();
    std::int64_t total = detail["total"].integer();
    const std::string& units = detail["units"].text();
    if (current <= 0 && total <= 0) return "";
    std::string now = human_size(static_cast<double>(current), 4);
    if (total <= 0)
        return units.empty() ? fmt::format("{:>8}", now) : fmt::format("{} {}", current, units);
    std::string drawn;
    if (columns >= columns_least) {
        auto share = static_cast<std::int64_t>(static_cast<double>(current) /
                                               static_cast<double>(total) * 100);
        auto done = static_cast<std::size_t>(std::clamp<std::int64_t>(share / 2, 0, steps));
        drawn = fmt::format("[{}>{}] ", std::string(done, '='), std::string(steps - done, ' '));
    }
    if (!units.empty()) return fmt::format("{}{}/{} {}", drawn, current, total, units);
    if (current > total) return fmt::format("{}{:>8}", drawn, now);
    return fmt::format("{}{:>8}/{}", drawn, now, human_size(static_cast<double>(total), 4));
}

}  // namespace

Task<Status> show_progress(Exchange& exchange, int fd, bool quiet) {
    bool terminal = is_terminal(fd);
    std::vector<std::string> lines;  // ids in the order of their lines
    for (;;) {
        CO_TRY(Value message, co_await exchange.next_value());
        if (message.is_null()) co_return Status();
        std::string error = message["errorDetail"]["message"].text();
        if (error.empty()) error = message["error"].text();
        if (!error.empty()) co_return Error(Kind::internal, error);
        // Those with an `aux` are for programs.
        if (quiet || !message["aux"].is_null()) continue;
        const std::string& id = message["id"].text();
        std::string status = message["status"].text();
        if (status.empty() && !message["stream"].text().empty()) {
            put(fd, message["stream"].text());
            continue;
        }
        std::string progress = bar(message["progressDetail"], window_size().second);
        std::string text = id.empty() ? status : id + ": " + status;
        if (!terminal) {
            if (progress.empty()) put(fd, text + "\n");
            continue;
        }
        if (id.empty()) {
            put(fd, text + "\n");
            lines.clear();
            continue;
        }
        auto at = std::ranges::find(lines, id);
        std::size_t up = static_cast<std::size_t>(lines.end() - at);
        if (at == lines.end()) {
            // "Pulling from" has the tag as its id, and stays where it is.
            lines.push_back(id);
            put(fd, "\n");
            up = 1;
        }
        if (!progress.empty()) text += " " + progress;
        put(fd, fmt::format("\x1b[{}A\x1b[2K\r{}\r\x1b[{}B", up, text, up));
    }
}

}  // namespace cli
