#include "engine/file_view.h"
#include "engine/image_commit.h"
#include "engine/upper_walk.h"

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>

using namespace engine;

namespace {

struct stat info(std::uint32_t mode, std::int64_t size = 0, timespec modified = {}) {
    struct stat out {};
    out.st_mode = mode;
    out.st_size = size;
    out.st_mtim = modified;
    return out;
}

wire::ContainerConfig own_config() {
    wire::ContainerConfig out;
    out.env = {"A=1", "B=2"};
    out.cmd = {"sleep", "5"};
    out.entrypoint = {"/entry"};
    out.labels = {{"one", "1"}};
    out.working_dir = "/w";
    out.exposed_ports["80/tcp"];
    return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_path_keeps_what_says_folder) {
    auto shown = [](std::string_view path) {
        ArchivePath made = archive_path(path);
        return made.full + " " + made.name;
    };
    BOOST_TEST(shown("/a/b") == "/a/b b");
    BOOST_TEST(shown("a//b/../c") == "/a/c c");
    BOOST_TEST(shown("/a/b/") == "/a/b/ b");
    BOOST_TEST(shown("/a/b/.") == "/a/b/. .");
    BOOST_TEST(shown("/") == "/ /");
    BOOST_TEST(shown(".") == "/. .");
    BOOST_TEST(shown("/../..") == "/ /");
    BOOST_TEST(shown("../x") == "/x x");
}

BOOST_AUTO_TEST_CASE(modes_are_gos) {
    BOOST_TEST(go_file_mode(S_IFREG | 0644) == 0644u);
    BOOST_TEST(go_file_mode(S_IFDIR | 01777) == ((1u << 31) | (1u << 20) | 0777u));
    BOOST_TEST(go_file_mode(S_IFLNK | 0777) == ((1u << 27) | 0777u));
    BOOST_TEST(go_file_mode(S_IFREG | 06755) == ((1u << 23) | (1u << 22) | 0755u));
    BOOST_TEST(go_file_mode(S_IFCHR | 0666) == ((1u << 26) | (1u << 21) | 0666u));
    BOOST_TEST(go_file_mode(S_IFBLK) == 1u << 26);
    BOOST_TEST(go_file_mode(S_IFIFO) == 1u << 25);
    BOOST_TEST(go_file_mode(S_IFSOCK) == 1u << 24);
}

BOOST_AUTO_TEST_CASE(a_change_is_what_docker_takes_for_one) {
    BOOST_TEST(!differs(info(S_IFREG | 0644, 5, {7, 8}), info(S_IFREG | 0644, 5, {7, 8})));
    // Archives have whole seconds.
    BOOST_TEST(!differs(info(S_IFREG | 0644, 5, {7, 0}), info(S_IFREG | 0644, 5, {7, 8})));
    BOOST_TEST(differs(info(S_IFREG | 0644, 5, {7, 9}), info(S_IFREG | 0644, 5, {7, 8})));
    BOOST_TEST(differs(info(S_IFREG | 0644, 5, {7, 0}), info(S_IFREG | 0644, 6, {7, 0})));
    BOOST_TEST(differs(info(S_IFREG | 0644), info(S_IFREG | 0600)));
    BOOST_TEST(differs(info(S_IFDIR | 0755), info(S_IFREG | 0755)));
    BOOST_TEST(!differs(info(S_IFDIR | 0755, 5, {1, 1}), info(S_IFDIR | 0755, 6, {2, 2})));
    struct stat other = info(S_IFDIR | 0755);
    other.st_uid = 1;
    BOOST_TEST(differs(info(S_IFDIR | 0755), other));
}

BOOST_AUTO_TEST_CASE(a_commit_has_the_containers_config) {
    auto made = committed_config(own_config(), std::nullopt, {});
    BOOST_REQUIRE(made);
    BOOST_TEST(made->cmd == std::vector<std::string>({"sleep", "5"}));
    BOOST_TEST(made->entrypoint == std::vector<std::string>({"/entry"}));
    BOOST_TEST(made->working_dir == "/w");
    BOOST_TEST(made->exposed_ports.contains("80/tcp"));
}

BOOST_AUTO_TEST_CASE(a_config_in_the_body_is_completed_by_the_containers) {
    wire::ContainerConfig wanted;
    wanted.env = {"A=own"};
    wanted.cmd = {"own"};
    auto made = committed_config(own_config(), wanted, {"LABEL two=2"});
    BOOST_REQUIRE(made);
    BOOST_TEST(made->env == std::vector<std::string>({"A=own", "B=2"}));
    BOOST_TEST(made->cmd == std::vector<std::string>({"own"}));
    BOOST_TEST(made->labels.size() == 2u);
    // An entry point of its own takes no command from the container.
    wanted.entrypoint = {"/other"};
    wanted.cmd.clear();
    made = committed_config(own_config(), wanted, {});
    BOOST_REQUIRE(made);
    BOOST_TEST(made->entrypoint == std::vector<std::string>({"/other"}));
    BOOST_TEST(made->cmd.empty());
}

BOOST_AUTO_TEST_CASE(an_entry_point_that_a_change_took_away_does_not_come_back) {
    auto made = committed_config(own_config(), std::nullopt, {"ENTRYPOINT []", "CMD [\"x\"]"});
    BOOST_REQUIRE(made);
    BOOST_TEST(made->entrypoint.empty());
    BOOST_TEST(made->cmd == std::vector<std::string>({"x"}));
    BOOST_TEST(committed_config(own_config(), std::nullopt, {"FROM x"}).error().message() ==
               "from is not a valid change command");
}
