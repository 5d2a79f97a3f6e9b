// Docker's user[:group] against a container's own files (security-cases L9, L10, L11).
#include "run/user.h"
#include "support/scratch_folder.h"
#include "sys/file.h"

#include <boost/test/unit_test.hpp>
#include <fmt/core.h>
#include <sys/stat.h>

using support::ScratchFolder;

namespace {

constexpr std::string_view passwd = "root:x:0:0:root:/root:/bin/sh\n"
                                    "\n"
                                    "  daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\r\n"
                                    "first:x:1000:100::/home/first:\n"
                                    "second:x:1000:200::/home/second:/bin/sh\n"
                                    "4242:x:7:7::/numeric:\n"
                                    "broken:x:no:0::/:\n"
                                    "huge:x:4294967296:0::/:\n"
                                    "nogid:x:50:none::/:\n"
                                    "short:x:60\n"
                                    "last:x:70:70::/last:/bin/sh";
constexpr std::string_view group = "root:x:0:root\n"
                                   "adm:x:4:second,first\n"
                                   "video:x:44:first\n"
                                   "video:x:45:\n"
                                   "500:x:8:second\n"
                                   "bad:x:x:first\n"
                                   "wheel:x:10:firstborn,nobody";

using Gids = std::vector<std::uint32_t>;

run::User good(std::string_view user, const std::vector<std::string>& add = {}) {
    auto resolved = run::resolve_user_in(passwd, group, user, add);
    BOOST_REQUIRE_MESSAGE(resolved, user << ": " << (resolved ? "" : resolved.error().message()));
    return *resolved;
}
std::string bad(std::string_view user, const std::vector<std::string>& add = {}) {
    auto resolved = run::resolve_user_in(passwd, group, user, add);
    BOOST_REQUIRE_MESSAGE(!resolved, user);
    BOOST_TEST((resolved.error().kind() == Kind::invalid));
    return resolved.error().message();
}
std::string told(const run::User& user) {
    std::string text = fmt::format("{}:{} {}", user.uid, user.gid, user.home);
    for (auto gid : user.additional_gids)
        text += fmt::format(" {}", gid);
    return text;
}

constexpr const char* range = "uids and gids must be in range 0-4294967294";

}  // namespace

BOOST_AUTO_TEST_CASE(users_by_name_and_number) {
    BOOST_TEST(told(good("")) == "0:0 /root 0");
    BOOST_TEST(told(good("root")) == "0:0 /root 0");
    BOOST_TEST(told(good("daemon")) == "1:1 /usr/sbin 1");
    BOOST_TEST(told(good("first")) == "1000:100 /home/first 100 4 44");
    // By name the account is the second, HOME is looked up by number as runc does.
    BOOST_TEST(told(good("second")) == "1000:200 /home/first 200 4 8");
    BOOST_TEST(told(good("1000")) == "1000:100 /home/first 100 4 44");
    BOOST_TEST(told(good("last")) == "70:70 /last 70");
    BOOST_TEST(told(good("99")) == "99:0 / 0");
    BOOST_TEST(told(good("0001000")) == "1000:100 /home/first 100 4 44");
    BOOST_TEST(told(good("+1")) == "1:1 /usr/sbin 1");
    BOOST_TEST(told(good("2147483648")) == "2147483648:0 / 0");
    BOOST_TEST(told(good("4294967294:4294967294")) == "4294967294:4294967294 / 4294967294");
}

BOOST_AUTO_TEST_CASE(a_named_group_replaces_the_others) {
    BOOST_TEST(told(good("first:video")) == "1000:44 /home/first 44");
    BOOST_TEST(told(good("first:5")) == "1000:5 /home/first 5");
    BOOST_TEST(told(good("99:wheel")) == "99:10 / 10");
    BOOST_TEST(told(good(":adm")) == "0:4 /root 4");
    BOOST_TEST(told(good("first:")) == "1000:100 /home/first 100 4 44");
    BOOST_TEST(told(good("nogid:3")) == "50:3 / 3");
    BOOST_TEST(told(good("1:2:3")) == "1:2 /usr/sbin 2");
}

BOOST_AUTO_TEST_CASE(groups_are_added) {
    BOOST_TEST(told(good("99", {"video", "77", "wheel"})) == "99:0 / 0 44 77 10");
    BOOST_TEST(told(good("first:3", {"adm", "adm", "3"})) == "1000:3 /home/first 3 4");
    BOOST_TEST(bad("", {"none"}) == "unable to find group none: no matching entries in group file");
    BOOST_TEST(bad("", {"-1"}) == range);
    BOOST_TEST(bad("", {""}) == "unable to find group : no matching entries in group file");
}

