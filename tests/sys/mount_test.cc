// Detached mounts: overlays of many layers in every way the kernel takes them, and nothing seen of
// them on the host. Needs root; without it the cases are skipped.
#include "support/scratch_folder.h"
#include "sys/file.h"
#include "sys/mount.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

using support::ScratchFolder;

namespace {

boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id) {
    return ::geteuid() == 0;
}

// Layers 0 (topmost) to count-1, each with a file of its own and its own version of `same`.
struct Layers {
    explicit Layers(std::size_t count, const std::string& suffix = "") {
        sys::make_folders(scratch.at("upper"), 0755).value();
        sys::make_folders(scratch.at("work"), 0755).value();
        for (std::size_t i = 0; i < count; ++i) {
            names.push_back(
                fmt::format("layers/a-layer-with-a-long-name-{:060}{}/diff", i, suffix));
            sys::make_folders(scratch.at(names.back()), 0755).value();
            write(names.back() + fmt::format("/file{}", i), fmt::format("{}", i));
            write(names.back() + "/same", fmt::format("layer {}", i));
        }
        root = *sys::open_folder(scratch.path());
        upper = *sys::open_folder(scratch.at("upper"));
        work = *sys::open_folder(scratch.at("work"));
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(scratch.at(name)) << text;
    }
    ScratchFolder scratch;
    std::vector<std::string> names;
    Fd root, upper, work;
};

std::string text_in(const Fd& folder, const std::string& name) {
    auto file = sys::open_at(folder, name, O_RDONLY);
    if (!file) return file.error().message();
    return *sys::read_all(*file, 1000);
}

std::string host_mounts() {
    return *sys::read_file("/proc/self/mountinfo", 1 << 24);
}

}  // namespace

BOOST_TEST_DECORATOR(*boost::unit_test::precondition(is_root))
BOOST_DATA_TEST_CASE(overlays_of_many_layers_are_seen_by_nobody_else,
                     boost::unit_test::data::make({1, 2, 128, 500}) *
                         boost::unit_test::data::make({false, true}),
                     count, legacy) {
    Layers layers(static_cast<std::size_t>(count), ":,\\x");
    std::string before = host_mounts();
    auto merged = sys::mount_overlay(layers.root, layers.names, layers.upper, layers.work,
                                     {.force_legacy = legacy});
    BOOST_REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message()));
    BOOST_TEST((host_mounts() == before));
    BOOST_TEST(text_in(*merged, "same") == "layer 0");
    BOOST_TEST(text_in(*merged, "file0") == "0");
    BOOST_TEST(text_in(*merged, fmt::format("file{}", count - 1)) == fmt::format("{}", count - 1));

    // What is written goes to the upper folder alone, a removal as a whiteout.
    auto made = sys::open_at(*merged, "new", O_WRONLY | O_CREAT, 0600);
    BOOST_REQUIRE(made);
    BOOST_TEST(bool(sys::write_all(*made, "text", "new")));
    BOOST_TEST(layers.scratch.read("upper/new") == "text");
    BOOST_TEST(::unlinkat(merged->get(), "same", 0) == 0);
    struct stat status {};
    BOOST_TEST(::stat(layers.scratch.at("upper/same").c_str(), &status) == 0);
    BOOST_TEST(S_ISCHR(status.st_mode));
    BOOST_TEST(layers.scratch.read(layers.names[0] + "/same") == "layer 0");
}

BOOST_TEST_DECORATOR(*boost::unit_test::precondition(is_root))
BOOST_DATA_TEST_CASE(a_read_only_overlay_takes_no_writes,
                     boost::unit_test::data::make({1, 3}) *
                         boost::unit_test::data::make({false, true}),
                     count, legacy) {
    Layers layers(static_cast<std::size_t>(count));
    auto merged = sys::mount_overlay(layers.root, layers.names, Fd(), Fd(),
                                     {.read_only = true, .force_legacy = legacy});
    BOOST_REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message()));
    BOOST_TEST(text_in(*merged, "same") == "layer 0");
    BOOST_TEST(!sys::open_at(*merged, "new", O_WRONLY | O_CREAT, 0600));
    BOOST_TEST(errno == EROFS);
}

