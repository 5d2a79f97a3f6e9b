// Containers through the shim: how they start, fail, end; what stays behind.
#include "container_fixture.h"

#include <fcntl.h>

using support::ContainerFixture;
using support::Outcome;

namespace {

// What Docker puts around every failure of a container's own set-up.
std::string in_init(const std::string& what) {
    return "failed to create task for container: failed to create shim task: OCI runtime create "
           "failed: runc create failed: unable to start container process: error during container "
           "init: " +
           what + ": unknown";
}

std::string mount_table() {
    std::ifstream file("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        count += entry.exists() ? 1 : 0;
    return count;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shim, ContainerFixture)

BOOST_AUTO_TEST_CASE(a_command_runs_and_its_output_and_exit_code_arrive) {
    Outcome outcome = run_it(shell("echo out; echo err >&2; exit 7"));
    BOOST_TEST(outcome.out == "out\n");
    BOOST_TEST(outcome.err == "err\n");
    BOOST_TEST(outcome.exit.code == 7);
    BOOST_TEST(outcome.exit.signal == 0);
    std::int64_t age = base::now().ns - outcome.exit.time.ns;
    BOOST_TEST(age >= 0);
    BOOST_TEST(age < 5'000'000'000);
}

BOOST_AUTO_TEST_CASE(every_exit_code_is_told_truly) {
    for (int code : {0, 1, 2, 125, 126, 127, 128, 137, 254, 255})
        BOOST_TEST(run_it(shell(fmt::format("exit {}", code))).exit.code == code);
}

BOOST_AUTO_TEST_CASE(a_signal_is_told_as_128_and_its_number) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        auto prepared = self.prepare(self.spec({"sleep", "100"}));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        BOOST_TEST(started->pid > 1);
        BOOST_TEST(::kill(started->pid, SIGKILL) == 0);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 137);
        BOOST_TEST(ended->exit.signal == SIGKILL);
        BOOST_TEST(bool(ended->mount_namespace));
        self.client().acknowledge(ended->id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_hundred_containers_at_once_all_end_as_they_should) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        constexpr int count = 100;
        Scope scope(self.loop());
        int good = 0;
        auto one = [](ContainerFixture& self, int number, int& good) -> Task<void> {
            auto prepared = self.prepare(self.shell(fmt::format("exit {}", number)));
            BOOST_REQUIRE(prepared);
            auto started = co_await self.client().start(std::move(*prepared));
            good += started ? 1 : 0;
        };
        for (int i = 0; i < count; ++i)
            scope.spawn(one(self, i, good));
        std::set<int> codes;
        for (int i = 0; i < count; ++i) {
            auto ended = co_await self.client().next_ended();
            BOOST_REQUIRE(ended);
            codes.insert(ended->exit.code);
            self.client().acknowledge(ended->id);
        }
        co_await scope.join();
        BOOST_TEST(good == count);
        BOOST_TEST(codes.size() == count);
    }(*this));
}

BOOST_AUTO_TEST_CASE(a_missing_command_is_told_in_dockers_words) {
    BOOST_TEST(refusal(spec({"nosuch"})) ==
               in_init("exec: \"nosuch\": executable file not found in $PATH"));
    BOOST_TEST(refusal(spec({"/no/such"})) ==
               in_init("exec: \"/no/such\": stat /no/such: no such file or directory"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_executed_is_told_in_dockers_words) {
    BOOST_TEST(refusal(spec({"/etc/plain"})) == in_init("exec: \"/etc/plain\": permission denied"));
    BOOST_TEST(refusal(spec({"/etc"})) == in_init("exec: \"/etc\": is a directory"));
    // What only exec itself finds out is, as with runc, the end of a container that has started.
    std::ofstream(scratch().at("root/bin/script")) << "#!/no/interpreter\n";
    std::filesystem::permissions(scratch().at("root/bin/script"), std::filesystem::perms(0755));
    for (bool init : {false, true}) {
        run::ContainerSpec garbage = spec({"/bin/garbage"});
        garbage.process.init = init;
        Outcome outcome = run_it(std::move(garbage));
        BOOST_TEST(outcome.exit.code == 255);
        BOOST_TEST(outcome.err == "exec /bin/garbage: exec format error\n");
        run::ContainerSpec script = spec({"script"});
        script.process.init = init;
        outcome = run_it(std::move(script));
        BOOST_TEST(outcome.exit.code == 255);
        BOOST_TEST(outcome.err == "exec /bin/script: no such file or directory\n");
    }
}

BOOST_AUTO_TEST_CASE(path_is_searched_as_the_user_of_the_container) {
    std::filesystem::create_directories(scratch().at("root/secret"));
    std::filesystem::copy_file("/bin/busybox", scratch().at("root/secret/hidden"));
    std::filesystem::permissions(scratch().at("root/secret"), std::filesystem::perms(0700));
    auto hidden = [&](std::uint32_t uid) {
        run::ContainerSpec wanted = spec({"hidden", "true"});
        wanted.process.env = {"PATH=/secret"};
        wanted.process.user.uid = uid;
        wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), uid);
        return wanted;
    };
    std::string text = refusal(hidden(1000));
    BOOST_TEST(text.find("executable file not found in $PATH") != std::string::npos);
    BOOST_TEST(run_it(hidden(0)).exit.code == 127);  // found: busybox knows no applet "hidden"
}

