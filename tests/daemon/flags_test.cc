// The daemon's command line and daemon.json: what they set, what they refuse and in which words.
#include "daemon/flags.h"
#include "support/scratch_folder.h"

#include <boost/test/unit_test.hpp>
#include <fstream>

using lighterd::CommandLine;
using lighterd::Config;
using lighterd::Host;

namespace {

using Words = std::vector<std::string>;

Result<CommandLine> read(const Words& flags, std::optional<std::string> file = std::nullopt) {
    return lighterd::read_settings(flags, Config(), file ? &*file : nullptr);
}

Config config(const Words& flags, std::optional<std::string> file = std::nullopt) {
    auto line = read(flags, std::move(file));
    BOOST_REQUIRE_MESSAGE(line, (line ? "" : line.error().message()));
    BOOST_REQUIRE((line->action == CommandLine::Action::serve));
    return line->config;
}

std::string refusal(const Words& flags, std::optional<std::string> file = std::nullopt) {
    auto line = read(flags, std::move(file));
    BOOST_REQUIRE(!line);
    return line.error().message();
}

// Without the words in front that name the file.
std::string file_refusal(const std::string& file, const Words& flags = {}) {
    constexpr std::string_view front =
        "unable to configure the Docker daemon with file /etc/lighter/daemon.json: ";
    std::string text = refusal(flags, file);
    BOOST_TEST_REQUIRE(text.starts_with(front));
    return text.substr(front.size());
}

}  // namespace

BOOST_AUTO_TEST_CASE(defaults_need_neither_flags_nor_file) {
    Config got = config({});
    BOOST_TEST(got.hosts_or_default().size() == 1u);
    BOOST_TEST(got.hosts_or_default()[0].path == "/run/lighter.sock");
    BOOST_TEST(got.data_root == "/var/lib/lighter");
    BOOST_TEST(got.pidfile_path() == "/run/lighter.pid");
    BOOST_TEST(got.max_concurrent_downloads == 3u);
    BOOST_TEST(got.max_concurrent_uploads == 5u);
    for (const char* empty : {"", " \n\t", "{}", "null", "\xef\xbb\xbf{}\n"})
        BOOST_TEST(config({}, empty).group == "docker");
}

BOOST_AUTO_TEST_CASE(flags_set_what_they_say) {
    Config got = config({"-H",
                         "unix:///run/a.sock",
                         "-Hfd://",
                         "--host=fd://4",
                         "--data-root",
                         "/srv/l",
                         "--exec-root=/run/other",
                         "-D",
                         "-G",
                         "me",
                         "--bip",
                         "172.29.0.1/24",
                         "--bridge",
                         "lt0",
                         "--default-address-pool",
                         "base=10.89.0.0/16,size=24",
                         "--registry-mirror",
                         "http://127.0.0.1:5077",
                         "--insecure-registry",
                         "10.0.0.0/8",
                         "--dns",
                         "1.1.1.1",
                         "--dns",
                         "::1",
                         "--live-restore",
                         "--shutdown-timeout=3",
                         "--mtu",
                         "1400",
                         "--icc=false",
                         "--label",
                         "a=b",
                         "--log-opt",
                         "max-size=5m",
                         "--default-ulimit",
                         "nofile=1024:2048",
                         "--default-shm-size",
                         "128m",
                         "--add-runtime",
                         "crun=/usr/bin/crun",
                         "--exec-opt",
                         "native.cgroupdriver=cgroupfs",
                         "--storage-driver",
                         "overlay2",
                         "--http-proxy",
                         "http://p:1",
                         "--containerd",
                         "/run/c.sock",
                         "--ip6tables=false"});
    BOOST_TEST_REQUIRE(got.hosts.size() == 3u);
    BOOST_TEST((got.hosts[0] == Host{Host::Kind::unix_socket, "/run/a.sock", -1}));
    BOOST_TEST((got.hosts[1] == Host{Host::Kind::passed, "", -1}));
    BOOST_TEST((got.hosts[2] == Host{Host::Kind::passed, "", 4}));
    BOOST_TEST(got.data_root == "/srv/l");
    BOOST_TEST(got.pidfile_path() == "/run/other.pid");
    BOOST_TEST((got.log_level == base::log::Level::debug));
    BOOST_TEST(got.group == "me");
    BOOST_TEST(got.group_given);
    BOOST_TEST(got.bip->text() == "172.29.0.1/24");
    BOOST_TEST(got.bridge == "lt0");
    BOOST_TEST_REQUIRE(got.default_address_pools.size() == 1u);
    BOOST_TEST(got.default_address_pools[0].size == 24u);
    BOOST_TEST(got.registries.mirrors == Words{"http://127.0.0.1:5077"});
    BOOST_TEST(got.registries.insecure == Words{"10.0.0.0/8"});
    BOOST_TEST(got.dns == (Words{"1.1.1.1", "::1"}));
    BOOST_TEST(got.live_restore);
    BOOST_TEST(got.shutdown_timeout_s == 3);
    BOOST_TEST(got.mtu == 1400u);
    BOOST_TEST(!got.icc);
    BOOST_TEST(got.labels == Words{"a=b"});
    BOOST_TEST(got.log_opts["max-size"] == "5m");
    BOOST_TEST(got.default_ulimits["nofile"].hard == 2048);
    BOOST_TEST(got.default_shm_size_bytes == 128 * 1024 * 1024);
    BOOST_TEST(got.runtimes["crun"].path == "/usr/bin/crun");
    BOOST_TEST(got.proxy.http_proxy == "http://p:1");
}

