// The arguments and columns of `ps`.
#include "engine/ps.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <span>

namespace engine::ps {

namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::size_t name_width = 8;  // of users and groups, as ps cuts them

std::string number(std::int64_t value) {
    return std::to_string(value);
}

// Known by name, unless that is too long for the column.
std::string account(const std::map<std::uint32_t, std::string>& names, std::uint32_t id) {
    auto found = names.find(id);
    if (found == names.end()) return std::to_string(id);
    if (found->second.size() <= name_width) return found->second;
    return found->second.substr(0, name_width - 1) + "+";
}

// Seconds since the process began.
std::int64_t age(const Process& process, const Surroundings& around) {
    std::int64_t up = around.uptime_ns / ns_per_second;
    auto began = static_cast<std::int64_t>(process.start_ticks / around.ticks_per_second);
    return std::max<std::int64_t>(up - began, 0);
}

std::int64_t seconds_used(const Process& process, const Surroundings& around) {
    return static_cast<std::int64_t>(process.ticks_used / around.ticks_per_second);
}

std::tm local_time(std::int64_t seconds) {
    std::time_t time = seconds;
    std::tm parts{};
    ::localtime_r(&time, &parts);
    return parts;
}

std::string formatted(const char* format, const std::tm& parts) {
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, format, &parts));
}

// The day for what began earlier than today, the year for what began in another one.
std::string start_time(const Process& process, const Surroundings& around) {
    std::int64_t now = around.now.seconds();
    std::tm today = local_time(now), then = local_time(now - age(process, around));
    if (today.tm_year != then.tm_year) return formatted("%Y", then);
    return formatted(today.tm_yday != then.tm_yday ? "%b%d" : "%H:%M", then);
}

// [days-]hours:minutes:seconds
std::string long_time(std::int64_t seconds, bool hours_always) {
    constexpr std::int64_t minute = 60, hour = 3600, day = 86400;
    std::string text;
    if (seconds >= day) text = fmt::format("{}-", seconds / day);
    if (hours_always || seconds >= hour) text += fmt::format("{:02}:", seconds % day / hour);
    return text + fmt::format("{:02}:{:02}", seconds % hour / minute, seconds % minute);
}

// Tenths of a percent of one processor over its whole life.
std::int64_t cpu_tenths(const Process& process, const Surroundings& around) {
    std::int64_t seconds = age(process, around);
    if (seconds == 0) return 0;
    auto ticks = static_cast<std::int64_t>(process.ticks_used);
    return ticks * 1000 / static_cast<std::int64_t>(around.ticks_per_second) / seconds;
}

std::string tenths(std::int64_t value) {
    return value > 999 ? number(value / 10) : fmt::format("{}.{}", value / 10, value % 10);
}

// dev_t as /proc has it: the minor's high bits stand above the major.
std::string terminal_name(const Process& process) {
    auto device = static_cast<std::uint32_t>(process.terminal);
    unsigned major = (device >> 8) & 0xfff;
    unsigned minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    constexpr unsigned console = 4, first_serial = 64, first_pts = 136, last_pts = 143;
    if (major == console)
        return minor < first_serial ? fmt::format("tty{}", minor)
                                    : fmt::format("ttyS{}", minor - first_serial);
    if (major >= first_pts && major <= last_pts)
        return fmt::format("pts/{}", minor + (major - first_pts) * 256);
    return "?";
}

std::string state_text(const Process& process) {
    std::string text(1, process.state);
    if (process.nice < 0) text += '<';
    if (process.nice > 0) text += 'N';
    if (process.locked_bytes > 0) text += 'L';
    if (process.session == process.pid) text += 's';
    if (process.threads > 1) text += 'l';
    if (process.foreground_group == process.group) text += '+';
    return text;
}

std::string name_text(const Process& process) {
    return process.state == 'Z' ? process.name + " <defunct>" : process.name;
}

std::string command_text(const Process& process) {
    if (!process.command.empty()) return process.command;
    return process.state == 'Z' ? fmt::format("[{}] <defunct>", process.name)
                                : fmt::format("[{}]", process.name);
}

// Names that mean the same share a row.
struct Known {
    std::string_view names;  // separated by blanks
    std::string_view title;
    std::string (*text)(const Process&, const Surroundings&);
};

constexpr std::string_view command_names = "args cmd command";

