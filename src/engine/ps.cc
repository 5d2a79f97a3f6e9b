// Processes as /proc has them.
#include "engine/ps.h"

#include "sys/file.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace engine::ps {

namespace {

constexpr std::size_t stat_bytes_max = 4096;
constexpr std::size_t status_bytes_max = 64 * 1024;
constexpr std::size_t command_bytes_max = 4 * 1024 * 1024;  // a container chooses its length
constexpr std::size_t shown_bytes_max = 64 * 1024;          // of one command line

template <class T> bool to_number(std::string_view text, T& out) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
}

std::string_view take_word(std::string_view& text, std::string_view blanks = " \t\n") {
    std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

// What a terminal would act on is shown as ps shows it.
std::string printable(std::string_view text) {
    std::string out(text.substr(0, shown_bytes_max));
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return out;
}

// The value behind "Name:" in /proc/PID/status.
std::string_view status_value(std::string_view status, std::string_view name) {
    while (!status.empty()) {
        std::string_view line = status.substr(0, status.find('\n'));
        status.remove_prefix(std::min(status.size(), line.size() + 1));
        if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
            return line.substr(name.size() + 1);
    }
    return {};
}

// Fields 3 and following of stat(5): those behind the name, which may hold anything.
bool read_stat(std::string_view fields, Process& process) {
    std::string_view state = take_word(fields);
    if (state.size() != 1) return false;
    process.state = state[0];
    constexpr int first = 4, last = 39;
    std::uint64_t user_ticks = 0, system_ticks = 0, pages = 0;
    for (int number = first; number <= last; ++number) {
        std::string_view word = take_word(fields);
        bool read = true;
        switch (number) {
        case 4:
            read = to_number(word, process.parent);
            break;
        case 5:
            read = to_number(word, process.group);
            break;
        case 6:
            read = to_number(word, process.session);
            break;
        case 7:
            read = to_number(word, process.terminal);
            break;
        case 8:
            read = to_number(word, process.foreground_group);
            break;
        case 14:
            read = to_number(word, user_ticks);
            break;
        case 15:
            read = to_number(word, system_ticks);
            break;
        case 18:
            read = to_number(word, process.priority);
            break;
        case 19:
            read = to_number(word, process.nice);
            break;
        case 20:
            read = to_number(word, process.threads);
            break;
        case 22:
            read = to_number(word, process.start_ticks);
            break;
        case 23:
            read = to_number(word, process.virtual_bytes);
            break;
        case 24:
            read = to_number(word, pages);
            break;
        case 39:
            read = to_number(word, process.processor);
            break;
        default:
            read = !word.empty();
        }
        if (!read) return false;
    }
    process.ticks_used = user_ticks + system_ticks;
    process.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return true;
}

std::optional<Process> read_process(int pid) {
    std::string folder = fmt::format("/proc/{}/", pid);
    auto stat = sys::read_file(folder + "stat", stat_bytes_max);
    auto status = sys::read_file(folder + "status", status_bytes_max);
    auto command = sys::read_file(folder + "cmdline", command_bytes_max);
    if (!stat || !status) return std::nullopt;
    return parse(*stat, *status, command ? *command : std::string());
}

// name:x:number:... of /etc/passwd and /etc/group; of several names for a number the first counts.
std::map<std::uint32_t, std::string> read_accounts(const std::string& path) {
    std::map<std::uint32_t, std::string> names;
    auto text = sys::read_file(path, limits::account_file_bytes_max);
    if (!text) return names;  // numbers will do
    std::string_view rest = *text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        std::size_t name_end = line.find(':');
        if (name_end == 0 || name_end == line.npos) continue;
        std::size_t word_end = line.find(':', name_end + 1);
        if (word_end == line.npos) continue;
        std::string_view digits = line.substr(word_end + 1);
        std::uint32_t id = 0;
        if (to_number(digits.substr(0, digits.find(':')), id))
            names.emplace(id, line.substr(0, name_end));
    }
    return names;
}

Surroundings look_around() {
    Surroundings around;
    around.now = base::now();
    around.uptime_ns = base::boottime_ns();
    around.ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    struct sysinfo memory {};
    if (::sysinfo(&memory) == 0)
        around.memory_bytes =
            std::max<std::uint64_t>(std::uint64_t(memory.totalram) * memory.mem_unit, 1);
    around.users = read_accounts("/etc/passwd");
    around.groups = read_accounts("/etc/group");
    return around;
}

}  // namespace

std::optional<Process> parse(std::string_view stat, std::string_view status,
                             std::string_view command_line) {
    Process process;
    std::size_t open = stat.find('('), close = stat.rfind(')');
    if (open == stat.npos || close == stat.npos || close < open) return std::nullopt;
    std::string_view number = stat.substr(0, open);
    if (!to_number(take_word(number), process.pid)) return std::nullopt;
    process.name = printable(stat.substr(open + 1, close - open - 1));
    if (!read_stat(stat.substr(close + 1), process)) return std::nullopt;
    std::string_view users = status_value(status, "Uid"), groups = status_value(status, "Gid");
    if (!to_number(take_word(users), process.uid_real) || !to_number(take_word(users), process.uid))
        return std::nullopt;
    if (!to_number(take_word(groups), process.gid_real) ||
        !to_number(take_word(groups), process.gid))
        return std::nullopt;
    std::string_view locked = status_value(status, "VmLck");
    if (!to_number(take_word(locked), process.locked_bytes)) process.locked_bytes = 0;
    while (command_line.ends_with('\0'))
        command_line.remove_suffix(1);
    std::string words(command_line.substr(0, shown_bytes_max));
    std::ranges::replace(words, '\0', ' ');
    process.command = printable(words);
    return process;
}

Result<wire::TopResponse> list(const std::vector<Column>& columns, std::vector<int> pids) {
    wire::TopResponse out;
    for (const Column& column : columns)
        out.titles.push_back(column.title);
    Surroundings around = look_around();
    std::ranges::sort(pids);
    for (int pid : pids) {
        std::optional<Process> process = read_process(pid);
        if (!process) continue;
        wire::Strings& row = out.processes.emplace_back();
        for (const Column& column : columns)
            row.push_back(column.text(*process, around));
    }
    return out;
}

}  // namespace engine::ps
