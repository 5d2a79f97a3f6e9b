// Control groups: the hierarchies of a host, one container's group on this host (v1 and, where the
// unified hierarchy is mounted, v2), the choice of files, and device rules as a program.
#include "support/scratch_folder.h"
#include "sys/cgroup.h"
#include "sys/cgroup_device.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fcntl.h>
#include <fmt/core.h>
#include <map>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;
using support::ScratchFolder;
using sys::Cgroup;
using sys::CgroupDeviceRule;
using sys::CgroupHost;
using sys::CgroupLimits;

namespace {

boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id) {
    return ::geteuid() == 0;
}

std::string own_path(const char* name) {
    return fmt::format("/lighter-test-{}/{}", ::getpid(), name);
}
std::string parent_path() {
    return fmt::format("/lighter-test-{}", ::getpid());
}

void remove_parent(const CgroupHost& host) {
    auto parent = Cgroup::open(host, parent_path());
    if (parent) BOOST_TEST(bool(parent->remove()));
}

// The unified hierarchy alone, also where the host is a hybrid.
std::optional<CgroupHost> unified_host(const ScratchFolder& scratch) {
    std::string text = *sys::read_file("/proc/self/mountinfo", 1 << 24);
    std::size_t at = text.find(" - cgroup2 ");
    if (at == std::string::npos) return std::nullopt;
    std::size_t begin = text.rfind('\n', at) + 1;
    std::ofstream(scratch.at("mountinfo")) << text.substr(begin, text.find('\n', at) + 1 - begin);
    return *CgroupHost::detect(scratch.at("mountinfo"));
}

// A child that attaches itself, says so and then runs `body`.
template <class Body> pid_t start_inside(const Cgroup& group, bool v2, Body body) {
    auto points = *group.attach_points();
    int ready[2];
    BOOST_REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    pid_t pid = ::fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid == 0) {
        for (const Fd& point : points) {
            int fd = v2 ? ::openat(point.get(), "cgroup.procs", O_WRONLY) : point.get();
            if (::write(fd, "0", 1) != 1) ::_exit(99);
        }
        if (::write(ready[1], "r", 1) != 1) ::_exit(98);
        ::_exit(body());
    }
    ::close(ready[1]);
    char byte = 0;
    BOOST_REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    BOOST_REQUIRE(::waitpid(pid, &status, 0) == pid);
    return status;
}

int sleep_long() {
    ::sleep(100);
    return 0;
}

// Whether a rule list allows it, as the kernel's v1 documentation says.
bool expected(const std::vector<CgroupDeviceRule>& rules, char type, unsigned major, unsigned minor,
              char access) {
    bool allowed = true;
    for (const auto& rule : rules) {
        if (rule.type == 'a')
            allowed = rule.allow;
        else if (rule.type == type && (rule.major < 0 || rule.major == major) &&
                 (rule.minor < 0 || rule.minor == minor) &&
                 rule.access.find(access) != std::string::npos)
            allowed = rule.allow;
    }
    return allowed;
}

