// Real containers for tests of the shim: a busybox rootfs, a cgroup, a client on a loop, all of one
// test and gone with it.
#pragma once

#include "loop/scope.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "run/shim_client.h"
#include "support/loop_fixture.h"
#include "support/scratch_folder.h"
#include "sys/mount.h"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace support {

inline void make_busybox_root(const std::string& root) {
    namespace fs = std::filesystem;
    for (const char* folder : {"bin", "etc", "tmp", "home/user"})
        fs::create_directories(fs::path(root) / folder);
    fs::copy_file("/bin/busybox", fs::path(root) / "bin/busybox");
    for (const char* applet :
         {"sh",       "cat",      "echo", "ls",  "true", "false",  "sleep", "id",    "env",
          "hostname", "readlink", "stty", "tty", "kill", "touch",  "grep",  "mount", "head",
          "wc",       "ps",       "test", "dd",  "pwd",  "chroot", "stat"})
        fs::create_symlink("busybox", fs::path(root) / "bin" / applet);
    std::ofstream(root + "/etc/passwd") << "root:x:0:0:root:/root:/bin/sh\n"
                                           "user:x:1000:1000::/home/user:/bin/sh\n";
    std::ofstream(root + "/etc/group") << "root:x:0:\nuser:x:1000:\n";
    std::ofstream(root + "/etc/plain") << "not a program\n";
    std::ofstream(root + "/bin/garbage") << "\x7f"
                                            "ELFnot really";
    fs::permissions(root + "/bin/garbage", fs::perms(0755));
}

struct Outcome {
    run::ExitStatus exit;
    std::string out;
    std::string err;
};

class ContainerFixture : public LoopFixture {
public:
    ContainerFixture() {
        BOOST_REQUIRE_MESSAGE(::geteuid() == 0, "these tests need root");
        std::filesystem::create_directories(scratch_.at("root"));
        make_busybox_root(scratch_.at("root"));
        exec_root_ = make_exec_root("exec");
        auto host = sys::CgroupHost::detect();
        BOOST_REQUIRE(host);
        host_ = std::move(*host);
        auto cgroup = sys::Cgroup::create(host_, fmt::format("/lighter-test-shim-{}", ::getpid()),
                                          sys::CgroupLimits{});
        BOOST_REQUIRE_MESSAGE(cgroup, (cgroup ? "" : cgroup.error().message()));
        cgroup_.emplace(std::move(*cgroup));
    }
    ~ContainerFixture() {
        client_.reset();
        (void)cgroup_->kill();
        auto removed = cgroup_->remove();
        BOOST_TEST(bool(removed), (removed ? "" : removed.error().message()));
    }

    std::string make_exec_root(const std::string& name) {
        std::filesystem::create_directories(scratch_.at(name));
        std::filesystem::permissions(scratch_.at(name), std::filesystem::perms(0700));
        return scratch_.at(name);
    }
    run::ShimPaths paths() const { return {LIGHTER_SHIM, exec_root_}; }

    run::ContainerSpec spec(std::vector<std::string> args) {
        run::ContainerSpec spec;
        spec.id = fmt::format("{:064x}", ++last_id_);
        spec.process.args = std::move(args);
        spec.process.env = {"PATH=/usr/local/bin:/bin"};
        spec.process.capabilities = run::capabilities_for(run::default_capabilities(), 0);
        spec.hostname = "box";
        spec.mounts = run::default_mounts(64 << 20);
        spec.linux_.masked_paths = run::default_masked_paths();
        spec.linux_.readonly_paths = run::default_readonly_paths();
        return spec;
    }
    run::ContainerSpec shell(std::string script) { return spec({"sh", "-c", std::move(script)}); }

    Result<run::Prepared> prepare(run::ContainerSpec spec, run::StartFds fds = {}) {
        if (!fds.rootfs) {
            TRY(fds.rootfs, sys::clone_mount(scratch_.at("root"), false));
        }
        return run::prepare(std::move(spec), std::move(fds), host_, *cgroup_);
    }

    Task<Status> connect() {
        auto client = co_await run::ShimClient::connect_or_start(loop(), paths());
        if (!client) co_return client.error();
        client_ = std::move(*client);
        co_return Status();
    }
    run::ShimClient& client() { return *client_; }
    bool connected() const { return client_ != nullptr; }
    void drop_client() { client_.reset(); }

