// Containers on a terminal.
#include "container_fixture.h"

#include <sys/ioctl.h>
#include <termios.h>

using support::ContainerFixture;
using support::Outcome;

namespace {

// Reads until `wanted` has come.
Task<bool> read_until(Stream& stream, std::string& text, std::string_view wanted) {
    while (text.find(wanted) == std::string::npos) {
        auto part = co_await stream.read();
        if (!part || part->empty()) co_return false;
        text.append(part->view());
    }
    co_return true;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shim_terminal, ContainerFixture)

BOOST_AUTO_TEST_CASE(stdio_is_a_terminal_of_the_containers_own_devpts) {
    run::ContainerSpec wanted =
        shell("tty; ls -1 /dev/pts; ls -l /dev/console; echo TERM=$TERM; test -t 0 && echo yes");
    wanted.process.terminal = true;
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.out.starts_with("/dev/pts/0\r\n0\r\nptmx\r\n"), outcome.out);
    BOOST_TEST(outcome.out.find("136,   0") != std::string::npos, outcome.out);
    BOOST_TEST(outcome.out.find("TERM=xterm\r\nyes\r\n") != std::string::npos, outcome.out);
}

BOOST_AUTO_TEST_CASE(typed_text_is_echoed_and_the_size_follows) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell(
            "stty size; trap 'stty size' WINCH; read line; echo \"got $line\"; read line; exit 3");
        wanted.process.terminal = true;
        wanted.process.open_stdin = true;
        wanted.process.console_size = {33, 101};
        auto prepared = self.prepare(std::move(wanted));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        BOOST_TEST(!started->console.stdin_);
        BOOST_TEST(!started->console.stdout_);
        auto terminal = loop::stream_of(self.loop(), std::move(started->console.pty));
        std::string text;
        BOOST_TEST(co_await read_until(*terminal, text, "33 101\r\n"));
        BOOST_REQUIRE(co_await terminal->write(Slice::copy_of("hello\n")));
        BOOST_TEST(co_await read_until(*terminal, text, "hello\r\ngot hello\r\n"));
        winsize size{.ws_row = 50, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
        BOOST_TEST(::ioctl(terminal->fd(), TIOCSWINSZ, &size) == 0);
        BOOST_REQUIRE(co_await terminal->write(Slice::copy_of("\n")));
        BOOST_TEST(co_await read_until(*terminal, text, "50 60\r\n"));
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 3);
        self.client().acknowledge(ended->id);
        terminal->close();
    }(*this));
}

BOOST_AUTO_TEST_CASE(it_is_the_controlling_terminal) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted =
            self.shell("trap 'echo interrupted; exit 5' INT; echo ready; read x < /dev/tty");
        wanted.process.terminal = true;
        auto prepared = self.prepare(std::move(wanted));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        auto terminal = loop::stream_of(self.loop(), std::move(started->console.pty));
        std::string text;
        BOOST_TEST(co_await read_until(*terminal, text, "ready\r\n"));
        BOOST_REQUIRE(co_await terminal->write(Slice::copy_of("\x03")));
        BOOST_TEST(co_await read_until(*terminal, text, "interrupted\r\n"));
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 5);
        self.client().acknowledge(ended->id);
        terminal->close();
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_user_owns_the_terminal_and_init_takes_it) {
    for (bool init : {false, true}) {
        run::ContainerSpec wanted = shell("stat -c '%u %g %a' $(tty); ps -o pid,comm | head -2; "
                                          "echo x > $(tty)");
        wanted.process.terminal = true;
        wanted.process.init = init;
        wanted.process.user.uid = 1000;
        wanted.process.user.gid = 1000;
        wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), 1000);
        Outcome outcome = run_it(std::move(wanted));
        BOOST_TEST(outcome.out.starts_with("1000 5 620\r\n"), outcome.out);
        BOOST_TEST((outcome.out.find("lighter-init") != std::string::npos) == init, outcome.out);
        BOOST_TEST(outcome.out.ends_with("x\r\n"), outcome.out);
    }
}

BOOST_AUTO_TEST_CASE(a_terminal_without_a_dev_of_ours_works_too) {
    std::filesystem::create_directories(scratch().at("dev"));
    std::ofstream(scratch().at("dev/console")) << "mine";
    run::ContainerSpec wanted = shell("test -t 1 && echo terminal; ls /dev");
    wanted.process.terminal = true;
    wanted.mounts = {{"/proc", "proc", "proc", {}},
                     {"/dev", "bind", scratch().at("dev"), {"rbind"}}};
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.out == "terminal\r\nconsole\r\n");
    BOOST_TEST(scratch().read("dev/console") == "mine");
}

BOOST_AUTO_TEST_SUITE_END()