// Runs a device program: the few instructions that it is made of.
bool run_program(const std::vector<bpf_insn>& program, std::uint32_t access, char type,
                 std::uint32_t major, std::uint32_t minor) {
    std::uint32_t kind = type == 'b' ? 1 : 2;
    std::uint32_t context[] = {access << 16 | kind, major, minor};
    std::uint32_t r[11] = {};
    for (std::size_t pc = 0, steps = 0; steps < 100000; ++steps) {
        BOOST_REQUIRE(pc < program.size());
        const bpf_insn& in = program[pc++];
        auto value = static_cast<std::uint32_t>(in.imm);
        switch (in.code) {
        case BPF_LDX | BPF_MEM | BPF_W:
            r[in.dst_reg] = context[in.off / 4];
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            r[in.dst_reg] &= value;
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            r[in.dst_reg] >>= value;
            break;
        case BPF_ALU | BPF_MOV | BPF_K:
            r[in.dst_reg] = value;
            break;
        case BPF_JMP32 | BPF_JNE | BPF_K:
            if (r[in.dst_reg] != value) pc += in.off;
            break;
        case BPF_JMP32 | BPF_JSET | BPF_K:
            if (r[in.dst_reg] & value) pc += in.off;
            break;
        case BPF_JMP | BPF_JA:
            pc += in.off;
            break;
        case BPF_JMP | BPF_EXIT:
            return r[0] != 0;
        default:
            BOOST_FAIL("unknown instruction " << int(in.code));
        }
    }
    BOOST_FAIL("endless program");
    return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(hierarchies_are_found_in_mountinfo) {
    ScratchFolder scratch;
    for (const char* name : {"cpu", "memory", "my systemd", "unified"})
        std::filesystem::create_directory(scratch.at(name));
    std::ofstream(scratch.at("unified/cgroup.controllers")) << "hugetlb misc\n";
    auto line = [&](const std::string& where, const char* type, const char* options) {
        return fmt::format("30 23 0:28 / {}/{} rw shared:5 master:1 - {} {} {}\n", scratch.path(),
                           where, type, type, options);
    };
    std::string unified = line("unified", "cgroup2", "rw,nsdelegate");
    std::string v1 = "22 1 8:1 / / rw - ext4 /dev/sda rw\nnonsense\n" +
                     line("cpu", "cgroup", "rw,cpu,cpuacct") +
                     line("cpu", "cgroup", "rw,cpu,cpuacct") +
                     line("memory", "cgroup", "rw,xattr,memory,release_agent=/x") +
                     line("my\\040systemd", "cgroup", "rw,xattr,name=systemd");
    auto detect = [&](const std::string& text) {
        std::ofstream(scratch.at("mountinfo")) << text;
        return CgroupHost::detect(scratch.at("mountinfo"));
    };
    auto host = detect(unified + v1);
    BOOST_REQUIRE(host);
    BOOST_TEST(!host->v2);
    BOOST_REQUIRE(host->hierarchies.size() == 3u);
    BOOST_TEST(host->find("cpuacct")->controllers == "cpu,cpuacct");
    BOOST_TEST(host->find("memory")->controllers == "memory");
    BOOST_TEST(host->find("name=systemd")->mount_point == scratch.at("my systemd"));
    BOOST_TEST(host->find("hugetlb") == nullptr);

    // Beside a unified host a single v1 hierarchy that limits nothing does not count.
    host = detect(unified + line("cpu", "cgroup", "rw,net_cls"));
    BOOST_REQUIRE(host);
    BOOST_TEST(host->v2);
    BOOST_TEST(host->hierarchies.size() == 1u);
    BOOST_TEST(host->find("misc") == &host->hierarchies[0]);
    BOOST_TEST(host->find("memory") == nullptr);
    BOOST_TEST((detect("").error().kind() == Kind::missing));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_limited_is_told_and_dropped) {
    ScratchFolder scratch;
    std::ofstream(scratch.at("cgroup.controllers")) << "pids\n";
    std::ofstream(scratch.at("mountinfo"))
        << fmt::format("1 1 0:1 / {} rw - cgroup2 none rw\n", scratch.path());
    CgroupHost host = *CgroupHost::detect(scratch.at("mountinfo"));
    CgroupLimits limits;
    limits.memory_limit = 1 << 30;
    limits.pids_limit = 5;
    limits.cpu_shares = 3;
    limits.cpu_quota = 5;
    limits.cpuset_mems = "0";
    limits.disable_oom_killer = true;
    auto warnings = host.drop_unsupported(limits);
    BOOST_REQUIRE(warnings.size() == 5u);
    BOOST_TEST(warnings[0] ==
               "Your kernel does not support memory limit capabilities or the cgroup "
               "is not mounted. Limitation discarded.");
    BOOST_TEST(warnings[4] == "Your kernel does not support cpuset or the cgroup is not mounted. "
                              "Cpuset discarded.");
    BOOST_TEST(!limits.memory_limit);
    BOOST_TEST(!limits.disable_oom_killer);
    BOOST_TEST(*limits.pids_limit == 5);
    BOOST_TEST(host.drop_unsupported(limits).empty());
}

BOOST_AUTO_TEST_CASE(v2_files_and_their_forms) {
    ScratchFolder scratch;
    std::filesystem::create_directories(scratch.at("a/b"));
    std::ofstream(scratch.at("cgroup.controllers")) << "cpu memory pids io cpuset";
    std::ofstream(scratch.at("mountinfo"))
        << fmt::format("1 1 0:1 / {} rw - cgroup2 none rw\n", scratch.path());
    std::map<std::string, std::string> files{
        {"memory.max", "max"}, {"memory.swap.max", "max"}, {"memory.low", "0"},
        {"cpu.weight", "100"}, {"cpu.max", "max 100000"},  {"cpuset.cpus", ""},
        {"cpuset.mems", ""},   {"pids.max", "max"},        {"io.weight", "default 100"},
    };
    for (const auto& [name, text] : files)
        std::ofstream(scratch.at("a/b/" + name)) << text << "\n";
    CgroupHost host = *CgroupHost::detect(scratch.at("mountinfo"));
    Cgroup group = *Cgroup::open(host, "/a/b");
    auto holds = [&](const char* file) { return scratch.read(std::string("a/b/") + file); };

    CgroupLimits limits;
    limits.memory_limit = 100 << 20;
    limits.memory_swap = 150 << 20;
    limits.memory_reservation = 1 << 20;
    limits.cpu_shares = 1024;
    limits.cpu_quota = 50000;
    limits.cpu_period = 200000;
    limits.cpuset_cpus = "0-1";
    limits.pids_limit = 77;
    limits.blkio_weight = 500;
    BOOST_TEST(bool(group.update(limits)));
    BOOST_TEST(holds("memory.max") == "104857600");
    BOOST_TEST(holds("memory.swap.max") == "52428800");
    BOOST_TEST(holds("memory.low") == "1048576");
    BOOST_TEST(holds("cpu.weight") == "39");
    BOOST_TEST(holds("cpu.max") == "50000 200000");
    BOOST_TEST(holds("cpuset.cpus") == "0-1");
    BOOST_TEST(holds("cpuset.mems") == "\n");
    BOOST_TEST(holds("pids.max") == "77");
    BOOST_TEST(holds("io.weight") == "default 4950");

    // An update of one leaves the other.
    CgroupLimits update;
    update.cpu_period = 50000;
    BOOST_TEST(bool(group.update(update)));
    BOOST_TEST(holds("cpu.max") == "50000 50000");
    update = {};
    update.cpu_quota = -1;
    update.pids_limit = 0;
    update.cpu_shares = 2;
    update.memory_swap = 200 << 20;
    BOOST_TEST(bool(group.update(update)));
    BOOST_TEST(holds("cpu.max") == "max");
    BOOST_TEST(holds("pids.max") == "max");
    BOOST_TEST(holds("cpu.weight") == "1");
    BOOST_TEST(holds("memory.swap.max") == "104857600");
    update = {};
    update.memory_limit = -1;
    update.cpu_shares = 1 << 30;
    BOOST_TEST(bool(group.update(update)));
    BOOST_TEST(holds("memory.max") == "max");
    BOOST_TEST(holds("memory.swap.max") == "max");
    BOOST_TEST(holds("cpu.weight") == "10000");
    update = {};
    update.memory_limit = 200;
    update.memory_swap = 100;
    BOOST_TEST(!group.update(update));

    // Reading.
    std::ofstream(scratch.at("a/b/memory.events")) << "low 0\noom 5\noom_kill 3\n";
    std::ofstream(scratch.at("a/b/memory.current")) << "4096\n";
    std::ofstream(scratch.at("a/b/memory.stat")) << "anon 1\ninactive_file 77\n";
    std::ofstream(scratch.at("a/b/cpu.stat")) << "usage_usec 12\n";
    std::ofstream(scratch.at("a/b/pids.current")) << "9\n";
    std::ofstream(scratch.at("a/b/cgroup.procs")) << "12\n34\n";
    std::filesystem::create_directories(scratch.at("a/b/inner"));
    std::ofstream(scratch.at("a/b/inner/cgroup.procs")) << "56\n";
    BOOST_TEST(group.oom_kills() == 3u);
    BOOST_TEST(group.usage().memory_bytes == 4096u);
    BOOST_TEST(group.usage().memory_inactive_file == 77u);
    BOOST_TEST(group.usage().cpu_ns == 12000u);
    BOOST_TEST(group.usage().pids == 9u);
    BOOST_TEST((group.processes() == std::vector<int>{12, 34, 56}));
}

BOOST_AUTO_TEST_CASE(paths_stay_below_the_mount) {
    ScratchFolder scratch;
    std::ofstream(scratch.at("mountinfo"))
        << fmt::format("1 1 0:1 / {} rw - cgroup2 none rw\n", scratch.path());
    CgroupHost host = *CgroupHost::detect(scratch.at("mountinfo"));
    for (const char* bad : {"", "/", "a", "/a//b", "/a/../b", "/..", "/a/.", "/a/", "/a\n"}) {
        BOOST_TEST((Cgroup::create(host, bad, {}).error().kind() == Kind::invalid), bad);
        BOOST_TEST((Cgroup::open(host, bad).error().kind() == Kind::invalid), bad);
    }
    BOOST_TEST((Cgroup::open(host, "/none").error().kind() == Kind::missing));
}

BOOST_AUTO_TEST_CASE(a_group_on_this_host, *boost::unit_test::precondition(is_root)) {
    auto detected = CgroupHost::detect();
    if (!detected) return;
    CgroupHost& host = *detected;
    CgroupLimits limits;
    limits.memory_limit = 64 << 20;
    limits.memory_swap = 64 << 20;
    limits.cpu_shares = 512;
    limits.cpu_quota = 50000;
    limits.cpu_period = 100000;
    limits.cpuset_cpus = "0";
    limits.pids_limit = 20;
    limits.devices = sys::default_device_rules();
    host.drop_unsupported(limits);
    auto made = Cgroup::create(host, own_path("all"), limits);
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    BOOST_TEST(bool(Cgroup::open(host, own_path("all"))));
    BOOST_TEST(made->processes().empty());
    BOOST_TEST(host.cpus().starts_with("0"));

    // Devices and memory as a process inside finds them.
    pid_t pid = start_inside(*made, host.v2, [] {
        if (::open("/dev/null", O_RDWR) < 0) return 1;
        int kmsg = ::open("/dev/kmsg", O_RDONLY);
        return kmsg < 0 && errno == EPERM ? 7 : 2;
    });
    BOOST_TEST(WEXITSTATUS(wait_for(pid)) == 7);
    pid = start_inside(*made, host.v2, [] {
        // volatile: an allocation that nobody looks at is left out by the compiler.
        auto* much = static_cast<volatile char*>(std::malloc(80u << 20));
        for (std::size_t at = 0; at < 80u << 20; at += 4096)
            much[at] = 1;
        return 0;
    });
    int status = wait_for(pid);
    BOOST_TEST(WIFSIGNALED(status));
    BOOST_TEST(made->oom_kills() == 1u);

    // Raised and lowered together with the sum of memory and swap.
    for (std::int64_t megabytes : {128, 32, 256}) {
        CgroupLimits update;
        update.memory_limit = megabytes << 20;
        update.memory_swap = megabytes << 20;
        Status updated = made->update(update);
        BOOST_TEST(bool(updated), (updated ? "" : updated.error().message()));
    }
    CgroupLimits wrong;
    wrong.cpuset_cpus = "4000-5000";
    auto refused = made->update(wrong);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().message().find("failed to write \"4000-5000\": write ") == 0u);

    // A failed creation leaves nothing.
    BOOST_TEST(!Cgroup::create(host, own_path("wrong"), wrong));
    BOOST_TEST((Cgroup::open(host, own_path("wrong")).error().kind() == Kind::missing));

    BOOST_TEST(bool(made->remove()));
    BOOST_TEST((Cgroup::open(host, own_path("all")).error().kind() == Kind::missing));
    BOOST_TEST(bool(made->remove()));
    remove_parent(host);
}

