// Signals as users write them.
#include "engine/signals.h"

#include <boost/test/unit_test.hpp>
#include <csignal>

using engine::parse_signal;

BOOST_AUTO_TEST_CASE(a_signal_has_many_spellings) {
    BOOST_TEST(parse_signal("SIGTERM").value() == SIGTERM);
    BOOST_TEST(parse_signal("term").value() == SIGTERM);
    BOOST_TEST(parse_signal("9").value() == SIGKILL);
    BOOST_TEST(parse_signal("RTMIN").value() == 34);
    BOOST_TEST(parse_signal("SIGRTMIN+3").value() == 37);
    BOOST_TEST(parse_signal("RTMAX-1").value() == 63);
}

BOOST_AUTO_TEST_CASE(what_is_no_signal_is_named) {
    for (const char* text : {"", "0", "65", "-1", "SIG", "TERM ", "RTMIN+40", "9x"}) {
        auto signal = parse_signal(text);
        BOOST_REQUIRE_MESSAGE(!signal, text);
        BOOST_TEST(signal.error().message() == std::string("invalid signal: ") + text);
    }
}
