// What create makes of the user's wishes, the image and the daemon's settings.
#include "engine/create.h"
#include "engine/launch.h"
#include "engine/security.h"

#include <boost/test/unit_test.hpp>

using engine::ContainerRecord;
using engine::ContainerSettings;

namespace {

ContainerRecord record_of(std::string id = std::string(64, 'a')) {
    ContainerRecord record;
    record.id = std::move(id);
    return record;
}

std::string refusal(const ContainerRecord& record, const ContainerSettings& settings = {}) {
    Status fine = engine::check_supported(record, settings);
    return fine ? "" : fine.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(create)

BOOST_AUTO_TEST_CASE(the_users_command_and_the_images_meet_as_in_docker) {
    wire::oci::RunConfig image;
    image.entrypoint = {"/entry"};
    image.cmd = {"default"};
    image.env = {"A=image", "B=image"};
    auto words = [&](wire::ContainerConfig config) {
        ContainerRecord record = record_of();
        engine::merge_image(config, image);
        record.config = std::move(config);
        if (!engine::set_command(record)) return std::string("none");
        std::string text = record.path;
        for (const std::string& arg : record.args)
            text += " " + arg;
        return text;
    };
    wire::ContainerConfig config;
    config.env = {"A=user"};
    BOOST_TEST(words(config) == "/entry default");
    config.cmd = {"own"};
    BOOST_TEST(words(config) == "/entry own");
    config.entrypoint = {"/other"};
    BOOST_TEST(words(config) == "/other own");
    config.cmd.clear();
    BOOST_TEST(words(config) == "/other");
    config.entrypoint.clear();
    config.entrypoint.given = true;  // an empty list clears the image's
    BOOST_TEST(words(config) == "default");
    config.entrypoint = {""};  // --entrypoint "": the image's cmd is not used either
    BOOST_TEST(words(config) == "none");
    engine::merge_image(config, image);
    std::vector<std::string> wanted{"A=user", "B=image"};
    BOOST_TEST(config.env == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_left_open_comes_from_the_daemons_settings) {
    ContainerSettings settings;
    settings.ulimits = {{"nofile", 2000, 1000}, {"core", 0, 0}};
    settings.ipc_mode = "shareable";
    settings.cgroupns_mode = "host";
    settings.log_driver = "none";
    ContainerRecord record = record_of();
    record.host_config.ulimits = {{"nofile", 20, 10}};
    engine::fill_defaults(record, settings, true);
    const wire::HostConfig& host = record.host_config;
    BOOST_REQUIRE(host.ulimits.size() == 2U);
    BOOST_TEST(host.ulimits[0].soft == 10);
    BOOST_TEST(host.ulimits[1].name == "core");
    BOOST_TEST(host.ipc_mode == "shareable");
    BOOST_TEST(host.cgroupns_mode == "host");
    BOOST_TEST(host.log_config.type == "none");
    BOOST_TEST(host.network_mode == "bridge");
    BOOST_TEST(host.runtime == "runc");
    BOOST_TEST(record.config.hostname == "aaaaaaaaaaaa");
    BOOST_TEST(refusal(record, settings).empty());
}

BOOST_AUTO_TEST_CASE(cgroup_namespaces_are_private_where_docker_has_them_so) {
    auto mode = [](bool v2, bool privileged) {
        ContainerRecord record = record_of();
        record.host_config.privileged = privileged;
        engine::fill_defaults(record, ContainerSettings(), v2);
        return record.host_config.cgroupns_mode;
    };
    BOOST_TEST(mode(true, false) == "private");
    BOOST_TEST(mode(true, true) == "host");
    BOOST_TEST(mode(false, false) == "host");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_refused_and_not_ignored) {
    ContainerSettings settings;
    settings.other_runtimes = {"kata"};
    auto with = [&](auto change) {
        ContainerRecord record = record_of();
        change(record);
        engine::fill_defaults(record, settings, false);
        return refusal(record, settings);
    };
    BOOST_TEST(with([](auto& r) { r.host_config.runtime = "kata"; }) ==
               "runtime kata is not implemented by this engine yet");
    BOOST_TEST(with([](auto& r) { r.host_config.runtime = "x"; }) ==
               "unknown or invalid runtime name: x");
    BOOST_TEST(with([](auto& r) {
                   r.host_config.port_bindings["http/tcp"] = std::vector<wire::PortBinding>{};
               }) == "invalid port specification: \"http\"");
    BOOST_TEST(with([](auto& r) { r.host_config.log_config.type = "journald"; }) ==
               "log driver journald is not implemented by this engine yet");
    BOOST_TEST(with([](auto& r) {
                   r.host_config.log_config = {"json-file", {{"max-siz", "1"}}};
               }) == "unknown log opt 'max-siz' for json-file log driver");
    BOOST_TEST(with([](auto& r) { r.config.stop_signal = "NOPE"; }) == "invalid signal: NOPE");
}

BOOST_AUTO_TEST_CASE(the_containers_security_options_override_the_daemons) {
    ContainerSettings settings;
    settings.no_new_privileges = true;
    settings.seccomp_profile = "unconfined";
    wire::HostConfig host;
    auto daemon = engine::security_of(host, settings).value();
    BOOST_TEST(daemon.no_new_privileges);
    BOOST_TEST(daemon.seccomp_unconfined);
    host.security_opt = {"no-new-privileges=false", "seccomp=builtin"};
    auto own = engine::security_of(host, settings).value();
    BOOST_TEST(!own.no_new_privileges);
    BOOST_TEST(!own.seccomp_unconfined);
    host.security_opt = {"nonsense"};
    BOOST_TEST(engine::security_of(host, settings).error().message() ==
               "invalid --security-opt 1: \"nonsense\"");
}

BOOST_AUTO_TEST_CASE(a_privileged_container_has_no_filter_unless_it_names_one) {
    ContainerSettings settings;
    settings.seccomp_profile = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}";
    wire::HostConfig host;
    host.privileged = true;
    BOOST_TEST(engine::security_of(host, settings)->seccomp_unconfined);
    host.security_opt = {"seccomp={}"};
    BOOST_TEST(!engine::security_of(host, settings)->seccomp_unconfined);
}

BOOST_AUTO_TEST_CASE(log_limits_are_dockers_with_our_bounds) {
    BOOST_TEST(engine::log_limits({})->bytes_max == 10U * 1024 * 1024);
    BOOST_TEST(engine::log_limits({})->files_max == 3U);
    BOOST_TEST(engine::log_limits({{"max-size", "2k"}})->bytes_max == 2048U);
    BOOST_TEST(engine::log_limits({{"max-size", "-1"}})->bytes_max == 0U);
    BOOST_TEST(engine::log_limits({{"max-file", "0"}}).error().message() ==
               "max-file cannot be less than 1");
}

BOOST_AUTO_TEST_CASE(the_environment_has_dockers_first_lines) {
    wire::Strings own{"PATH=/own", "TERM", "X=1", "X=2"};
    std::vector<std::string> wanted{"PATH=/own", "HOSTNAME=h", "X=2"};
    BOOST_TEST(engine::environment_of(own, true, "h") == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