BOOST_AUTO_TEST_CASE(the_file_sets_the_same) {
    Config got = config({}, R"({
        "hosts": ["unix:///run/b.sock"], "debug": true, "log-level": "warn", "labels": ["a=b"],
        "default-address-pools": [{"base": "10.0.0.0/8", "size": 24}], "mtu": 1300,
        "runtimes": {"crun": {"path": "/usr/bin/crun", "runtimeArgs": ["--debug"]}},
        "default-runtime": "crun", "icc": false, "live-restore": true, "log-driver": "none",
        "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}},
        "default-shm-size": 1048576, "log-opts": {"max-size": "10m", "max-file": "3"},
        "proxies": {"http-proxy": "http://p:1", "no-proxy": "localhost"}, "dns-search": ["."],
        "features": {"containerd-snapshotter": true, "partial-pull": false},
        "builder": {"gc": {"enabled": true}},
        "min-api-version": "1.24", "tls": false, "userns-remap": "", "selinux-enabled": false,
        "storage-driver": "overlay2", "registry-mirrors": null})");
    BOOST_TEST(got.hosts.size() == 1u);
    BOOST_TEST((got.log_level == base::log::Level::debug));
    BOOST_TEST(got.default_address_pools.size() == 1u);
    BOOST_TEST(got.runtimes["crun"].runtime_args == Words{"--debug"});
    BOOST_TEST(!got.icc);
    BOOST_TEST(got.log_driver == "none");
    BOOST_TEST(got.default_ulimits["nofile"].soft == 64000);
    BOOST_TEST(got.default_shm_size_bytes == 1024 * 1024);
    BOOST_TEST(got.log_opts["max-file"] == "3");
    BOOST_TEST(got.proxy.no_proxy == "localhost");
    BOOST_TEST(!got.partial_pull);
    BOOST_TEST(config({}, R"({"features":{"cdi":true}})").partial_pull);
    BOOST_TEST((config({}, R"({"log-level":"warn"})").log_level == base::log::Level::warn));
}