BOOST_AUTO_TEST_CASE(digits_are_never_a_name) {
    BOOST_TEST(told(good("4242")) == "4242:0 / 0");
    BOOST_TEST(told(good("1:500")) == "1:500 /usr/sbin 500");
    BOOST_TEST(told(good("1", {"500"})) == "1:1 /usr/sbin 1 500");
    for (const char* wrong :
         {"-1", "4294967295", "4294967296", "18446744073709551616", "99999999999999999999999999999",
          "1:-1", "1:4294967295", "1:99999999999999999999999999999"})
        BOOST_TEST(bad(wrong) == range);
}

BOOST_AUTO_TEST_CASE(unknown_and_broken_accounts) {
    BOOST_TEST(bad("none") == "unable to find user none: no matching entries in passwd file");
    BOOST_TEST(bad("1000x") == "unable to find user 1000x: no matching entries in passwd file");
    BOOST_TEST(bad("0x10") == "unable to find user 0x10: no matching entries in passwd file");
    BOOST_TEST(bad(" root") == "unable to find user  root: no matching entries in passwd file");
    BOOST_TEST(bad("first:none") == "unable to find group none: no matching entries in group file");
    // Docker makes uid 0 of these.
    BOOST_TEST(bad("broken") == range);
    BOOST_TEST(bad("huge") == range);
    BOOST_TEST(bad("nogid") == range);
    BOOST_TEST(bad("short") == range);
    BOOST_TEST(bad("first:bad") == range);
}

BOOST_AUTO_TEST_CASE(files_are_read_inside_the_root_only) {
    ScratchFolder scratch;
    sys::make_folders(scratch.at("root/usr/lib"), 0755).value();
    Fd root = *sys::open_folder(scratch.at("root"));
    // None at all.
    BOOST_TEST(told(*run::resolve_user(root, "", {})) == "0:0 / 0");
    BOOST_TEST(run::resolve_user(root, "root", {}).error().message() ==
               "unable to find user root: no matching entries in passwd file");
    // Links resolve as inside the container.
    sys::make_folders(scratch.at("root/etc"), 0755).value();
    std::ofstream(scratch.at("passwd")) << "host:x:1:1::/:\n";
    std::ofstream(scratch.at("root/usr/lib/passwd")) << "inside:x:5:6::/i:\n";
    BOOST_TEST(::symlink("/usr/lib/passwd", scratch.at("root/etc/passwd").c_str()) == 0);
    BOOST_TEST(::symlink("../../passwd", scratch.at("root/etc/group").c_str()) == 0);
    BOOST_TEST(told(*run::resolve_user(root, "inside", {})) == "5:6 /i 6");
    BOOST_TEST(!run::resolve_user(root, "host", {}));
    BOOST_TEST(!run::resolve_user(root, "", {"host"}));
}

BOOST_AUTO_TEST_CASE(hostile_files_neither_hang_nor_grow) {
    ScratchFolder scratch;
    sys::make_folders(scratch.at("etc"), 0755).value();
    Fd root = *sys::open_folder(scratch.path());
    std::string path = scratch.at("etc/passwd");
    auto refused = [&](std::string_view why) {
        auto resolved = run::resolve_user(root, "root", {});
        BOOST_TEST(!resolved, why);
        if (!resolved) BOOST_TEST(resolved.error().message().find(why) != std::string::npos);
        std::filesystem::remove(path);
    };
    BOOST_TEST(::mkfifo(path.c_str(), 0666) == 0);
    refused("/etc/passwd in the container is no regular file");
    std::filesystem::create_directory(path);
    refused("is no regular file");
    BOOST_TEST(::symlink("/proc/self/mem", path.c_str()) == 0);
    refused("no matching entries");
    std::ofstream(path) << "root:x:0:0::/:";
    std::filesystem::resize_file(path, 1ULL << 38);
    refused("file is larger than");
    // One line of a whole file, and as many groups as fit one.
    std::string many;
    for (unsigned i = 1; many.size() < 1000 * 1000; ++i)
        many += fmt::format("g{}:x:{}:root\n", i, i);
    std::ofstream(path) << "root:x:0:0::/:";
    std::ofstream(scratch.at("etc/group")) << many;
    BOOST_TEST(run::resolve_user(root, "root", {})->additional_gids.size() > 10000u);
    std::ofstream(scratch.at("etc/group")) << "g:x:1:" << std::string(1000 * 1000, ',') << "root";
    BOOST_TEST(told(*run::resolve_user(root, "root", {})) == "0:0 / 0 1");
}
