// Containers through the shim: what they see inside, how they end, what stays behind.
#include "container_fixture.h"

using support::ContainerFixture;
using support::Outcome;

BOOST_FIXTURE_TEST_SUITE(shim, ContainerFixture)

BOOST_AUTO_TEST_CASE(a_command_runs_and_its_output_and_exit_code_arrive) {
    Outcome outcome = run_it(shell("echo out; echo err >&2; exit 7"));
    BOOST_TEST(outcome.out == "out\n");
    BOOST_TEST(outcome.err == "err\n");
    BOOST_TEST(outcome.exit.code == 7);
    BOOST_TEST(outcome.exit.signal == 0);
}

BOOST_AUTO_TEST_CASE(a_missing_command_is_told_in_dockers_words) {
    std::string text = refusal(spec({"nosuch"}));
    BOOST_TEST(text ==
               "failed to create task for container: failed to create shim task: OCI runtime "
               "create failed: runc create failed: unable to start container process: error during "
               "container init: exec: \"nosuch\": executable file not found in $PATH: unknown");
}

BOOST_AUTO_TEST_SUITE_END()
