#include "../support/loop_fixture.h"
#include "loop/scope.h"
#include "registry/rate.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <list>
#include <vector>

namespace {

using registry::Throttle;

constexpr std::int64_t second = 1'000'000'000;

// Time passes only when everybody sleeps: then the one who is to wake first does.
class TestClock final : public registry::RateClock {
public:
    explicit TestClock(Loop& loop) : loop_(loop) {}
    std::int64_t now_ns() override { return now_; }
    Task<Status> sleep(Loop&, std::int64_t ns) override {
        auto sleeper = sleepers_.insert(sleepers_.end(), {now_ + ns});
        ++sleeps;
        // Long enough for all others to get as far as they can.
        for (;;) {
            for (int i = 0; i < 50; ++i)
                co_await loop_.yield();
            auto first = std::ranges::min_element(sleepers_);
            if (first == sleeper) break;
        }
        now_ = std::max(now_, *sleeper);
        sleepers_.erase(sleeper);
        co_return Status();
    }
    void pass(std::int64_t ns) { now_ += ns; }
    int sleeps = 0;

private:
    Loop& loop_;
    std::int64_t now_ = 1000 * second;
    std::list<std::int64_t> sleepers_;
};

struct RateFixture : support::LoopFixture {
    TestClock clock{loop()};
    std::int64_t begun = clock.now_ns();
    std::int64_t passed() { return clock.now_ns() - begun; }
};

struct Transfer {
    std::uint64_t bytes = 0, chunk = 0;
    unsigned order = 0;
    std::int64_t ended_ns = 0;
};

Task<void> run(Throttle& throttle, TestClock& clock, Transfer& transfer) {
    for (std::uint64_t done = 0; done < transfer.bytes; done += transfer.chunk)
        BOOST_TEST(bool(co_await throttle.pay(transfer.chunk, transfer.order)));
    transfer.ended_ns = clock.now_ns();
}

Task<void> run_all(Loop& loop, Throttle& throttle, TestClock& clock, std::vector<Transfer>& all) {
    Scope scope(loop);
    for (Transfer& one : all)
        scope.spawn(run(throttle, clock, one));
    co_await scope.join();
}

void check_near(std::int64_t is, std::int64_t wanted) {
    BOOST_TEST(is >= wanted * 97 / 100);
    BOOST_TEST(is <= wanted * 103 / 100);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rate, RateFixture)

BOOST_AUTO_TEST_CASE(one_transfer_takes_its_time) {
    for (std::uint64_t chunk : {100, 1460, 65536}) {
        Throttle throttle(loop(), nullptr, clock);
        throttle.set_rate(1'000'000);
        std::vector<Transfer> all{{.bytes = 10'000'000, .chunk = chunk}};
        begun = clock.now_ns();
        run(run_all(loop(), throttle, clock, all));
        check_near(passed(), 10 * second);
    }
}

BOOST_AUTO_TEST_CASE(small_pieces_do_not_each_cost_a_sleep) {
    Throttle throttle(loop(), nullptr, clock);
    throttle.set_rate(100'000'000);
    std::vector<Transfer> all{{.bytes = 50'000'000, .chunk = 1000}};
    run(run_all(loop(), throttle, clock, all));
    check_near(passed(), second / 2);
    BOOST_TEST(clock.sleeps < 300);
}

BOOST_AUTO_TEST_CASE(no_burst_after_a_rest) {
    Throttle throttle(loop(), nullptr, clock);
    throttle.set_rate(100'000);
    std::vector<Transfer> all{{.bytes = 10'000, .chunk = 10'000}};
    run(run_all(loop(), throttle, clock, all));
    clock.pass(3600 * second);
    begun = clock.now_ns();
    all = {{.bytes = 1'000'000, .chunk = 10'000}};
    run(run_all(loop(), throttle, clock, all));
    check_near(passed(), 10 * second);
}

BOOST_AUTO_TEST_CASE(earlier_layers_come_first_and_the_sum_holds) {
    Throttle throttle(loop(), nullptr, clock);
    throttle.set_rate(1'000'000);
    std::vector<Transfer> all;
    for (unsigned i = 0; i < 3; ++i)
        all.push_back({.bytes = 2'000'000, .chunk = 20'000, .order = i});
    run(run_all(loop(), throttle, clock, all));
    check_near(all[0].ended_ns - begun, 2 * second);
    check_near(all[1].ended_ns - begun, 4 * second);
    check_near(all[2].ended_ns - begun, 6 * second);
}

BOOST_AUTO_TEST_CASE(nobody_waits_without_end) {
    Throttle throttle(loop(), nullptr, clock);
    throttle.set_rate(10'000);
    std::vector<Transfer> all{{.bytes = 600'000, .chunk = 10'000, .order = 0},
                              {.bytes = 50'000, .chunk = 10'000, .order = 1}};
    run(run_all(loop(), throttle, clock, all));
    // A piece about every patience_ns and one of the first layer's.
    BOOST_TEST(all[1].ended_ns - begun < 40 * second);
    check_near(passed(), 65 * second);
}

BOOST_AUTO_TEST_CASE(a_limit_above_counts_all_and_does_not_add_to_the_own) {
    Throttle daemon(loop(), nullptr, clock);
    daemon.set_rate(1'000'000);
    {
        Throttle own(loop(), &daemon, clock);
        own.set_rate(1'000'000);
        std::vector<Transfer> all{{.bytes = 5'000'000, .chunk = 50'000}};
        run(run_all(loop(), own, clock, all));
        check_near(passed(), 5 * second);
    }
    begun = clock.now_ns();
    Throttle one(loop(), &daemon, clock), two(loop(), &daemon, clock);
    two.set_rate(200'000);
    std::vector<Transfer> fast{{.bytes = 4'000'000, .chunk = 50'000}};
    std::vector<Transfer> slow{{.bytes = 1'000'000, .chunk = 50'000}};
    auto both = [&]() -> Task<void> {
        Scope scope(loop());
        scope.spawn(run_all(loop(), one, clock, fast));
        scope.spawn(run_all(loop(), two, clock, slow));
        co_await scope.join();
    };
    run(both());
    check_near(slow[0].ended_ns - begun, 5 * second);
    BOOST_TEST(fast[0].ended_ns - begun > 4 * second);
    BOOST_TEST(fast[0].ended_ns - begun <= 5 * second * 103 / 100);
}

BOOST_AUTO_TEST_CASE(without_a_limit_nothing_waits_and_one_can_come_later) {
    Throttle throttle(loop(), nullptr, clock);
    std::vector<Transfer> all{{.bytes = 10'000'000, .chunk = 65536}};
    run(run_all(loop(), throttle, clock, all));
    BOOST_TEST(passed() == 0);
    throttle.set_rate(1'000'000);
    all = {{.bytes = 1'000'000, .chunk = 10'000}};
    run(run_all(loop(), throttle, clock, all));
    check_near(passed(), second);
}

BOOST_AUTO_TEST_CASE(whoever_is_stopped_leaves_the_turn_to_others) {
    Throttle throttle(loop(), nullptr, clock);
    throttle.set_rate(1000);
    std::vector<Transfer> all{{.bytes = 3000, .chunk = 1000, .order = 1}};
    auto stopped = [&]() -> Task<void> {
        loop::Stop stop;
        stop.request();
        Status paid = co_await loop::with_stop(stop, throttle.pay(1000, 0));
        // It was its turn at once: only who has to wait notices.
        (void)paid;
        co_await run_all(loop(), throttle, clock, all);
    };
    run(stopped());
    BOOST_TEST(all[0].ended_ns > begun);
}

BOOST_AUTO_TEST_SUITE_END()