#define COLUMN [](const Process& p [[maybe_unused]], const Surroundings& s [[maybe_unused]])
constexpr Known known[] = {{"pid tgid", "PID", COLUMN{return number(p.pid);
}  // namespace
}  // namespace engine::ps
, {"ppid", "PPID", COLUMN{return number(p.parent);
}
}
, {"pgid pgrp", "PGID", COLUMN{return number(p.group);
}
}
, {"sid sess session", "SID", COLUMN{return number(p.session);
}
}
, {"tpgid", "TPGID", COLUMN{return number(p.foreground_group);
}
}
, {"user euser uname", "USER", COLUMN{return account(s.users, p.uid);
}
}
, {"ruser", "RUSER", COLUMN{return account(s.users, p.uid_real);
}
}
, {"uid euid", "UID", COLUMN{return number(p.uid);
}
}
, {"ruid", "RUID", COLUMN{return number(p.uid_real);
}
}
, {"group egroup", "GROUP", COLUMN{return account(s.groups, p.gid);
}
}
, {"rgroup", "RGROUP", COLUMN{return account(s.groups, p.gid_real);
}
}
, {"gid egid", "GID", COLUMN{return number(p.gid);
}
}
, {"rgid", "RGID", COLUMN{return number(p.gid_real);
}
}
, {"tty tname", "TTY", COLUMN{return terminal_name(p);
}
}
, {"tt", "TT", COLUMN{return terminal_name(p);
}
}
, {"stat", "STAT", COLUMN{return state_text(p);
}
}
, {"s state", "S", COLUMN{return std::string(1, p.state);
}
}
, {"c", "C", COLUMN{return number(std::min<std::int64_t>(cpu_tenths(p, s) / 10, 99));
}
}
, {"pcpu %cpu", "%CPU", COLUMN{return tenths(cpu_tenths(p, s));
}
}
, {"pmem %mem", "%MEM",
   COLUMN{return tenths(static_cast<std::int64_t>(p.resident_bytes * 1000 / s.memory_bytes));
}
}
, {"vsz vsize", "VSZ", COLUMN{return std::to_string(p.virtual_bytes / 1024);
}
}
, {"rss rssize rsz", "RSS", COLUMN{return std::to_string(p.resident_bytes / 1024);
}
}
, {"sz", "SZ", COLUMN{return std::to_string(p.virtual_bytes / 4096);
}
}
, {"psr", "PSR", COLUMN{return number(p.processor);
}
}
, {"ni nice", "NI", COLUMN{return number(p.nice);
}
}
, {"pri", "PRI", COLUMN{return number(39 - p.priority);
}
}
, {"nlwp thcount", "NLWP", COLUMN{return number(p.threads);
}
}
, {"stime start_time", "STIME", COLUMN{return start_time(p, s);
}
}
, {"time cputime", "TIME", COLUMN{return long_time(seconds_used(p, s), true);
}
}
, {"bsdtime", "TIME",
   COLUMN{return fmt::format("{}:{:02}", seconds_used(p, s) / 60, seconds_used(p, s) % 60);
}
}
, {"etime", "ELAPSED", COLUMN{return long_time(age(p, s), false);
}
}
, {"etimes", "ELAPSED", COLUMN{return number(age(p, s));
}
}
, {"comm ucmd ucomm", "COMMAND", COLUMN{return name_text(p);
}
}
, {command_names, "COMMAND", COLUMN{return command_text(p);
}
}
,
}
;
#undef COLUMN

bool holds_word(std::string_view words, std::string_view wanted) {
    while (!words.empty()) {
        std::string_view word = words.substr(0, words.find(' '));
        if (word == wanted) return true;
        words.remove_prefix(std::min(words.size(), word.size() + 1));
    }
    return false;
}

const Known* find_column(std::string_view name) {
    auto found =
        std::ranges::find_if(known, [&](const Known& one) { return holds_word(one.names, name); });
    return found == std::end(known) ? nullptr : found;
}

// One of the ready-made formats: "name" or "name=TITLE", separated by blanks.
std::vector<Column> ready_made(std::string_view format) {
    std::vector<Column> out;
    while (!format.empty()) {
        std::string_view word = format.substr(0, format.find(' '));
        format.remove_prefix(std::min(format.size(), word.size() + 1));
        std::size_t equals = word.find('=');
        const Known* column = find_column(word.substr(0, equals));
        std::string_view title = equals == word.npos ? column->title : word.substr(equals + 1);
        out.push_back({std::string(title), column->text});
    }
    return out;
}

constexpr std::string_view plain = "pid tty time comm=CMD";
constexpr std::string_view full = "user=UID pid ppid c stime tty time cmd=CMD";
constexpr std::string_view extra_full = "user=UID pid ppid c sz rss psr stime tty time cmd=CMD";
constexpr std::string_view jobs = "pid pgid sid tty time comm=CMD";
constexpr std::string_view bsd_plain = "pid tty stat bsdtime cmd";
constexpr std::string_view bsd_user = "user pid %cpu %mem vsz rss tty stat stime=START bsdtime cmd";
constexpr std::string_view bsd_jobs = "ppid pid pgid sid tty tpgid stat uid bsdtime cmd";

