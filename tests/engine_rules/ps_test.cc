// What `docker top` shows: the arguments of ps that are understood, and rows made from /proc.
#include "engine/ps.h"

#include <boost/test/unit_test.hpp>
#include <unistd.h>

namespace {

using engine::ps::Column;
using engine::ps::Process;
using engine::ps::Surroundings;

std::string titles(std::string_view arguments) {
    auto columns = engine::ps::columns(arguments);
    if (!columns) return columns.error().message();
    std::string out;
    for (const Column& column : *columns)
        out += (out.empty() ? "" : " ") + column.title;
    return out;
}

std::string cell(std::string_view column, const Process& process, const Surroundings& around) {
    auto columns = engine::ps::columns("-o pid," + std::string(column));
    BOOST_REQUIRE(columns);
    return columns->back().text(process, around);
}

// A bash of user 1000 on pts/3, 90 s after the machine came up.
constexpr std::string_view stat_text =
    "4321 (a b) c) S 1 4321 4321 34819 4399 4194304 2000 9000 0 3 250 150 10 5 20 0 1 0 9000 "
    "8450048 1250 18446744073709551615 1 1 0 0 0 0 65536 3670020 1266777851 1 0 0 17 1 0 0 0 0 0\n";
constexpr std::string_view status_text =
    "Name:\tbash\nUid:\t1000\t1001\t1000\t1000\nGid:\t100\t101\t100\t100\nVmLck:\t       0 kB\n";

Surroundings machine() {
    Surroundings around;
    around.now = Time{1'000'000'000'000'000'000};
    around.uptime_ns = 190'000'000'000;
    around.memory_bytes = 1250ULL * 4096 * 100;
    around.users = {{1001, "someone-long"}, {1000, "me"}};
    return around;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_usual_formats_have_the_titles_of_procps) {
    BOOST_TEST(titles("-ef") == "UID PID PPID C STIME TTY TIME CMD");
    BOOST_TEST(titles("  -e   -f ") == titles("-ef"));
    BOOST_TEST(titles("-eF") == "UID PID PPID C SZ RSS PSR STIME TTY TIME CMD");
    BOOST_TEST(titles("aux") == "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND");
    BOOST_TEST(titles("-aux") == titles("aux"));
    BOOST_TEST(titles("auxww") == titles("aux"));
    BOOST_TEST(titles("ax") == "PID TTY STAT TIME COMMAND");
    BOOST_TEST(titles("-A") == "PID TTY TIME CMD");
    BOOST_TEST(titles("-ej") == "PID PGID SID TTY TIME CMD");
}

BOOST_AUTO_TEST_CASE(columns_of_ones_own_keep_their_order_and_titles) {
    BOOST_TEST(titles("-o pid,comm") == "PID COMMAND");
    BOOST_TEST(titles("-eo user,pid,%cpu,args") == "USER PID %CPU COMMAND");
    BOOST_TEST(titles("-eopid,cmd") == "PID COMMAND");
    BOOST_TEST(titles("-o pid -o etime=SINCE") == "PID SINCE");
    BOOST_TEST(titles("--format=ppid,pid") == "PPID PID");
    BOOST_TEST(titles("axo stat,pid") == "STAT PID");
}

BOOST_AUTO_TEST_CASE(what_hides_or_renames_the_pid_is_refused) {
    BOOST_TEST(titles("-o comm") == "Couldn't find PID field in ps output");
    BOOST_TEST(titles("-o pid=") == "Couldn't find PID field in ps output");
    BOOST_TEST(titles("-o pid,ppid=PID") == "specifying \"ppid=PID\" is not allowed");
    BOOST_TEST(titles("-o comm=PID") == "specifying \"comm=PID\" is not allowed");
}

BOOST_AUTO_TEST_CASE(unknown_options_and_columns_are_named) {
    BOOST_TEST(titles("-o pid,nothing") ==
               "ps: unknown user-defined format specifier \"nothing\"");
    BOOST_TEST(titles("-o") == "ps: format specification must follow -o");
    BOOST_TEST(titles("-e --sort=pid").starts_with("ps: option '--sort=pid' is not known"));
    BOOST_TEST(titles("-Z").starts_with("ps: option '-Z' is not known"));
    BOOST_TEST(titles("-ef --ppid").starts_with("ps: option '--ppid' is not known"));
    BOOST_TEST(titles("Z").starts_with("ps: option 'Z' is not known"));
}

BOOST_AUTO_TEST_CASE(a_process_is_read_whatever_its_name_holds) {
    auto process = engine::ps::parse(stat_text, status_text, std::string("bash\0-l\0", 8));
    BOOST_REQUIRE(process);
    Surroundings around = machine();
    BOOST_TEST(process->name == "a b) c");
    BOOST_TEST(cell("cmd", *process, around) == "bash -l");
    BOOST_TEST(cell("comm", *process, around) == "a b) c");
    BOOST_TEST(cell("ppid", *process, around) == "1");
    BOOST_TEST(cell("tty", *process, around) == "pts/3");
    BOOST_TEST(cell("user", *process, around) == "someone+");
    BOOST_TEST(cell("ruser", *process, around) == "me");
    BOOST_TEST(cell("group", *process, around) == "101");
    BOOST_TEST(cell("stat", *process, around) == "Ss");
    BOOST_TEST(cell("time", *process, around) == "00:00:04");
    BOOST_TEST(cell("etime", *process, around) == "01:40");
    BOOST_TEST(cell("c", *process, around) == "4");
    BOOST_TEST(cell("%cpu", *process, around) == "4.0");
    BOOST_TEST(cell("%mem", *process, around) == "1.0");
    BOOST_TEST(cell("vsz", *process, around) == "8252");
    BOOST_TEST(cell("rss", *process, around) == "5000");
    BOOST_TEST(cell("pri", *process, around) == "19");
    BOOST_TEST(cell("psr", *process, around) == "1");
}

BOOST_AUTO_TEST_CASE(a_process_without_a_command_line_stands_in_brackets) {
    auto process = engine::ps::parse(stat_text, status_text, "");
    BOOST_REQUIRE(process);
    BOOST_TEST(cell("args", *process, machine()) == "[a b) c]");
    process->state = 'Z';
    BOOST_TEST(cell("args", *process, machine()) == "[a b) c] <defunct>");
}

BOOST_AUTO_TEST_CASE(control_characters_of_a_command_do_not_reach_a_terminal) {
    auto process = engine::ps::parse(stat_text, status_text, std::string("a\x1b[2J\nb\0c", 9));
    BOOST_REQUIRE(process);
    BOOST_TEST(cell("cmd", *process, machine()) == "a?[2J?b c");
}

BOOST_AUTO_TEST_CASE(what_no_kernel_writes_is_no_process) {
    BOOST_TEST(!engine::ps::parse("", status_text, ""));
    BOOST_TEST(!engine::ps::parse("12 (a", status_text, ""));
    BOOST_TEST(!engine::ps::parse("12 )a(", status_text, ""));
    BOOST_TEST(!engine::ps::parse("12 (a) S 1 2", status_text, ""));
    BOOST_TEST(!engine::ps::parse(stat_text, "Uid:\t1\n", ""));
}

BOOST_AUTO_TEST_CASE(this_process_is_listed_and_one_that_has_ended_is_not) {
    constexpr int nobody = 0x3fffffff;
    auto columns = engine::ps::columns("-o pid,ppid,uid,cmd");
    BOOST_REQUIRE(columns);
    auto listed = engine::ps::list(*columns, {nobody, ::getpid()});
    BOOST_REQUIRE(listed);
    BOOST_REQUIRE(listed->processes.size() == 1);
    const wire::Strings& row = listed->processes[0];
    BOOST_TEST(row[0] == std::to_string(::getpid()));
    BOOST_TEST(row[1] == std::to_string(::getppid()));
    BOOST_TEST(row[2] == std::to_string(::geteuid()));
    BOOST_TEST(!row[3].empty());
}