BOOST_AUTO_TEST_CASE(an_image_without_layers_is_its_upper_folder,
                     *boost::unit_test::precondition(is_root)) {
    Layers layers(0);
    auto merged = sys::mount_overlay(layers.root, {}, layers.upper, layers.work);
    BOOST_REQUIRE(merged);
    BOOST_TEST(bool(sys::open_at(*merged, "new", O_WRONLY | O_CREAT, 0600)));
    BOOST_TEST(std::filesystem::exists(layers.scratch.at("upper/new")));
}

BOOST_AUTO_TEST_CASE(layers_are_real_folders_below_the_layers_folder,
                     *boost::unit_test::precondition(is_root)) {
    Layers layers(2);
    BOOST_TEST(::symlink("/etc", layers.scratch.at("layers/link").c_str()) == 0);
    for (const char* bad : {"layers/link", "/etc", "../../etc", "layers/none"}) {
        auto names = layers.names;
        names.emplace_back(bad);
        BOOST_TEST(!sys::mount_overlay(layers.root, names, layers.upper, layers.work), bad);
    }
    std::vector<std::string> many(501, layers.names[0]);
    auto deep = sys::mount_overlay(layers.root, many, layers.upper, layers.work);
    BOOST_TEST(deep.error().message() == "max depth exceeded");
}

BOOST_AUTO_TEST_CASE(a_failed_overlay_tells_why, *boost::unit_test::precondition(is_root)) {
    Layers layers(2);
    // upper and work on different file systems.
    Fd elsewhere = *sys::open_folder("/dev");
    auto failed = sys::mount_overlay(layers.root, layers.names, layers.upper, elsewhere);
    BOOST_TEST(!failed);
    BOOST_TEST(failed.error().message().find("overlay") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(private_mounts, *boost::unit_test::precondition(is_root)) {
    Fd tmpfs = *sys::mount_tmpfs({"size=64k", "mode=1777", "nr_inodes=10"},
                                 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    struct stat status {};
    BOOST_TEST(::fstat(tmpfs.get(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777) == 01777u);
    struct statfs fs {};
    BOOST_TEST(::fstatfs(tmpfs.get(), &fs) == 0);
    BOOST_TEST(fs.f_blocks * static_cast<std::uint64_t>(fs.f_bsize) == 64u * 1024);
    BOOST_TEST((fs.f_flags & 2 /* ST_NOSUID */) != 0);
    BOOST_TEST(!sys::mount_tmpfs({"size=many"}, 0));
    BOOST_TEST(!sys::mount_tmpfs({"no_such_option"}, 0));

    Fd proc = *sys::private_proc();
    BOOST_TEST(::fstatfs(proc.get(), &fs) == 0);
    BOOST_TEST(fs.f_type == 0x9fa0);  // PROC_SUPER_MAGIC
    BOOST_TEST(text_in(proc, "self/stat").starts_with(std::to_string(::getpid())));

    ScratchFolder scratch;
    std::ofstream(scratch.at("file")) << "text";
    Fd folder = *sys::clone_mount(scratch.path(), false);
    BOOST_TEST(text_in(folder, "file") == "text");
    Fd parent = *sys::open_folder(scratch.path());
    BOOST_TEST(text_in(*sys::clone_mount_at(parent, "", true), "file") == "text");
    Fd file = *sys::clone_mount_at(parent, "file", true);
    BOOST_TEST(::fstat(file.get(), &status) == 0);
    BOOST_TEST(S_ISREG(status.st_mode));
    BOOST_TEST((sys::clone_mount_at(parent, "none", true).error().kind() == Kind::missing));
}
