// -v, --mount and --tmpfs as Docker reads them.
#include "engine/mounts.h"

#include <boost/test/unit_test.hpp>

using engine::parse_bind;
using engine::UserMount;

namespace {

std::string failure(std::string_view text) {
    auto mount = parse_bind(text);
    return mount ? "" : mount.error().message();
}

wire::HostConfig with_mount(wire::Mount mount) {
    wire::HostConfig host;
    host.mounts.push_back(std::move(mount));
    return host;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mounts)

BOOST_AUTO_TEST_CASE(a_bind_has_source_destination_and_mode) {
    UserMount mount = parse_bind("/a/../b/:/c//d:ro,rslave").value();
    BOOST_TEST(mount.source == "/b");
    BOOST_TEST(mount.destination == "/c/d");
    BOOST_TEST(mount.read_only);
    BOOST_TEST(mount.propagation == "rslave");
    BOOST_TEST(mount.create_source);
    run::Mount spec = engine::run_mount(mount);
    BOOST_TEST(spec.type == "bind");
    std::vector<std::string> wanted{"ro", "rbind", "rslave"};
    BOOST_TEST(spec.options == wanted, boost::test_tools::per_element());
    wire::MountPoint point = engine::mount_point(mount);
    BOOST_TEST(!point.rw);
    BOOST_TEST(point.mode == "ro,rslave");
}

BOOST_AUTO_TEST_CASE(a_wrong_bind_is_refused_in_dockers_words) {
    BOOST_TEST(failure("/a:b") ==
               "invalid volume specification: '/a:b': invalid mount path: 'b' mount path must be "
               "absolute");
    BOOST_TEST(failure("/a:/") == "invalid volume specification: '/a:/': invalid specification: "
                                  "destination can't be '/'");
    BOOST_TEST(failure("/a:/b:rw,ro") == "invalid mode: rw,ro");
    BOOST_TEST(failure("/a:/b:weird") == "invalid mode: weird");
    BOOST_TEST(failure(":/b") == "invalid volume specification: ':/b'");
    BOOST_TEST(failure("/a:/b:ro:x") == "invalid volume specification: '/a:/b:ro:x'");
    BOOST_TEST((parse_bind("name:/b").error().kind() == Kind::unsupported));
    BOOST_TEST((parse_bind("/data").error().kind() == Kind::unsupported));
}

BOOST_AUTO_TEST_CASE(parents_are_mounted_before_what_lies_below) {
    wire::HostConfig host;
    host.binds = {"/x:/a/b/c", "/y:/a"};
    host.tmpfs["/a/b"] = "size=1m,exec";
    auto mounts = engine::user_mounts(host).value();
    BOOST_REQUIRE(mounts.size() == 3U);
    BOOST_TEST(mounts[0].destination == "/a");
    BOOST_TEST(mounts[1].destination == "/a/b");
    BOOST_TEST(mounts[2].destination == "/a/b/c");
    std::vector<std::string> wanted{"nosuid", "nodev", "size=1m", "exec"};
    BOOST_TEST(mounts[1].options == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_same_target_twice_is_refused) {
    wire::HostConfig host;
    host.binds = {"/x:/a", "/y:/a/"};
    BOOST_TEST(engine::user_mounts(host).error().message() == "Duplicate mount point: /a");
}

BOOST_AUTO_TEST_CASE(a_mount_of_the_long_form_must_exist_and_says_so) {
    wire::Mount mount;
    mount.type = "bind";
    mount.source = "/nowhere/at/all";
    mount.target = "/x";
    auto mounts = engine::user_mounts(with_mount(mount)).value();
    BOOST_TEST(engine::check_sources(mounts).error().message() ==
               "invalid mount config for type \"bind\": bind source path does not exist: "
               "/nowhere/at/all");
    mount.type = "weird";
    BOOST_TEST(engine::user_mounts(with_mount(mount)).error().message() ==
               "mount type unknown: \"weird\"");
    mount.type = "tmpfs";
    BOOST_TEST(engine::user_mounts(with_mount(mount)).error().message() ==
               "invalid mount config for type \"tmpfs\": field Source must not be specified");
}

BOOST_AUTO_TEST_CASE(paths_are_cleaned_as_go_does) {
    BOOST_TEST(engine::clean_path("/a/../b//c/.") == "/b/c");
    BOOST_TEST(engine::clean_path("/../..") == "/");
    BOOST_TEST(engine::clean_path("a") == "/a");
}

BOOST_AUTO_TEST_CASE(tmpfs_options_are_those_that_mount_knows) {
    auto why = [](const std::string& options) {
        wire::HostConfig host;
        host.tmpfs["/t"] = options;
        auto mounts = engine::user_mounts(host);
        return mounts ? std::string() : mounts.error().message();
    };
    BOOST_TEST(why("size=1m,mode=700,uid=5,gid=6,nr_inodes=10,exec,suid,dev,ro").empty());
    for (const char* wrong : {"bogus", "bind", "rbind", "remount", "size", "data=1", "upperdir=/"})
        BOOST_TEST(why(wrong) == std::string("invalid tmpfs option [\"") + wrong + "\"]");
}

BOOST_AUTO_TEST_CASE(what_lies_below_a_folder) {
    BOOST_TEST(engine::is_below("/sys", "/sys"));
    BOOST_TEST(engine::is_below("/sys/fs/cgroup", "/sys"));
    BOOST_TEST(!engine::is_below("/sysx", "/sys"));
    BOOST_TEST(!engine::is_below("/", "/sys"));
}

BOOST_AUTO_TEST_SUITE_END()
