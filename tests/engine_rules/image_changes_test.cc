// import --change: Dockerfile instructions, right and wrong.
#include "engine/image_archive.h"

#include <boost/test/unit_test.hpp>

namespace {

using wire::oci::RunConfig;

RunConfig changed(std::vector<std::string> changes) {
    RunConfig config;
    Status done = engine::apply_changes(config, changes);
    BOOST_TEST_REQUIRE(static_cast<bool>(done));
    return config;
}

std::string refused(std::string change) {
    RunConfig config;
    Status done = engine::apply_changes(config, {std::move(change)});
    BOOST_TEST(!done);
    return done ? "" : done.error().message();
}

}  // namespace

BOOST_AUTO_TEST_CASE(instructions_change_how_an_image_is_run) {
    RunConfig config =
        changed({"cmd echo  hi", "ENV A=1 B='two words'", "ENV C old form", "USER nobody",
                 "EXPOSE 80 53/UDP 8000-8002", "VOLUME /a /b", "WORKDIR /w", "WORKDIR x",
                 "LABEL l=v", "STOPSIGNAL SIGINT", "# nothing\nONBUILD RUN x"});
    BOOST_TEST((config.cmd == std::vector<std::string>{"/bin/sh", "-c", "echo  hi"}));
    BOOST_TEST((config.env == std::vector<std::string>{"A=1", "B=two words", "C=old form"}));
    BOOST_TEST(config.user == "nobody");
    BOOST_TEST(config.exposed_ports.size() == 5u);
    BOOST_TEST(config.exposed_ports.contains("53/udp"));
    BOOST_TEST(config.volumes.size() == 2u);
    BOOST_TEST(config.working_dir == "/w/x");
    BOOST_TEST(config.labels.at("l") == "v");
    BOOST_TEST((config.on_build == std::vector<std::string>{"RUN x"}));
    config = changed(
        {R"(ENTRYPOINT ["a", "b"])", R"(HEALTHCHECK --interval=1m30s --retries=2 CMD ["t"])"});
    BOOST_TEST((config.entrypoint == std::vector<std::string>{"a", "b"}));
    BOOST_TEST_REQUIRE(config.healthcheck.has_value());
    BOOST_TEST(config.healthcheck->interval == 90'000'000'000);
    BOOST_TEST(config.healthcheck->retries == 2);
    BOOST_TEST((config.healthcheck->test == std::vector<std::string>{"CMD", "t"}));
}

BOOST_AUTO_TEST_CASE(wrong_instructions_are_refused) {
    BOOST_TEST(refused("RUN x") == "run is not a valid change command");
    BOOST_TEST(refused("ENV").starts_with("ENV requires"));
    BOOST_TEST(refused("ENV A='x") ==
               "unexpected end of statement while looking for matching quote");
    BOOST_TEST(refused("EXPOSE 70000") == "Invalid containerPort: 70000");
    BOOST_TEST(refused("EXPOSE 9-8") == "Invalid containerPort: 9-8");
    BOOST_TEST(refused("EXPOSE 1/x") == "Invalid proto: x");
    for (const char* wrong : {"nans", "infs", "1e300h", "-1s", "9999999999h", "1", "", "s"})
        BOOST_TEST(refused(std::string("HEALTHCHECK --interval=") + wrong + " CMD x") != "", wrong);
    BOOST_TEST(refused("HEALTHCHECK --timeout=1us CMD x") ==
               "Interval \"timeout\" cannot be less than 1ms");
    BOOST_TEST(refused("HEALTHCHECK CMD") == "Missing command after HEALTHCHECK CMD");
    BOOST_TEST(refused(std::string("USER a\0b", 8)) == "invalid change command");
}

// CVE-2018-20699: a range costs what it holds, however often it is named.
BOOST_AUTO_TEST_CASE(ranges_of_ports_are_bounded) {
    std::string many = "EXPOSE";
    for (int i = 0; i < 5000; ++i)
        many += " 1-65535";
    BOOST_TEST(refused(many) == "more than 65536 exposed ports");
}
