// What a container sees of itself, of the kernel and of the host.
#include "container_fixture.h"
#include "run/seccomp.h"

#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

using support::ContainerFixture;
using support::Outcome;

namespace {

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

run::User user_1000() {
    run::User user;
    user.uid = 1000;
    user.gid = 1000;
    user.additional_gids = {1000, 2000};
    user.home = "/home/user";
    return user;
}

// Everything allowed but mkdir, which gets EPERM.
std::string no_mkdir() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 2, 0),
#ifdef SYS_mkdir
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
#else
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 1, 0),
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    return {reinterpret_cast<const char*>(program), sizeof program};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(shim_inside, ContainerFixture)

BOOST_AUTO_TEST_CASE(it_is_process_1_of_its_own_world) {
    Outcome outcome = run_it(shell("echo $$; hostname; ps -o pid,comm; cat /proc/net/dev"));
    BOOST_TEST(outcome.out.starts_with("1\nbox\n"));
    BOOST_TEST(!contains(outcome.out, "lighter-shim"));
    BOOST_TEST(!contains(outcome.out, "eth0"));
    BOOST_TEST(contains(outcome.out, "lo:"));
}

BOOST_AUTO_TEST_CASE(only_stdin_stdout_and_stderr_are_open) {
    // Descriptors of ours without close-on-exec are still not the container's.
    std::vector<Fd> many;
    for (int i = 0; i < 50; ++i)
        many.emplace_back(::open("/etc/hostname", O_RDONLY));
    for (bool terminal : {false, true}) {
        run::ContainerSpec wanted = spec({"ls", "-l", "/proc/self/fd"});
        wanted.process.terminal = terminal;
        Outcome outcome = run_it(std::move(wanted));
        // 3 is the folder that ls itself reads.
        BOOST_TEST(contains(outcome.out, " 2 -> "));
        for (int fd = 4; fd < 100; ++fd)
            BOOST_TEST(!contains(outcome.out, fmt::format(" {} -> ", fd)), outcome.out);
        BOOST_TEST(!contains(outcome.out, "shim"));
    }
}

BOOST_AUTO_TEST_CASE(environment_directory_user_and_groups_are_as_asked) {
    run::ContainerSpec wanted = shell("env; pwd; id; umask; cat /proc/self/oom_score_adj");
    wanted.process.env.emplace_back("GREETING=good day");
    wanted.process.cwd = "/made/by/engine";
    wanted.process.user = user_1000();
    wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), 1000);
    wanted.process.oom_score_adj = 500;
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(contains(outcome.out, "GREETING=good day\n"));
    BOOST_TEST(contains(outcome.out, "HOME=/home/user\n"));
    BOOST_TEST(!contains(outcome.out, "TERM="));
    BOOST_TEST(contains(outcome.out, "\n/made/by/engine\n"));
    BOOST_TEST(contains(outcome.out, "uid=1000(user) gid=1000(user) groups=1000(user),2000"));
    BOOST_TEST(contains(outcome.out, "\n0022\n500\n"));
}

BOOST_AUTO_TEST_CASE(capabilities_are_dockers) {
    auto status = [&](std::uint32_t uid, bool no_new_privileges) {
        run::ContainerSpec wanted = shell("grep -E 'Cap|NoNew|Seccomp:' /proc/self/status");
        wanted.process.user.uid = uid;
        wanted.process.no_new_privileges = no_new_privileges;
        wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), uid);
        wanted.linux_.seccomp = no_mkdir();
        return run_it(std::move(wanted)).out;
    };
    std::string root = status(0, false);
    BOOST_TEST(contains(root, "CapInh:\t0000000000000000\n"));
    BOOST_TEST(contains(root, "CapPrm:\t00000000a80425fb\n"));
    BOOST_TEST(contains(root, "CapEff:\t00000000a80425fb\n"));
    BOOST_TEST(contains(root, "CapBnd:\t00000000a80425fb\n"));
    BOOST_TEST(contains(root, "CapAmb:\t0000000000000000\n"));
    BOOST_TEST(contains(root, "NoNewPrivs:\t0\n"));
    BOOST_TEST(contains(root, "Seccomp:\t2\n"));
    std::string user = status(1000, true);
    BOOST_TEST(contains(user, "CapPrm:\t0000000000000000\n"));
    BOOST_TEST(contains(user, "CapEff:\t0000000000000000\n"));
    BOOST_TEST(contains(user, "CapBnd:\t00000000a80425fb\n"));
    BOOST_TEST(contains(user, "NoNewPrivs:\t1\n"));
    BOOST_TEST(contains(user, "Seccomp:\t2\n"));
}