BOOST_AUTO_TEST_CASE(flag_and_file_together) {
    // Different settings: both hold. runtimes may be in both.
    Config got = config({"--label", "a=b", "--add-runtime", "x=/x"},
                        R"({"debug":true,"runtimes":{"y":{"path":"/y"}}})");
    BOOST_TEST(got.debug);
    BOOST_TEST(got.labels.size() == 1u);
    BOOST_TEST(got.runtimes.size() == 2u);
    BOOST_TEST(file_refusal(R"({"debug":true,"labels":["c=d","e=f"],"mtu":1400})",
                            {"-D=false", "--label", "a=b", "--data-root", "/x", "--mtu=1500"}) ==
               "the following directives are specified both as a flag and in the configuration "
               "file: debug: (from flag: false, from file: true), labels: (from flag: [a=b], from "
               "file: [c=d e=f]), mtu: (from flag: 1500, from file: 1400)");
    BOOST_TEST(file_refusal(R"({"proxies":{"http-proxy":"http://me:secret@h"}})",
                            {"--http-proxy", "http://you:hidden@g/"}) ==
               "the following directives are specified both as a flag and in the configuration "
               "file: http-proxy: (from flag: http://xxxxx:xxxxx@g/, from file: "
               "http://xxxxx:xxxxx@h)");
}

