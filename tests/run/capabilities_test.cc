// Docker's capability rules (security-cases L8).
#include "run/capabilities.h"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_CASE(capabilities_follow_docker) {
    BOOST_TEST(run::default_capabilities() == 0xa80425fbU);  // CapBnd in a Docker container
    BOOST_TEST(*run::capability_number("cap_chown") == 0);
    BOOST_TEST(*run::capability_number("SYS_ADMIN") == 21);
    BOOST_TEST(run::capability_name(40) == "CAP_CHECKPOINT_RESTORE");
    BOOST_TEST(*run::capability_mask({}, {}, false) == 0xa80425fbU);
    BOOST_TEST(*run::capability_mask({"CHOWN"}, {"all"}, false) == 1U);
    BOOST_TEST(*run::capability_mask({"ALL"}, {"CAP_CHOWN"}, false) ==
               (run::all_capabilities() & ~1ULL));
    BOOST_TEST(*run::capability_mask({}, {"ALL"}, true) == run::all_capabilities());
    BOOST_TEST(run::capability_mask({"x"}, {}, false).error().message() ==
               "invalid CapAdd: unknown capability: \"CAP_X\"");
}

BOOST_AUTO_TEST_CASE(a_user_holds_nothing) {
    auto user = run::capabilities_for(3, 1000);
    BOOST_TEST(user.bounding == 3U);
    BOOST_TEST((user.permitted | user.effective | user.inheritable | user.ambient) == 0U);
    auto root = run::capabilities_for(3, 0);
    BOOST_TEST(root.effective == 3U);
    BOOST_TEST(root.permitted == 3U);
    BOOST_TEST((root.inheritable | root.ambient) == 0U);
}
