// Further processes in a container that runs.
#include "container_fixture.h"

using support::ContainerFixture;

namespace {

run::Process process(std::vector<std::string> args) {
    run::Process process;
    process.args = std::move(args);
    process.env = {"PATH=/bin"};
    process.capabilities = run::capabilities_for(run::default_capabilities(), 0);
    return process;
}

struct Target {
    std::string id;
    run::Started started;
};

Task<Result<Target>> start_target(ContainerFixture& self, bool terminal) {
    if (!self.connected()) CO_TRY_DO(co_await self.connect());
    run::ContainerSpec wanted = self.shell("echo pid-1 > /tmp/mark; exec sleep 100");
    wanted.process.terminal = terminal;
    Target target{wanted.id, {}};
    CO_TRY(run::Prepared prepared, self.prepare(std::move(wanted)));
    CO_TRY(target.started, co_await self.client().start(std::move(prepared)));
    co_return target;
}

struct Ran {
    std::string out;
    int code = -1;
};

Task<Result<Ran>> run_in(ContainerFixture& self, const Target& target, run::Process wanted) {
    CO_TRY(run::Prepared prepared,
           self.prepare_exec(target.id, target.started.pidfd, std::move(wanted)));
    CO_TRY(run::Started started, co_await self.client().start(std::move(prepared)));
    Ran ran;
    Fd& out = started.console.pty ? started.console.pty : started.console.stdout_;
    co_await self.collect(self.loop(), std::move(out), ran.out);
    CO_TRY(run::Ended ended, co_await self.client().next_ended());
    self.client().acknowledge(ended.id);
    BOOST_TEST(!ended.mount_namespace);
    ran.code = ended.exit.code;
    co_return ran;
}

Task<void> end(ContainerFixture& self, const Target& target) {
    ::kill(target.started.pid, SIGKILL);
    auto ended = co_await self.client().next_ended();
    BOOST_REQUIRE(ended);
    BOOST_TEST(ended->id == target.id);
    self.client().acknowledge(target.id);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shim_exec, ContainerFixture)

BOOST_AUTO_TEST_CASE(it_lives_in_the_containers_world) {
    run([](ContainerFixture& self) -> Task<void> {
        auto target = co_await start_target(self, false);
        BOOST_REQUIRE(target);
        run::Process wanted = process({"sh", "-c",
                                       "hostname; cat /tmp/mark; ps -o pid,comm | head -2; pwd; "
                                       "id -u; ls /proc/self/fd | wc -l; "
                                       "readlink /proc/1/ns/mnt /proc/1/ns/net; "
                                       "readlink /proc/self/ns/mnt /proc/self/ns/net; exit 17"});
        wanted.cwd = "/tmp";
        wanted.user.uid = 0;
        auto ran = co_await run_in(self, *target, std::move(wanted));
        BOOST_REQUIRE_MESSAGE(ran, (ran ? "" : ran.error().message()));
        BOOST_TEST(ran->code == 17);
        BOOST_TEST(ran->out.starts_with("box\npid-1\nPID   COMMAND\n    1 sleep\n/tmp\n0\n4\n"),
                   ran->out);
        co_await end(self, *target);
    }(*this));
}

BOOST_AUTO_TEST_CASE(its_terminal_is_one_of_the_containers) {
    run([](ContainerFixture& self) -> Task<void> {
        for (bool terminal : {false, true}) {
            auto target = co_await start_target(self, terminal);
            BOOST_REQUIRE(target);
            run::Process wanted = process({"sh", "-c", "tty; stty size; test -t 1 && echo yes"});
            wanted.terminal = true;
            wanted.console_size = {20, 30};
            auto ran = co_await run_in(self, *target, std::move(wanted));
            BOOST_REQUIRE(ran);
            BOOST_TEST(ran->out == (terminal ? "/dev/pts/1\r\n20 30\r\nyes\r\n"
                                             : "/dev/pts/0\r\n20 30\r\nyes\r\n"));
            co_await end(self, *target);
        }
    }(*this));
}

BOOST_AUTO_TEST_CASE(failures_have_dockers_words_for_it) {
    run([](ContainerFixture& self) -> Task<void> {
        auto target = co_await start_target(self, false);
        BOOST_REQUIRE(target);
        auto missing = co_await run_in(self, *target, process({"nosuch"}));
        BOOST_REQUIRE(!missing);
        BOOST_TEST(missing.error().message() ==
                   "OCI runtime exec failed: exec failed: unable to start container process: exec: "
                   "\"nosuch\": executable file not found in $PATH: unknown");
        for (const char* cwd : {"/no/such", "/proc/self/fd/3", "/proc/self/fd/7"}) {
            run::Process elsewhere = process({"pwd"});
            elsewhere.cwd = cwd;
            auto ran = co_await run_in(self, *target, std::move(elsewhere));
            BOOST_REQUIRE(!ran);
            BOOST_TEST(int(ran.error().kind()) == int(Kind::invalid));
        }
        co_await end(self, *target);
        // Into what has ended.
        auto late = co_await run_in(self, *target, process({"true"}));
        BOOST_TEST(!late);
    }(*this));
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_container) {
    run([](ContainerFixture& self) -> Task<void> {
        auto target = co_await start_target(self, false);
        BOOST_REQUIRE(target);
        auto prepared =
            self.prepare_exec(target->id, target->started.pidfd, process({"sleep", "100"}));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        ::kill(target->started.pid, SIGKILL);
        for (int i = 0; i < 2; ++i) {
            auto ended = co_await self.client().next_ended();
            BOOST_REQUIRE(ended);
            BOOST_TEST(ended->exit.code == 137);
            self.client().acknowledge(ended->id);
        }
    }(*this));
}

BOOST_AUTO_TEST_SUITE_END()
