// Every network test runs in namespaces it makes itself: the host's links, addresses and tables are
// neither seen nor touched.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// Fixture: the test's thread (and what it starts) is in a fresh namespace with lo up and forwarding
// off; the namespace it came from is left for good.
struct OwnNamespace {
    OwnNamespace() {
        BOOST_REQUIRE_MESSAGE(::unshare(CLONE_NEWNET) == 0,
                              "unshare: " << std::strerror(errno) << " (these tests need root)");
        sh("ip link set lo up");
        sh("echo 0 > /proc/sys/net/ipv4/ip_forward");
    }

    // A shell command's exit code and output.
    struct Ran {
        int code;
        std::string output;
    };
    static Ran try_sh(const std::string& command) {
        FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
        BOOST_REQUIRE(pipe);
        Ran ran{0, {}};
        char buffer[4096];
        while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
            ran.output.append(buffer, got);
        int status = ::pclose(pipe);
        ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        return ran;
    }
    // One that must work; its output.
    static std::string sh(const std::string& command) {
        Ran ran = try_sh(command);
        BOOST_REQUIRE_MESSAGE(ran.code == 0, command << ": " << ran.output);
        return ran.output;
    }
    // The same in a namespace held by descriptor `fd`.
    static Ran try_in(int fd, const std::string& command) {
        return try_sh("nsenter --net=/proc/" + std::to_string(::getpid()) + "/fd/" +
                      std::to_string(fd) + " -- sh -c '" + command + "'");
    }
    static std::string in(int fd, const std::string& command) {
        Ran ran = try_in(fd, command);
        BOOST_REQUIRE_MESSAGE(ran.code == 0, command << ": " << ran.output);
        return ran.output;
    }
    // Whether `to` answers in the namespace held by `fd`: a busy machine gets three tries; and
    // whether it does not, for which one is enough.
    static bool pings(int fd, const std::string& to) {
        return !silent(fd, to) || !silent(fd, to) || !silent(fd, to);
    }
    static bool silent(int fd, const std::string& to) {
        return try_in(fd, "busybox ping -c 1 -W 1 " + to).code == 1;
    }
};

#define REQUIRE_OK(...)                                                                            \
    do {                                                                                           \
        auto&& ok_ = (__VA_ARGS__);                                                                \
        BOOST_REQUIRE_MESSAGE(ok_, (ok_ ? std::string() : ok_.error().message()));                 \
    } while (false)