BOOST_AUTO_TEST_CASE(the_filter_is_in_force) {
    run::ContainerSpec wanted = spec({"busybox", "mkdir", "/tmp/x"});
    wanted.linux_.seccomp = no_mkdir();
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.exit.code == 1);
    BOOST_TEST(contains(outcome.err, "Operation not permitted"));
}

BOOST_AUTO_TEST_CASE(dockers_default_filter_lets_programs_run_and_denies_the_rest) {
    for (bool no_new_privileges : {false, true}) {
        for (std::uint32_t uid : {0U, 1000U}) {
            auto filter = run::default_seccomp(run::default_capabilities());
            BOOST_REQUIRE(filter);
            run::ContainerSpec wanted =
                shell("echo ok; busybox unshare -m true 2>&1; busybox mount -t tmpfs x /tmp 2>&1; "
                      "exit 3");
            wanted.linux_.seccomp = *filter;
            wanted.process.no_new_privileges = no_new_privileges;
            wanted.process.user.uid = uid;
            wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), uid);
            wanted.process.init = no_new_privileges;
            Outcome outcome = run_it(std::move(wanted));
            BOOST_TEST(outcome.exit.code == 3);
            BOOST_TEST(outcome.out.starts_with("ok\n"), outcome.out);
            BOOST_TEST(contains(outcome.out, "unshare"), outcome.out);
            BOOST_TEST(contains(outcome.out, "mount"), outcome.out);
        }
    }
}