BOOST_AUTO_TEST_CASE(a_working_directory_that_is_a_file_is_refused) {
    run::ContainerSpec wanted = shell("true");
    wanted.process.cwd = "/etc/plain/below";
    std::string text = refusal(std::move(wanted));
    BOOST_TEST(text == in_init("mkdir /etc/plain/below: not a directory"));
}

BOOST_AUTO_TEST_CASE(a_failed_start_leaves_the_id_free) {
    run::ContainerSpec bad = spec({"nosuch"});
    std::string id = bad.id;
    (void)refusal(std::move(bad));
    run::ContainerSpec good = shell("echo again");
    good.id = id;
    BOOST_TEST(run_it(std::move(good)).out == "again\n");
}

BOOST_AUTO_TEST_CASE(an_id_in_use_is_refused) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.spec({"sleep", "100"});
        auto first = self.prepare(wanted);
        auto second = self.prepare(wanted);
        BOOST_REQUIRE(first);
        BOOST_REQUIRE(second);
        auto started = co_await self.client().start(std::move(*first));
        BOOST_REQUIRE(started);
        auto again = co_await self.client().start(std::move(*second));
        BOOST_REQUIRE(!again);
        BOOST_TEST(int(again.error().kind()) == int(Kind::conflict));
        ::kill(started->pid, SIGKILL);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        self.client().acknowledge(ended->id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(stdin_is_a_pipe_that_can_be_closed_or_the_null_device) {
    run([](ContainerFixture& self) -> Task<void> {
        BOOST_REQUIRE(co_await self.connect());
        run::ContainerSpec wanted = self.shell("cat; echo end");
        wanted.process.open_stdin = true;
        auto prepared = self.prepare(wanted);
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        run::Console& console = started->console;
        BOOST_TEST(::write(console.stdin_.get(), "hello\n", 6) == 6);
        // The half close: ours and the shim's duplicate.
        console.stdin_.reset();
        self.client().close_stdin(wanted.id);
        std::string out;
        co_await self.collect(self.loop(), std::move(console.stdout_), out);
        BOOST_TEST(out == "hello\nend\n");
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 0);
        self.client().acknowledge(ended->id);
    }(*this));
    Outcome closed = run_it(shell("wc -c; readlink /proc/self/fd/0"));
    BOOST_TEST(closed.out == "0\n/dev/null\n");
}

BOOST_AUTO_TEST_CASE(bytes_of_every_value_and_amount_pass_unchanged) {
    Outcome outcome = run_it(shell("dd if=/dev/zero bs=65536 count=64 2>/dev/null; "
                                   "printf '\\001\\377\\r\\n'"));
    BOOST_TEST(outcome.out.size() == 64U * 65536U + 4U);
    BOOST_TEST(outcome.out.substr(outcome.out.size() - 4) == "\001\377\r\n");
}

BOOST_AUTO_TEST_CASE(nothing_of_a_hundred_starts_stays_in_the_daemon_or_in_the_mount_table) {
    (void)run_it(shell("true"));
    std::size_t descriptors = open_descriptors();
    for (int i = 0; i < 50; ++i) {
        (void)run_it(shell("true"));
        (void)refusal(spec({"nosuch"}));
    }
    BOOST_TEST(open_descriptors() == descriptors);
    // Others mount on this host too; everything of ours would lie below our folder.
    BOOST_TEST(mount_table().find(scratch().path()) == std::string::npos);
    BOOST_TEST(cgroup().processes().empty());
}

BOOST_AUTO_TEST_SUITE_END()
