// Removing trees: deep ones, hostile names, links and mounts.
#include "support/scratch_folder.h"
#include "sys/file.h"
#include "sys/mount.h"

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using support::ScratchFolder;

namespace {

boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id) {
    return ::geteuid() == 0;
}

// A chain of `depth` folders with a file and a side folder in each.
void make_chain(const Fd& root, int depth) {
    Fd at = *root.duplicate();
    for (int i = 0; i < depth; ++i) {
        BOOST_REQUIRE(::mkdirat(at.get(), "d", 0700) == 0);
        at = *sys::open_at(at, "d", O_RDONLY | O_DIRECTORY);
        BOOST_REQUIRE(sys::open_at(at, "file", O_WRONLY | O_CREAT, 0600));
        BOOST_REQUIRE(::mkdirat(at.get(), "side", 0700) == 0);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(deep_trees_go_with_few_descriptors) {
    ScratchFolder scratch;
    // In memory where we may: 10,000 folders are a lot of a busy disk's journal.
    auto memory = sys::mount_tmpfs({}, 0);
    Fd root = memory ? std::move(*memory) : *sys::open_folder(scratch.path());
    make_chain(root, 5000);
    struct rlimit before {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit low = before;
    low.rlim_cur = 40;
    ::setrlimit(RLIMIT_NOFILE, &low);
    Status removed = sys::remove_tree(root, "d");
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(bool(removed), (removed ? "" : removed.error().message()));
    BOOST_TEST(sys::list_names(root)->empty());
}

BOOST_AUTO_TEST_CASE(names_and_links_are_only_names) {
    ScratchFolder scratch;
    std::filesystem::create_directories(scratch.at("canary/inner"));
    std::ofstream(scratch.at("canary/inner/file")) << "text";
    std::filesystem::create_directories(scratch.at("tree/x"));
    Fd root = *sys::open_folder(scratch.path());
    Fd tree = *sys::open_at(root, "tree", O_PATH | O_DIRECTORY);
    std::string longest(255, 'n');
    for (const std::string& name :
         {std::string("-rf"), std::string("a\nb"), std::string("\xff\xfe"), std::string(" "),
          std::string("..."), longest}) {
        BOOST_TEST(::mkdirat(tree.get(), name.c_str(), 0) == 0);
        Fd folder = *sys::open_at(tree, name, O_RDONLY | O_DIRECTORY);
        BOOST_TEST(::symlinkat(scratch.at("canary").c_str(), folder.get(), "link") == 0);
        BOOST_TEST(::mkfifoat(folder.get(), "fifo", 0600) == 0);
        BOOST_TEST(::linkat(root.get(), "canary/inner/file", folder.get(), "hard", 0) == 0);
    }
    BOOST_TEST(bool(sys::remove_tree(root, "tree")));
    BOOST_TEST(!std::filesystem::exists(scratch.at("tree")));
    BOOST_TEST(scratch.read("canary/inner/file") == "text");

    // A link at the top, a file, nothing at all.
    BOOST_TEST(::symlink("canary", scratch.at("top").c_str()) == 0);
    BOOST_TEST(bool(sys::remove_tree(root, "top")));
    BOOST_TEST(scratch.read("canary/inner/file") == "text");
    BOOST_TEST(bool(sys::remove_tree(root, "top")));
    std::ofstream(scratch.at("plain")) << "x";
    BOOST_TEST(bool(sys::remove_tree(root, "plain")));
    BOOST_TEST(!std::filesystem::exists(scratch.at("plain")));
}

BOOST_AUTO_TEST_CASE(what_is_mounted_inside_is_left_alone,
                     *boost::unit_test::precondition(is_root)) {
    ScratchFolder scratch;
    std::filesystem::create_directories(scratch.at("tree/a/mnt"));
    std::filesystem::create_directories(scratch.at("volume"));
    std::ofstream(scratch.at("volume/precious")) << "text";
    // In a process with mounts of its own: a test that dies leaves nothing mounted.
    pid_t pid = ::fork();
    if (pid == 0) {
        if (::unshare(CLONE_NEWNS) != 0) ::_exit(1);
        if (::syscall(SYS_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            ::_exit(2);
        // The same file system: a device number would not tell.
        if (::syscall(SYS_mount, scratch.at("volume").c_str(), scratch.at("tree/a/mnt").c_str(),
                      nullptr, MS_BIND, nullptr) != 0)
            ::_exit(3);
        auto root = sys::open_folder(scratch.path());
        ::_exit(root && !sys::remove_tree(*root, "tree") ? 7 : 4);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(pid, &status, 0) == pid);
    BOOST_TEST(WEXITSTATUS(status) == 7);
    BOOST_TEST(scratch.read("volume/precious") == "text");
}