BOOST_AUTO_TEST_CASE(namespaces_are_fresh_the_hosts_or_anothers) {
    auto links = [](const std::string& folder) {
        std::string all;
        for (const char* name : {"pid", "ipc", "uts", "net"})
            all += std::filesystem::read_symlink(folder + "/" + name).string() + "\n";
        return all;
    };
    std::string script = "for n in pid ipc uts net; do readlink /proc/self/ns/$n; done; hostname";
    run::ContainerSpec host = shell(script);
    host.linux_.namespaces = {run::Namespace::host, run::Namespace::host, run::Namespace::host,
                              run::Namespace::host, run::Namespace::host};
    Outcome outcome = run_it(std::move(host));
    // The host name that was asked for is not forced upon the host.
    BOOST_TEST(outcome.out.starts_with(links("/proc/self/ns")), outcome.out);
    BOOST_TEST(!outcome.out.ends_with("\nbox\n"));

    run([](ContainerFixture& self, std::string script, auto& links) -> Task<void> {
        run::ContainerSpec other = self.spec({"sleep", "100"});
        other.hostname = "other";
        std::string id = other.id;
        auto prepared = self.prepare(std::move(other));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        std::string folder = fmt::format("/proc/{}/ns", started->pid);
        auto open = [&](const char* name) {
            return Fd(::open((folder + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
        };
        run::StartFds fds;
        fds.pid_namespace = open("pid");
        fds.ipc_namespace = open("ipc");
        fds.uts_namespace = open("uts");
        fds.network_namespace = open("net");
        run::ContainerSpec joining = self.shell(script + "; ps -o pid,comm | grep sleep");
        joining.linux_.namespaces = {run::Namespace::join, run::Namespace::join,
                                     run::Namespace::join, run::Namespace::join,
                                     run::Namespace::host};
        auto again = self.prepare(std::move(joining), std::move(fds));
        BOOST_REQUIRE(again);
        auto joined = co_await self.client().start(std::move(*again));
        BOOST_REQUIRE_MESSAGE(joined, (joined ? "" : joined.error().message()));
        std::string out;
        co_await self.collect(self.loop(), std::move(joined->console.stdout_), out);
        BOOST_TEST(out == links(folder) + "other\n    1 sleep\n");
        auto first = co_await self.client().next_ended();
        BOOST_REQUIRE(first);
        self.client().acknowledge(first->id);
        // The shim itself is where it was: what it starts next is in a world of its own.
        auto alone = co_await self.outcome(self.shell("echo $$"));
        BOOST_REQUIRE(alone);
        BOOST_TEST(alone->out == "1\n");
        ::kill(started->pid, SIGKILL);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->id == id);
        self.client().acknowledge(id);
    }(*this, script, links));
}

BOOST_AUTO_TEST_CASE(limits_and_sysctls_are_set) {
    run::ContainerSpec wanted =
        shell("ulimit -Sn; ulimit -Hn; cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
    wanted.process.rlimits = {{"RLIMIT_NOFILE", 77, 99}};
    wanted.linux_.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "123"}};
    BOOST_TEST(run_it(std::move(wanted)).out == "77\n99\n123\n");
}

BOOST_AUTO_TEST_CASE(sysctls_of_the_host_are_refused) {
    for (const char* key : {"kernel.core_pattern", "vm.swappiness", "net..ipv4.x", "net/../kernel",
                            "kernel.modprobe", "", "net.ipv4.a+b"}) {
        run::ContainerSpec wanted = shell("true");
        wanted.linux_.sysctl = {{key, "1"}};
        BOOST_TEST(contains(refusal(std::move(wanted)), "sysctl"));
    }
}

BOOST_AUTO_TEST_CASE(devices_are_the_usual_ones_and_what_was_asked_for) {
    run::ContainerSpec wanted =
        shell("ls /dev; ls -l /dev/null /dev/mine; echo x > /dev/null; "
              "head -c 4 /dev/zero | wc -c; readlink /dev/fd; readlink /dev/ptmx");
    wanted.linux_.devices = {{"/dev/mine", 'c', 1, 5, 0640, 1000, 5}};
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(
        outcome.out.starts_with("core\nfd\nfull\nmine\nmqueue\nnull\nptmx\npts\nrandom\nshm\n"
                                "stderr\nstdin\nstdout\ntty\nurandom\nzero\n"),
        outcome.out);
    BOOST_TEST(contains(outcome.out, "crw-rw-rw-"));
    BOOST_TEST(contains(outcome.out, "crw-r-----    1 user     5           1,   5"));
    BOOST_TEST(contains(outcome.out, "\n4\n/proc/self/fd\npts/ptmx\n"));
}

BOOST_AUTO_TEST_CASE(mounts_are_dockers) {
    Outcome outcome = run_it(spec({"cat", "/proc/self/mountinfo"}));
    for (const char* part :
         {" /proc rw,nosuid,nodev,noexec,relatime - proc proc ", " /dev rw,nosuid - tmpfs tmpfs ",
          " /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620,ptmxmode=666",
          " /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ",
          " /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue ",
          " /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k",
          " /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc "})
        BOOST_TEST(contains(outcome.out, part), part << " in\n" << outcome.out);
    BOOST_TEST(!contains(outcome.out, "lighter-shim"));
    BOOST_TEST(!contains(outcome.out, "shared:"));
}

BOOST_AUTO_TEST_CASE(masked_paths_are_empty_and_readonly_paths_are_so) {
    Outcome outcome = run_it(
        shell("wc -c < /proc/interrupts; wc -c < /proc/keys; ls /sys/firmware | wc -l; "
              "echo 1 > /proc/irq/default_smp_affinity; echo x > /proc/keys && echo swallowed; "
              "echo 1 > /proc/sys/kernel/panic; touch /sys/x; touch /sys/firmware/x; echo $?"));
    BOOST_TEST(outcome.out == "0\n0\n0\nswallowed\n1\n");
    auto refused = std::string("Read-only file system");
    std::size_t count = 0;
    for (std::size_t at = outcome.err.find(refused); at != std::string::npos;
         at = outcome.err.find(refused, at + 1))
        ++count;
    BOOST_TEST(count == 4U, outcome.err);
}

BOOST_AUTO_TEST_CASE(a_readonly_root_is_so_but_its_mounts_are_not) {
    run::ContainerSpec wanted = shell("touch /x || touch /dev/shm/x && echo shm; touch /scratch/x");
    wanted.root.readonly = true;
    wanted.mounts.push_back({"/scratch", "tmpfs", "tmpfs", {"ro", "size=1m"}});
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.out == "shm\n");
    BOOST_TEST(contains(outcome.err, "/x: Read-only file system"));
    BOOST_TEST(contains(outcome.err, "/scratch/x: Read-only file system"));
}

BOOST_AUTO_TEST_CASE(binds_of_folders_and_files_come_with_their_options) {
    std::filesystem::create_directories(scratch().at("volume/sub"));
    std::ofstream(scratch().at("volume/file")) << "from the host\n";
    run::ContainerSpec wanted =
        shell("cat /data/file /etc/one /var/deep/er/file; touch /data/new; touch /var/deep/er/no");
    wanted.mounts.push_back({"/data", "bind", scratch().at("volume"), {"rbind"}});
    wanted.mounts.push_back({"/etc/one", "bind", scratch().at("volume/file"), {"rbind", "ro"}});
    wanted.mounts.push_back({"/var/deep/er", "bind", scratch().at("volume"), {"rbind", "ro"}});
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.out == "from the host\nfrom the host\nfrom the host\n");
    BOOST_TEST(contains(outcome.err, "/var/deep/er/no: Read-only file system"));
    BOOST_TEST(std::filesystem::exists(scratch().at("volume/new")));
}