namespace {

void freezes_and_kills(const CgroupHost& host, const char* name) {
    auto group = *Cgroup::create(host, own_path(name), {});
    pid_t forker = start_inside(group, host.v2, [] {
        for (;;) {
            pid_t child = ::fork();
            if (child == 0) {
                ::usleep(2000);
                ::_exit(0);
            }
            ::waitpid(child, nullptr, 0);
        }
        return 0;
    });
    pid_t sleeper = start_inside(group, host.v2, sleep_long);
    BOOST_TEST(group.processes().size() >= 2u);
    for (int round = 0; round < 20; ++round) {
        Status frozen = group.freeze();
        BOOST_TEST(bool(frozen), (frozen ? "" : frozen.error().message()));
        auto before = group.usage().cpu_ns;
        std::this_thread::sleep_for(2ms);
        if (!host.v2) BOOST_TEST(group.usage().cpu_ns == before);
        BOOST_TEST(bool(group.thaw()));
    }
    // In use: neither made anew nor removed.
    BOOST_TEST((Cgroup::create(host, own_path(name), {}).error().kind() == Kind::conflict));
    BOOST_TEST((group.remove().error().kind() == Kind::conflict));
    BOOST_TEST(group.processes().size() >= 2u);
    // Killed while frozen, too.
    BOOST_TEST(bool(group.freeze()));
    BOOST_TEST(bool(group.kill()));
    BOOST_TEST(WTERMSIG(wait_for(forker)) == SIGKILL);
    BOOST_TEST(WTERMSIG(wait_for(sleeper)) == SIGKILL);
    // With a group that the container itself made below.
    for (const auto& hierarchy : host.hierarchies)
        std::filesystem::create_directories(hierarchy.mount_point + own_path(name) + "/x/y");
    BOOST_TEST(bool(group.remove()));
    BOOST_TEST((Cgroup::open(host, own_path(name)).error().kind() == Kind::missing));
    // An empty leftover is replaced.
    BOOST_TEST(bool(Cgroup::create(host, own_path(name), {})));
    BOOST_TEST(bool(Cgroup::create(host, own_path(name), {})->remove()));
    remove_parent(host);
}

}  // namespace