    // Connects if need be, starts, collects output, waits for the end.
    Task<Result<Outcome>> outcome(run::ContainerSpec spec, run::StartFds fds = {}) {
        if (!client_) CO_TRY_DO(co_await connect());
        std::string id = spec.id;
        CO_TRY(run::Prepared prepared, prepare(std::move(spec), std::move(fds)));
        CO_TRY(run::Started started, co_await client_->start(std::move(prepared)));
        Outcome outcome;
        Scope scope(loop());
        if (started.console.pty)
            scope.spawn(collect(loop(), std::move(started.console.pty), outcome.out));
        if (started.console.stdout_)
            scope.spawn(collect(loop(), std::move(started.console.stdout_), outcome.out));
        if (started.console.stderr_)
            scope.spawn(collect(loop(), std::move(started.console.stderr_), outcome.err));
        auto ended = co_await client_->next_ended();
        co_await scope.join();
        if (!ended) co_return ended.error();
        client_->acknowledge(id);
        outcome.exit = ended->exit;
        BOOST_TEST(ended->id == id);
        co_return outcome;
    }
    // The same, to its end and required to start.
    Outcome run_it(run::ContainerSpec spec) {
        Outcome outcome;
        run([](ContainerFixture& self, run::ContainerSpec spec, Outcome& outcome) -> Task<void> {
            auto result = co_await self.outcome(std::move(spec));
            BOOST_REQUIRE_MESSAGE(result, (result ? "" : result.error().message()));
            outcome = std::move(*result);
        }(*this, std::move(spec), outcome));
        return outcome;
    }
    // A further process in a running container.
    Result<run::Prepared> prepare_exec(const std::string& container_id, const Fd& container,
                                       run::Process process) {
        TRY(Fd pidfd, container.duplicate());
        return run::prepare_exec(fmt::format("{:064x}", ++last_id_), container_id,
                                 std::move(process), "", std::move(pidfd), host_, *cgroup_);
    }
    // The error of a start that must fail.
    std::string refusal(run::ContainerSpec spec, Kind kind = Kind::invalid) {
        std::string text;
        run([](ContainerFixture& self, run::ContainerSpec spec, Kind kind,
               std::string& text) -> Task<void> {
            auto result = co_await self.outcome(std::move(spec));
            BOOST_REQUIRE(!result);
            BOOST_TEST(int(result.error().kind()) == int(kind));
            text = result.error().message();
        }(*this, std::move(spec), kind, text));
        return text;
    }

    static Task<void> collect(Loop& loop, Fd fd, std::string& text) {
        auto stream = loop::stream_of(loop, std::move(fd));
        for (;;) {
            auto part = co_await stream->read();
            if (!part || part->empty()) co_return;
            text.append(part->text());
        }
    }

    using LoopFixture::run;
    const ScratchFolder& scratch() const { return scratch_; }
    const std::string& exec_root() const { return exec_root_; }
    const sys::Cgroup& cgroup() const { return *cgroup_; }
    // From here on a host with nothing but cgroup v2, where this one has it at all.
    bool use_cgroup_v2() {
        std::ifstream table("/proc/self/mountinfo");
        std::ofstream only(scratch_.at("mountinfo"));
        bool any = false;
        for (std::string line; std::getline(table, line);)
            if (line.find(" - cgroup2 ") != std::string::npos) {
                only << line << "\n";
                any = true;
            }
        only.close();
        if (!any) return false;
        auto host = sys::CgroupHost::detect(scratch_.at("mountinfo"));
        BOOST_REQUIRE(host);
        BOOST_REQUIRE(host->v2);
        BOOST_TEST(bool(cgroup_->remove()));
        cgroup_.reset();
        host_ = std::move(*host);
        auto cgroup = sys::Cgroup::create(host_, fmt::format("/lighter-test-shim-{}", ::getpid()),
                                          sys::CgroupLimits{});
        BOOST_REQUIRE_MESSAGE(cgroup, (cgroup ? "" : cgroup.error().message()));
        cgroup_.emplace(std::move(*cgroup));
        return true;
    }

private:
    ScratchFolder scratch_;
    std::string exec_root_;
    sys::CgroupHost host_;
    std::optional<sys::Cgroup> cgroup_;
    std::unique_ptr<run::ShimClient> client_;
    std::uint64_t last_id_ = 0;
};

}  // namespace support