BOOST_AUTO_TEST_CASE(links_in_the_image_lead_nowhere_outside) {
    namespace fs = std::filesystem;
    fs::create_directories(scratch().at("canary"));
    fs::create_directories(scratch().at("volume"));
    std::string up = "../../../../../../../../../../../..";
    fs::create_symlink(up + scratch().at("canary"), scratch().at("root/relative"));
    fs::create_symlink(scratch().at("canary"), scratch().at("root/absolute"));
    fs::create_symlink("loop", scratch().at("root/loop"));
    run::ContainerSpec wanted =
        shell("touch /relative/new/x /absolute/new/y; ls -d " + scratch().at("canary") + "/new");
    wanted.process.cwd = "/absolute/cwd";
    wanted.mounts.push_back({"/relative/new", "bind", scratch().at("volume"), {"rbind"}});
    wanted.mounts.push_back({"/absolute/new", "tmpfs", "tmpfs", {}});
    wanted.linux_.devices = {{"/absolute/dev", 'c', 1, 3}};
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.exit.code == 0, outcome.err);
    BOOST_TEST(fs::is_empty(scratch().at("canary")));
    run::ContainerSpec looping = shell("true");
    looping.mounts.push_back({"/loop/x", "tmpfs", "tmpfs", {}});
    (void)refusal(std::move(looping), Kind::internal);
}

BOOST_AUTO_TEST_CASE(dev_and_its_files_as_links_touch_no_canary) {
    namespace fs = std::filesystem;
    fs::create_directories(scratch().at("canary"));
    std::ofstream(scratch().at("canary/console")) << "mine";
    fs::create_symlink(scratch().at("canary"), scratch().at("root/dev"));
    for (bool terminal : {false, true}) {
        run::ContainerSpec wanted = shell("echo ok > /dev/stdout");
        wanted.process.terminal = terminal;
        Outcome outcome = run_it(std::move(wanted));
        BOOST_TEST(outcome.out.starts_with("ok"));
    }
    BOOST_TEST(scratch().read("canary/console") == "mine");
    BOOST_TEST(std::distance(fs::directory_iterator(scratch().at("canary")), {}) == 1);
}

BOOST_AUTO_TEST_CASE(proc_and_sys_that_are_links_refuse_the_start) {
    namespace fs = std::filesystem;
    for (const char* name : {"proc", "sys"}) {
        fs::remove_all(scratch().at(std::string("root/") + name));
        fs::create_symlink("/etc", scratch().at(std::string("root/") + name));
        (void)refusal(shell("true"), Kind::internal);
        fs::remove(scratch().at(std::string("root/") + name));
    }
    BOOST_TEST(run_it(shell("true")).exit.code == 0);
}

BOOST_AUTO_TEST_CASE(mounts_into_proc_are_refused_also_through_links) {
    std::filesystem::create_symlink("/proc/sys", scratch().at("root/innocent"));
    run::ContainerSpec open = shell("true");
    open.mounts.push_back({"/proc/sys/kernel", "bind", "/etc", {"rbind"}});
    BOOST_TEST(contains(refusal(std::move(open)), "cannot be mounted because it is inside /proc"));
    run::ContainerSpec hidden = shell("true");
    hidden.mounts.push_back({"/innocent/kernel", "tmpfs", "tmpfs", {}});
    BOOST_TEST(contains(refusal(std::move(hidden), Kind::internal), "inside /proc"));
}

BOOST_AUTO_TEST_CASE(working_directories_by_magic_links_are_refused) {
    for (int fd = 0; fd < 20; ++fd) {
        run::ContainerSpec wanted = shell("ls");
        wanted.process.cwd = fmt::format("/proc/self/fd/{}", fd);
        (void)refusal(std::move(wanted));
    }
    std::filesystem::create_symlink("/proc/self/fd/7", scratch().at("root/seven"));
    run::ContainerSpec wanted = shell("ls");
    wanted.process.cwd = "/seven";
    (void)refusal(std::move(wanted));
}

BOOST_AUTO_TEST_CASE(our_program_cannot_be_opened_for_writing_from_inside) {
    // --init keeps our program running as process 1, in the container's own view.
    run::ContainerSpec wanted = shell("readlink /proc/1/exe; echo x > /proc/1/exe; echo $?");
    wanted.process.init = true;
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(contains(outcome.out, "lighter-shim"), outcome.out);
    BOOST_TEST(contains(outcome.out, "\n1\n"));
    // The entrypoint that is us: harmless, and it ends.
    Outcome self = run_it(spec({"/proc/self/exe", "x"}));
    BOOST_TEST(self.exit.code != 0);
}

