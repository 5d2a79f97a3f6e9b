// Flags, tables, numbers and the create document: what users type and what they see.
#include "cli/context.h"
#include "cli/run_checks.h"
#include "cli/console.h"
#include "cli/flags.h"
#include "cli/human.h"
#include "cli/run_options.h"
#include "cli/run_parts.h"
#include "cli/table.h"

#include <boost/test/unit_test.hpp>

using namespace cli;

namespace {

std::string created(Arguments words) {
    RunOptions options;
    FlagSet flags("docker", "run [OPTIONS] IMAGE", "");
    add_run_flags(flags, options, true);
    auto rest = flags.parse(words, false);
    if (!rest) return rest.error().message();
    std::string image = rest->at(0);
    rest->erase(rest->begin());
    auto body = create_body(options, image, *rest);
    return body ? body->json() : body.error().message();
}

bool has(const std::string& text, std::string_view part) {
    if (text.find(part) != text.npos) return true;
    BOOST_TEST_MESSAGE(text);
    return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(flags_end_at_the_image) {
    std::string body =
        created({"-it", "--rm", "-e=A=1", "-eB=2", "--name=x", "busybox", "ls", "-l", "--rm"});
    BOOST_TEST(has(
        body,
        R"("Tty":true,"OpenStdin":true,"StdinOnce":true,"Env":["A=1","B=2"],"Cmd":["ls","-l","--rm"],"Image":"busybox")"));
    BOOST_TEST(has(body, R"("AutoRemove":true)"));
    BOOST_TEST(has(created({"-d=true", "-e", "[a,b]=1", "--", "x"}), R"("AttachStdout":false)"));
    BOOST_TEST(has(created({"-e", "[a]", "-e", "", "x"}), "invalid environment variable"));
}

BOOST_AUTO_TEST_CASE(mistakes_are_told_as_docker_does) {
    BOOST_TEST(created({"--nope", "x"}) == "unknown flag: --nope");
    BOOST_TEST(created({"-zx", "x"}) == "unknown shorthand flag: 'z' in -zx");
    BOOST_TEST(created({"--name"}) == "flag needs an argument: --name");
    BOOST_TEST(created({"-v"}) == "flag needs an argument: 'v' in -v");
    BOOST_TEST(created({"-m", "foo", "x"}) ==
               "invalid argument \"foo\" for \"-m, --memory\" flag: invalid size: 'foo'");
    BOOST_TEST(created({"--rm=maybe", "x"}) ==
               "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing "
               "\"maybe\": invalid syntax");
}

BOOST_AUTO_TEST_CASE(values_with_a_syntax_of_their_own) {
    std::string body = created({"-p",
                                "127.0.0.1:8080-8081:80-81/udp",
                                "-p",
                                "90",
                                "-v",
                                "/a:/b:ro",
                                "-v",
                                "/c",
                                "--mount",
                                "type=bind,src=/x,dst=/y,ro,bind-propagation=rslave",
                                "--tmpfs",
                                "/t:size=1m",
                                "--ulimit",
                                "nofile=10:20",
                                "--device",
                                "/dev/null:/dev/n:r",
                                "--restart",
                                "on-failure:3",
                                "--network",
                                "name=n,alias=a,ip=1.2.3.4",
                                "--cpus",
                                "1.5",
                                "-m",
                                "1.5g",
                                "--entrypoint",
                                "",
                                "x"});
    BOOST_TEST(has(body, R"("80/udp":[{"HostIp":"127.0.0.1","HostPort":"8080"}])"));
    BOOST_TEST(has(body, R"("81/udp":[{"HostIp":"127.0.0.1","HostPort":"8081"}])"));
    BOOST_TEST(has(body, R"("90/tcp":[{"HostIp":"","HostPort":""}])"));
    BOOST_TEST(has(body, R"("Binds":["/a:/b:ro"])"));
    BOOST_TEST(has(body, R"("Volumes":{"/c":{}})"));
    BOOST_TEST(has(
        body,
        R"({"Type":"bind","Source":"/x","Target":"/y","ReadOnly":true,"BindOptions":{"Propagation":"rslave"}})"));
    BOOST_TEST(has(body, R"("Tmpfs":{"/t":"size=1m"})"));
    BOOST_TEST(has(body, R"({"Name":"nofile","Hard":20,"Soft":10})"));
    BOOST_TEST(has(
        body, R"({"PathOnHost":"/dev/null","PathInContainer":"/dev/n","CgroupPermissions":"r"})"));
    BOOST_TEST(has(body, R"({"Name":"on-failure","MaximumRetryCount":3})"));
    BOOST_TEST(has(body, R"("n":{"Aliases":["a"],"IPAMConfig":{"IPv4Address":"1.2.3.4"}})"));
    BOOST_TEST(has(body, R"("NetworkMode":"n")"));
    BOOST_TEST(has(body, R"("NanoCpus":1500000000)"));
    BOOST_TEST(has(body, R"("Memory":1610612736)"));
    BOOST_TEST(has(body, R"("Entrypoint":[""])"));
}

BOOST_AUTO_TEST_CASE(ages_and_sizes) {
    BOOST_TEST(human_duration(0) == "Less than a second");
    BOOST_TEST(human_duration(61) == "About a minute");
    BOOST_TEST(human_duration(3600) == "About an hour");
    BOOST_TEST(human_duration(47 * 3600) == "47 hours");
    BOOST_TEST(human_duration(13 * 86400) == "13 days");
    BOOST_TEST(human_size(5594000, 3) == "5.59MB");
    BOOST_TEST(human_size(0, 3) == "0B");
    BOOST_TEST(binary_size(1024.0 * 1024 * 64) == "64MiB");
    BOOST_TEST(*parse_bytes("64m") == 64 * 1024 * 1024);
    BOOST_TEST(*parse_bytes("-1") == -1);
    BOOST_TEST(!parse_bytes("1x"));
    BOOST_TEST(*parse_duration("1m30s") == 90000000000);
    BOOST_TEST(!parse_duration("5"));
    BOOST_TEST(ellipsis("abcdef", 4) == "abc\u2026");
    BOOST_TEST(ellipsis("abcd", 4) == "abcd");
}

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell) {
    BOOST_TEST(align("A\tB\nlonger than ten\tx\n") == "A                 B\nlonger than ten   x\n");
    BOOST_TEST(align("A\tB\n") == "A         B\n");
}

BOOST_AUTO_TEST_CASE(detach_keys) {
    BOOST_TEST(*parse_detach_keys("") == "\x10\x11");
    BOOST_TEST(*parse_detach_keys("a,ctrl-[") == "a\x1b");
    BOOST_TEST(!parse_detach_keys("ctrl-1"));
    BOOST_TEST(!parse_detach_keys("ab"));
}

BOOST_AUTO_TEST_CASE(image_names) {
    BOOST_TEST(full_name("busybox") == "docker.io/library/busybox:latest");
    BOOST_TEST(full_name("localhost:5000/a/b") == "localhost:5000/a/b:latest");
    BOOST_TEST(full_name("user/x:1") == "docker.io/user/x:1");
    BOOST_TEST(familiar_with_tag("docker.io/library/x") == "x:latest");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(names_that_no_image_can_have_are_refused_before_the_engine_is_asked) {
    for (std::string_view good :
         {"busybox", "busybox:1.2", "a/b", "localhost/a", "h:5000/a/b:v", "a__b", "a--b.c_d",
          "x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})
        BOOST_TEST(static_cast<bool>(cli::check_reference(good)), good);
    for (std::string_view wrong : {"", "busybox:", "bad name", "a@sha256:abc", "a//b", "-a", "a..b",
                                   "a:b:c", "h:x/a", "a@nope", "a:"})
        BOOST_TEST(!cli::check_reference(wrong), wrong);
    BOOST_TEST(cli::check_reference("BAD").error().message() ==
               "invalid reference format: repository name (library/BAD) must be lowercase");
}

BOOST_AUTO_TEST_CASE(values_of_runs_flags_are_checked_as_docker_checks_them) {
    BOOST_TEST(*cli::nano_cpus("1.5") == 1500000000);
    BOOST_TEST(cli::nano_cpus("1.0000000001").error().message() == "value is too precise");
    BOOST_TEST(!cli::nano_cpus("x"));
    BOOST_TEST(cli::check_label("=x").error().message() == "invalid label '=x': empty name");
    BOOST_TEST(cli::check_sysctl("kernel.core_pattern=x").error().message() ==
               "sysctl 'kernel.core_pattern=x' is not allowed");
    BOOST_TEST(static_cast<bool>(cli::check_sysctl("net.ipv4.ip_forward=0")));
    BOOST_TEST(!cli::check_ulimit("nope=5:10"));
    BOOST_TEST(!cli::check_add_host("a:nope"));
    BOOST_TEST(static_cast<bool>(cli::check_add_host("a:::1")));
    BOOST_TEST(!cli::check_dns_search("a b"));
    BOOST_TEST(!cli::check_device_rule("nope"));
    BOOST_TEST(static_cast<bool>(cli::check_device_rule("c 1:* rwm")));
    BOOST_TEST(!cli::check_gpus("nope"));
    BOOST_TEST(cli::parse_unsigned("70000", 65535).error().message() ==
               "strconv.ParseUint: parsing \"70000\": value out of range");
}
