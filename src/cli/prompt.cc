#include "cli/prompt.h"

#include "cli/console.h"
#include "cli/context.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

namespace cli {

std::string read_line() {
    constexpr std::size_t line_bytes_max = 64 * 1024;
    std::string line;
    char c = 0;
    while (line.size() < line_bytes_max) {
        ssize_t got = ::read(0, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || c == '\n') break;
        line += c;
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

namespace {

termios shown;  // what a signal handler puts back

constexpr int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

void put_back(int number) {
    ::tcsetattr(0, TCSAFLUSH, &shown);
    ::signal(number, SIG_DFL);
    ::raise(number);
}

Status hide_input() {
    if (::tcgetattr(0, &shown) != 0) return Error(Kind::invalid, "inappropriate ioctl for device");
    for (int number : ending_signals)
        ::signal(number, put_back);
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(0, TCSAFLUSH, &hidden);
    return {};
}

void show_input() {
    ::tcsetattr(0, TCSAFLUSH, &shown);
    for (int number : ending_signals)
        ::signal(number, SIG_DFL);
}

}  // namespace

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return std::string(text.substr(0, text.find_last_not_of(blanks) + 1));
}

Result<std::string> ask(std::string_view question, bool echo) {
    if (!echo) TRY_DO(hide_input());
    print(question);
    std::string line = trimmed(read_line());
    if (!echo) show_input();
    return line;
}

void note(std::string_view text) {
    bool plain = !is_terminal(2) || std::getenv("NO_COLOR") != nullptr;
    std::string out = plain ? "\n Info -> "
                            : "\n\x1b[1m\x1b[106m\x1b[30mi\x1b[0m\x1b[0m \x1b[96mInfo \u2192 "
                              "\x1b[0m\x1b[0m";
    for (bool first = true;; first = false) {
        std::string_view line = text.substr(0, text.find('\n'));
        if (!first) out += std::string(9, ' ');
        out += plain ? std::string(line) : fmt::format("\x1b[3m{}\x1b[0m", line);
        out += "\n";
        if (line.size() == text.size()) break;
        text.remove_prefix(line.size() + 1);
    }
    put(2, out);
}

}  // namespace cli
