#include "run/protocol.h"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

using namespace run::protocol;

namespace {

// The smallest good specification: one argument, a rootfs.
struct Sample {
    alignas(8) char bytes[sizeof(Spec) + 64] = {};
    Spec& spec() { return *reinterpret_cast<Spec*>(bytes); }
    Sample() {
        new (bytes) Spec;
        spec().bytes = sizeof bytes;
        spec().rootfs = 0;
        spec().args = {sizeof(Spec), 1};
        Text arg{sizeof(Spec) + 8, 2};
        std::memcpy(bytes + sizeof(Spec), &arg, sizeof arg);
        std::memcpy(bytes + sizeof(Spec) + 8, "sh", 3);
    }
    View check(std::size_t fds = 1) { return View::check(bytes, sizeof bytes, fds); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol)

BOOST_AUTO_TEST_CASE(a_good_specification_reads_back) {
    Sample sample;
    View view = sample.check();
    BOOST_REQUIRE(view);
    BOOST_TEST(view.text(view.items(view.spec().args)[0]) == "sh");
    BOOST_TEST(view.text(view.spec().cwd) == "");
}

BOOST_AUTO_TEST_CASE(every_lie_is_refused) {
    auto refused = [](auto change) {
        Sample sample;
        change(sample);
        return !sample.check();
    };
    BOOST_TEST(refused([](Sample& s) { s.spec().magic = 1; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().version = 99; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().bytes -= 1; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().rootfs = 1; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().rootfs = -1; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().network = -2; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().flags = spec_exec; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().attach_count = 2; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().attach_first = INT32_MAX; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().args.count = 0; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().args.count = UINT32_MAX; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().args.at += 4; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().args.at = 0; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().cwd = {UINT32_MAX, 1}; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().cwd = {0, 1}; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().seccomp = {sizeof(Spec), 5000}; }));
    BOOST_TEST(refused([](Sample& s) { s.spec().mounts = {sizeof(Spec), 1000}; }));
    // A NUL inside the argument, and none after it.
    BOOST_TEST(refused([](Sample& s) { s.bytes[sizeof(Spec) + 8] = 0; }));
    BOOST_TEST(refused([](Sample& s) { s.bytes[sizeof(Spec) + 10] = 'x'; }));
}

BOOST_AUTO_TEST_CASE(a_cut_specification_is_refused_at_every_length) {
    Sample sample;
    for (std::size_t length = 0; length < sizeof sample.bytes; ++length) {
        sample.spec().bytes = std::uint32_t(length);
        if (length >= sizeof(Spec) + 11) break;
        BOOST_TEST(!View::check(sample.bytes, length, 1));
    }
}

BOOST_AUTO_TEST_SUITE_END()