BOOST_AUTO_TEST_CASE(groups_freeze_and_die, *boost::unit_test::precondition(is_root)) {
    auto host = CgroupHost::detect();
    if (host) freezes_and_kills(*host, "freeze");
}

BOOST_AUTO_TEST_CASE(unified_groups_freeze_and_die, *boost::unit_test::precondition(is_root)) {
    ScratchFolder scratch;
    auto host = unified_host(scratch);
    if (host) freezes_and_kills(*host, "freeze-v2");
}

BOOST_AUTO_TEST_CASE(unified_groups_limit_devices, *boost::unit_test::precondition(is_root)) {
    ScratchFolder scratch;
    auto host = unified_host(scratch);
    if (!host) return;
    CgroupLimits limits;
    limits.devices = sys::default_device_rules();
    auto made = Cgroup::create(*host, own_path("devices"), limits);
    if (!made && made.error().message().find("load the device rules") == 0) {
        BOOST_TEST_MESSAGE("this kernel has no device programs");
        return;
    }
    BOOST_REQUIRE_MESSAGE(made, (made ? "" : made.error().message()));
    std::string node = scratch.at("node");
    auto opens = [&](const char* path, int flags) {
        pid_t pid = start_inside(*made, true, [&] {
            int fd = ::open(path, flags);
            return fd >= 0 ? 0 : errno;
        });
        return WEXITSTATUS(wait_for(pid));
    };
    BOOST_TEST(opens("/dev/null", O_RDWR) == 0);
    BOOST_TEST(opens("/dev/kmsg", O_RDONLY) == EPERM);
    // Nodes may be made, not opened.
    pid_t pid = start_inside(*made, true, [&] {
        return ::mknod(node.c_str(), S_IFBLK | 0600, makedev(1, 0)) == 0 ? 0 : errno;
    });
    BOOST_TEST(WEXITSTATUS(wait_for(pid)) == 0);
    BOOST_TEST(opens(node.c_str(), O_RDONLY) == EPERM);
    // Replaced by an update, so that the old rules no longer hold.
    CgroupLimits update;
    update.devices = {{.allow = false}, {.type = 'c', .major = 1, .minor = 11, .access = "r"}};
    BOOST_TEST(bool(made->update(update)));
    BOOST_TEST(opens("/dev/null", O_RDWR) == EPERM);
    BOOST_TEST(opens("/dev/kmsg", O_RDONLY) == 0);
    BOOST_TEST(opens("/dev/kmsg", O_RDWR) == EPERM);
    BOOST_TEST(bool(made->remove()));
    remove_parent(*host);
}

