// The main() of every test program (written out: BOOST_TEST_MODULE has no effect behind a precompiled header).
#include <boost/test/unit_test.hpp>

int main(int argc, char** argv) {
    return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