BOOST_AUTO_TEST_CASE(init_reaps_passes_signals_on_and_tells_the_exit_code) {
    run::ContainerSpec wanted =
        shell("(sleep 0.05 &) ; echo $$; sleep 0.2; ps -o stat,comm; exit 9");
    wanted.process.init = true;
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.exit.code == 9);
    BOOST_TEST(!outcome.out.starts_with("1\n"));
    BOOST_TEST(!contains(outcome.out, "Z "), outcome.out);
    BOOST_TEST(contains(refusal([&] {
                            run::ContainerSpec missing = spec({"nosuch"});
                            missing.process.init = true;
                            return missing;
                        }()),
                        "executable file not found in $PATH"));
    run([](ContainerFixture& self) -> Task<void> {
        run::ContainerSpec wanted = self.shell("trap 'exit 42' TERM; echo ready; sleep 100 & wait");
        wanted.process.init = true;
        auto prepared = self.prepare(std::move(wanted));
        BOOST_REQUIRE(prepared);
        auto started = co_await self.client().start(std::move(*prepared));
        BOOST_REQUIRE(started);
        auto out = loop::stream_of(self.loop(), std::move(started->console.stdout_));
        auto ready = co_await out->read();
        BOOST_REQUIRE(ready);
        BOOST_TEST(ready->view() == "ready\n");
        ::kill(started->pid, SIGTERM);
        auto ended = co_await self.client().next_ended();
        BOOST_REQUIRE(ended);
        BOOST_TEST(ended->exit.code == 42);
        self.client().acknowledge(ended->id);
    }(*this));
}

BOOST_AUTO_TEST_CASE(stdio_belongs_to_the_user) {
    run::ContainerSpec wanted = shell("echo out > /dev/stdout; echo err > /dev/stderr");
    wanted.process.user = user_1000();
    wanted.process.capabilities = run::capabilities_for(run::default_capabilities(), 1000);
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.out == "out\n");
    BOOST_TEST(outcome.err == "err\n");
}

BOOST_AUTO_TEST_CASE(on_cgroup_v2_it_starts_in_its_group_and_sees_that_as_the_root) {
    if (!use_cgroup_v2()) return;
    run::ContainerSpec wanted = shell("cat /sys/fs/cgroup/cgroup.procs | head -1; "
                                      "grep ^0: /proc/self/cgroup; touch /sys/fs/cgroup/x; "
                                      "grep cgroup /proc/self/mountinfo; exit 4");
    wanted.linux_.namespaces.cgroup = run::Namespace::fresh;
    Outcome outcome = run_it(std::move(wanted));
    BOOST_TEST(outcome.exit.code == 4);
    BOOST_TEST(outcome.out.starts_with("1\n0::/\n"), outcome.out);
    BOOST_TEST(contains(outcome.out, " /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 "),
               outcome.out);
    BOOST_TEST(contains(outcome.err, "Read-only file system"));
    run::ContainerSpec of_host = shell("grep ^0: /proc/self/cgroup; ls /sys/fs/cgroup | head -1");
    Outcome shared = run_it(std::move(of_host));
    BOOST_TEST(shared.out.starts_with("0::/lighter-test-shim-"), shared.out);
    BOOST_TEST(contains(shared.out, "\ncgroup."), shared.out);
}

BOOST_AUTO_TEST_CASE(a_privileged_one_may_mount_and_write_and_has_the_hosts_devices) {
    run::ContainerSpec wanted = shell("mount -t tmpfs x /tmp && echo mounted; "
                                      "echo 5 > /proc/sys/net/ipv4/tcp_retries1 && echo written; "
                                      "ls /dev | wc -l");
    run::make_privileged(wanted);
    wanted.process.capabilities = run::capabilities_for(run::all_capabilities(), 0);
    Outcome outcome = run_it(std::move(wanted));
    BOOST_REQUIRE_MESSAGE(outcome.out.starts_with("mounted\nwritten\n"), outcome.err);
    BOOST_TEST(std::stoi(outcome.out.substr(outcome.out.find("written") + 8)) > 16);
}

BOOST_AUTO_TEST_CASE(cgroups_inside_are_the_containers_own_and_readonly) {
    Outcome outcome = run_it(shell("ls /sys/fs/cgroup | wc -l; for f in /sys/fs/cgroup/*; do "
                                   "touch $f/x 2>/dev/null && echo written $f; done; "
                                   "cat /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs "
                                   "2>/dev/null | head -1"));
    BOOST_TEST(!contains(outcome.out, "written"), outcome.out);
    BOOST_TEST(contains(outcome.out, "\n1\n"), outcome.out);
}

BOOST_AUTO_TEST_SUITE_END()