BOOST_AUTO_TEST_CASE(device_programs_decide_as_v1_does) {
    std::vector<std::vector<CgroupDeviceRule>> lists{
        {},
        sys::default_device_rules(),
        {{.allow = false}},
        {{.allow = false}, {.type = 'c'}, {.allow = false, .type = 'c', .major = 1, .access = "w"}},
        {{.allow = false, .type = 'b', .major = 8, .minor = -1, .access = "rw"}},
        {{.allow = false},
         {.type = 'c', .major = 1, .minor = 3, .access = "r"},
         {.type = 'c', .major = 1, .minor = 3, .access = "w"}},
        {{.allow = false}, {.type = 'c', .major = 1}, {.allow = true}},
        {{.type = 'c', .major = 4294967295, .minor = 4294967295}},
    };
    const char letters[] = {'m', 'r', 'w'};
    for (const auto& rules : lists) {
        auto program = *sys::device_program(rules);
        for (char type : {'b', 'c'})
            for (unsigned major : {1u, 5u, 8u, 136u, 4294967295u})
                for (unsigned minor : {0u, 3u, 7u, 4294967295u})
                    for (std::uint32_t access = 1; access < 8; ++access) {
                        bool all = true;
                        for (int bit = 0; bit < 3; ++bit)
                            if (access & 1u << bit)
                                all = all && expected(rules, type, major, minor, letters[bit]);
                        BOOST_TEST(run_program(program, access, type, major, minor) == all);
                    }
    }
}

BOOST_AUTO_TEST_CASE(device_lines) {
    BOOST_TEST(sys::device_line({.allow = false}) == "a");
    BOOST_TEST(sys::device_line({.type = 'c', .major = 136}) == "c 136:* rwm");
    BOOST_TEST(sys::device_line({.type = 'b', .major = 8, .minor = 1, .access = "r"}) == "b 8:1 r");
    for (const char* access : {"", "x", "rwx"})
        BOOST_TEST(!sys::device_program({{.type = 'c', .access = access}}));
    BOOST_TEST(!sys::device_program({{.type = 'p'}}));
    BOOST_TEST(!sys::device_program(std::vector<CgroupDeviceRule>(5000)));
}
