#include "cli/copy_paths.h"

#include <boost/test/unit_test.hpp>

using namespace cli;

namespace {

CopyEnd end(std::string path, bool exists, bool folder, std::string rebase_name = "") {
    return {std::move(path), exists, folder, std::move(rebase_name)};
}

std::string planned(const CopyEnd& source, const CopyEnd& target) {
    auto plan = plan_copy(source, target);
    if (!plan) return plan.error().message();
    if (!plan->rename) return plan->folder;
    return plan->folder + " " + plan->rename->first + ">" + plan->rename->second;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_colon_makes_a_container_unless_the_path_is_clearly_local) {
    BOOST_TEST(parse_copy_argument("c:/x").container == "c");
    BOOST_TEST(parse_copy_argument("c:/x:y").path == "/x:y");
    BOOST_TEST(parse_copy_argument("c:").path == "");
    for (const char* local : {"/a:b", "./a:b", "../a:b", ".a:b", "plain", "-"}) {
        BOOST_TEST(parse_copy_argument(local).container == "");
        BOOST_TEST(parse_copy_argument(local).path == local);
    }
}

BOOST_AUTO_TEST_CASE(paths_are_cleaned_and_cut_as_go_does_it) {
    BOOST_TEST(clean_local("") == ".");
    BOOST_TEST(clean_local("/a/../../b//c/./") == "/b/c");
    BOOST_TEST(clean_local("../a/../../b") == "../../b");
    BOOST_TEST(folder_part("a") == ".");
    BOOST_TEST(folder_part("/a") == "/");
    BOOST_TEST(folder_part("/a/b/") == "/a/b");
    BOOST_TEST(base_part("") == ".");
    BOOST_TEST(base_part("/") == "/");
    BOOST_TEST(base_part("/a/b/") == "b");
    BOOST_TEST(base_part("/a/.") == ".");
    BOOST_TEST(keep_ending("/a", "a/.") == "/a/.");
    BOOST_TEST(keep_ending("/", "/.") == "/.");
    BOOST_TEST(keep_ending("/a", "a/") == "/a/");
    BOOST_TEST(keep_ending("/", "/") == "/");
    BOOST_TEST(keep_ending("/here", ".") == "/here/.");
    BOOST_TEST((split_entry("/a/b/.") == std::pair<std::string, std::string>("/a/b", ".")));
    BOOST_TEST((split_entry("/a/b/") == std::pair<std::string, std::string>("/a", "b")));
    BOOST_TEST((split_entry("/") == std::pair<std::string, std::string>("/", "/")));
}

BOOST_AUTO_TEST_CASE(what_is_copied_gets_the_name_that_docker_gives_it) {
    BOOST_TEST(planned(end("/s/f", true, false), end("/d", true, true)) == "/d");
    BOOST_TEST(planned(end("/s/f", true, false), end("/d/x", true, false)) == "/d f>x");
    BOOST_TEST(planned(end("/s/f", true, false), end("/d/x", false, false)) == "/d f>x");
    BOOST_TEST(planned(end("/s/f", true, false), end("/d/x/", false, false)) ==
               "no such directory");
    BOOST_TEST(planned(end("/s/f", true, false), end("/d/x/.", false, false)) ==
               "no such directory");
    BOOST_TEST(planned(end("/s", true, true), end("/d", true, true)) == "/d");
    BOOST_TEST(planned(end("/s", true, true), end("/d/x", true, false)) == "cannot copy directory");
    BOOST_TEST(planned(end("/s", true, true), end("/d/x/", false, false)) == "/d s>x");
    BOOST_TEST(planned(end("/s/.", true, true), end("/d/x", false, false)) == "/d .>x");
    BOOST_TEST(planned(end("/", true, true), end("/d/x", false, false)) == "/d >x");
    BOOST_TEST(planned(end("/real", true, true, "link"), end("/d/x", false, false)) == "/d link>x");
}

BOOST_AUTO_TEST_CASE(a_followed_link_keeps_its_ending_and_its_name) {
    using Pair = std::pair<std::string, std::string>;
    BOOST_TEST((rebased("/a/link", "/b/real") == Pair("/b/real", "link")));
    BOOST_TEST((rebased("/a/link/", "/b/real") == Pair("/b/real/", "link")));
    BOOST_TEST((rebased("/a/link/.", "/b/real") == Pair("/b/real/.", "")));
    BOOST_TEST((rebased("/a/same", "/b/same") == Pair("/b/same", "")));
}

BOOST_AUTO_TEST_CASE(a_device_is_no_place_for_a_copy) {
    BOOST_TEST(check_output("/dev/null").error().message() ==
               "invalid output path: \"/dev/null\" must be a directory or a regular file: got a "
               "device");
    BOOST_TEST(check_output("/no/such/folder").error().message() ==
               "invalid output path: directory \"/no/such\" does not exist");
    BOOST_TEST(bool(check_output("/etc/passwd")));
    BOOST_TEST(check_output_mode(1U << 26).error().message() == "got a device");
    BOOST_TEST(bool(check_output_mode(0644)));
}