Error unknown(std::string_view option) {
    return Error(Kind::invalid,
                 fmt::format("ps: option '{}' is not known to this engine: it reads the processes "
                             "itself and knows the options a, A, e, f, F, j, o, u, w and x",
                             option));
}

// Reads one `ps` command line word by word.
class Arguments {
public:
    explicit Arguments(std::string_view text) {
        while (!text.empty()) {
            std::size_t begin = text.find_first_not_of(" \t\n\r\v\f");
            if (begin == text.npos) break;
            text.remove_prefix(begin);
            std::string_view word = text.substr(0, text.find_first_of(" \t\n\r\v\f"));
            words_.push_back(word);
            text.remove_prefix(word.size());
        }
    }

    Result<std::vector<Column>> read() {
        for (; at_ < words_.size(); ++at_) {
            std::string_view word = words_[at_];
            if (word.starts_with("--")) {
                TRY_DO(take_long(word.substr(2)));
            } else if (word.starts_with('-') && word.size() > 1) {
                TRY_DO(take_letters(word.substr(1), word.substr(1).starts_with("aux")));
            } else {
                TRY_DO(take_letters(word, true));
            }
        }
        if (!chosen_.empty()) return chosen_;
        return ready_made(format_);
    }

private:
    // "--format", "--format=pid,cmd"; the widths and selections that change nothing here.
    Status take_long(std::string_view word) {
        constexpr std::string_view format = "format";
        if (word.starts_with(format) && word.size() > format.size() && word[format.size()] == '=')
            return take_columns(word.substr(format.size() + 1));
        if (word == format) return take_columns(next_word());
        return unknown(fmt::format("--{}", word));
    }

    Status take_letters(std::string_view letters, bool bsd) {
        for (std::size_t i = 0; i < letters.size(); ++i) {
            char letter = letters[i];
            if (letter == 'o') {
                std::string_view rest = letters.substr(i + 1);
                return take_columns(rest.empty() ? next_word() : rest);
            }
            TRY_DO(bsd ? take_bsd(letter) : take_unix(letter));
        }
        return {};
    }

    Status take_unix(char letter) {
        // Which processes are shown is not for ps to say: those of the container.
        constexpr std::string_view without_effect = "eAadw";
        if (letter == 'f')
            format_ = format_ == extra_full ? extra_full : full;
        else if (letter == 'F')
            format_ = extra_full;
        else if (letter == 'j')
            format_ = jobs;
        else if (without_effect.find(letter) == without_effect.npos)
            return unknown(fmt::format("-{}", letter));
        return {};
    }

    Status take_bsd(char letter) {
        constexpr std::string_view without_effect = "axwg";
        if (letter == 'u')
            format_ = bsd_user;
        else if (letter == 'j')
            format_ = bsd_jobs;
        else if (without_effect.find(letter) == without_effect.npos)
            return unknown(std::string(1, letter));
        else if (format_ == plain)
            format_ = bsd_plain;
        return {};
    }

    std::string_view next_word() { return ++at_ < words_.size() ? words_[at_] : ""; }

    // "pid,ppid=PARENT,cmd": a title takes the rest of its word, as in ps.
    Status take_columns(std::string_view list) {
        if (list.empty()) return Error(Kind::invalid, "ps: format specification must follow -o");
        while (!list.empty()) {
            std::size_t end = list.find_first_of(",=");
            std::string_view name = list.substr(0, end);
            const Known* column = find_column(name);
            if (column == nullptr)
                return Error(Kind::invalid,
                             fmt::format("ps: unknown user-defined format specifier \"{}\"", name));
            std::string_view title = column->title;
            bool renamed = end != list.npos && list[end] == '=';
            list.remove_prefix(end == list.npos ? list.size() : end + 1);
            if (renamed) {
                title = std::exchange(list, {});
                if (title.starts_with("PID"))
                    return Error(Kind::invalid,
                                 fmt::format("specifying \"{}={}\" is not allowed", name, title));
            }
            chosen_.push_back({std::string(title), column->text});
        }
        return {};
    }

    std::vector<std::string_view> words_;
    std::size_t at_ = 0;
    std::string_view format_ = plain;
    std::vector<Column> chosen_;
};

}  // namespace

Result<std::vector<Column>> columns(std::string_view arguments) {
    TRY(std::vector<Column> chosen, Arguments(arguments).read());
    if (std::ranges::none_of(chosen, [](const Column& column) { return column.title == "PID"; }))
        return Error(Kind::invalid, "Couldn't find PID field in ps output");
    return chosen;
}

}  // namespace engine::ps