BOOST_AUTO_TEST_CASE(wrong_files_are_refused_in_dockers_words) {
    BOOST_TEST(file_refusal(R"({"foo":1,"debug":true,"Debug":true,"proxies":{"x":1}})") ==
               "the following directives don't match any configuration option: foo, Debug, x");
    BOOST_TEST(file_refusal(R"({"debug":"yes"})") ==
               "json: cannot unmarshal string into Go struct field Config.debug of type bool");
    BOOST_TEST(file_refusal(R"({"mtu":1.5})") ==
               "json: cannot unmarshal number into Go struct field Config.mtu of type int");
    BOOST_TEST(file_refusal(R"({"hosts":"fd://"})") ==
               "json: cannot unmarshal string into Go struct field Config.hosts of type []string");
    BOOST_TEST(file_refusal(R"({"log-opts":{"max-size":1}})") ==
               "json: cannot unmarshal number into Go struct field Config.log-opts of type string");
    BOOST_TEST(file_refusal("[]") == "json: cannot unmarshal array into Go value of type "
                                     "map[string]interface {}");
    BOOST_TEST(file_refusal("{\"debug\":").starts_with("invalid JSON: "));
    BOOST_TEST(file_refusal(R"({"log-level":"loud"})") == "invalid logging level: loud");
    BOOST_TEST(file_refusal(R"({"max-concurrent-uploads":-1})") ==
               "invalid max concurrent uploads: -1");
    BOOST_TEST(file_refusal(R"({"max-concurrent-downloads":-1})") ==
               "invalid max concurrent downloads: -1");
    BOOST_TEST(file_refusal(R"({"labels":["a=1","a=2"]})") == "conflict labels for a=2 and a=1");
    BOOST_TEST(file_refusal(R"({"default-runtime":"x"})") ==
               "specified default runtime 'x' does not exist");
    BOOST_TEST(file_refusal(R"({"data-root":"relative"})") ==
               "invalid path \"relative\": must be absolute, and not /");
}

BOOST_AUTO_TEST_CASE(what_is_not_built_is_refused_not_ignored) {
    for (const char* file :
         {R"({"userns-remap":"default"})", R"({"tlsverify":true})", R"({"ipv6":true})",
          R"({"authorization-plugins":["x"]})", R"({"storage-driver":"btrfs"})",
          R"({"hosts":["tcp://0.0.0.0:2375"]})", R"({"selinux-enabled":true})",
          R"({"exec-opts":["native.cgroupdriver=systemd"]})", R"({"metrics-addr":":9"})",
          R"({"default-network-opts":{"bridge":{"a":"b"}}})"}) {
        std::string text = file_refusal(file);
        BOOST_TEST(text.find("is not implemented by this engine yet") != text.npos, text);
    }
    auto refused = read({}, R"({"ipv6":true})");
    BOOST_TEST((refused.error().kind() == Kind::unsupported));
}

BOOST_AUTO_TEST_CASE(wrong_flags_are_refused_in_dockers_words) {
    std::string see = "\nSee 'lighterd --help'.";
    BOOST_TEST(refusal({"--foo"}) == "unknown flag: --foo" + see);
    BOOST_TEST(refusal({"--shutdown-timeout=x"}) ==
               "invalid argument \"x\" for \"--shutdown-timeout\" flag: strconv.ParseInt: parsing "
               "\"x\": invalid syntax" +
                   see);
    BOOST_TEST(refusal({"-D=x"}) == "invalid argument \"x\" for \"-D, --debug\" flag: "
                                    "strconv.ParseBool: parsing \"x\": invalid syntax" +
                                        see);
    BOOST_TEST(refusal({"--dns=x"}) ==
               "invalid argument \"x\" for \"--dns\" flag: x is not an ip address" + see);
    BOOST_TEST(refusal({"--label=x"}) ==
               "invalid argument \"x\" for \"--label\" flag: bad attribute format: x" + see);
    BOOST_TEST(refusal({"--host=foo://x"}) == "invalid argument \"foo://x\" for \"-H, --host\" "
                                              "flag: Invalid bind address format: foo://x" +
                                                  see);
    BOOST_TEST(refusal({"--registry-mirror=foo"})
                   .starts_with("invalid argument \"foo\" for \"--registry-mirror\" flag: invalid "
                                "mirror: "));
    BOOST_TEST(refusal({"--storage-opt"}) == "flag needs an argument: --storage-opt" + see);
    BOOST_TEST(refusal({"--add-runtime=x"}) ==
               "invalid argument \"x\" for \"--add-runtime\" flag: invalid runtime argument: x" +
                   see);
    BOOST_TEST(refusal({"extra"}).starts_with("\"lighterd\" accepts no arguments." + see));
    for (const char* host : {"fd://1", "fd://x", "npipe://x", "/run/x.sock"})
        BOOST_TEST(!read({"-H", host}), host);
}

BOOST_AUTO_TEST_CASE(what_only_prints_leaves_the_file_alone) {
    auto line = read({"--version"}, "nonsense");
    BOOST_TEST_REQUIRE(bool(line));
    BOOST_TEST((line->action == CommandLine::Action::print));
    BOOST_TEST(line->text.starts_with("Lighter version "));
    line = read({"--help"}, "nonsense");
    BOOST_TEST_REQUIRE(bool(line));
    BOOST_TEST(line->text.find("--registry-mirror list") != std::string::npos);
    line = read({"--validate"}, R"({"debug":true})");
    BOOST_TEST_REQUIRE(bool(line));
    BOOST_TEST(line->text == "configuration OK\n");
    BOOST_TEST(!read({"--validate"}, R"({"debug":1})"));
}

BOOST_AUTO_TEST_CASE(the_default_file_may_be_missing_a_named_one_may_not) {
    support::ScratchFolder scratch;
    auto missing =
        lighterd::read_command_line({"--config-file", scratch.at("none.json")}, Config());
    BOOST_TEST_REQUIRE(!missing);
    BOOST_TEST(missing.error().message() ==
               "unable to configure the Docker daemon with file " + scratch.at("none.json") +
                   ": open " + scratch.at("none.json") + ": no such file or directory");
    std::ofstream(scratch.at("d.json")) << R"({"mtu":1400})";
    auto read = lighterd::read_command_line({"--config-file", scratch.at("d.json")}, Config());
    BOOST_TEST_REQUIRE(bool(read));
    BOOST_TEST(read->config.mtu == 1400u);
}

BOOST_AUTO_TEST_CASE(a_reload_changes_what_it_may_and_nothing_else) {
    Config now = config({"--data-root", "/a"}, R"({"debug":true,"labels":["a=b"]})");
    Config fresh = config({"--data-root", "/a"},
                          R"({"mtu":1400,"shutdown-timeout":3,"registry-mirrors":["http://m"]})");
    Config next = lighterd::reloaded(now, fresh);
    BOOST_TEST(!next.debug);
    BOOST_TEST(next.labels.empty());
    BOOST_TEST(next.shutdown_timeout_s == 3);
    BOOST_TEST(next.registries.mirrors.size() == 1u);
    BOOST_TEST(next.mtu == 1500u);
    BOOST_TEST(next.data_root == "/a");
}
