// Tasks, stops, scopes, timers and channels.
#include "loop/channel.h"
#include "loop/scope.h"
#include "loop/signal.h"
#include "loop/timer.h"
#include "support/loop_fixture.h"

#include <signal.h>
#include <string>
#include <unistd.h>
#include <vector>

using support::LoopFixture;

namespace {

Task<Result<int>> add(int a, int b) {
    co_return a + b;
}

Task<Result<int>> fail_in_the_middle() {
    CO_TRY(int one, co_await add(1, 0));
    (void)one;
    co_return Error(Kind::conflict, "middle");
}

// Counts its objects: each constructed one must be destroyed exactly once around co_await.
struct Counted {
    static inline int alive = 0;
    std::string text;
    explicit Counted(std::string value) : text(std::move(value)) { ++alive; }
    Counted(const Counted& other) : text(other.text) { ++alive; }
    Counted(Counted&& other) noexcept : text(std::move(other.text)) { ++alive; }
    Counted& operator=(const Counted&) = default;
    Counted& operator=(Counted&&) = default;
    ~Counted() { --alive; }
};
struct Pair {
    Counted first;
    Counted second;
};
Task<std::size_t> length(Loop& loop, Pair pair) {
    co_await loop.yield();
    co_return pair.first.text.size() + pair.second.text.size();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(results_travel_through_awaits, LoopFixture) {
    run([](Loop&) -> Task<void> {
        Result<int> sum = co_await add(2, 3);
        BOOST_TEST(*sum == 5);
        Result<int> failed = co_await fail_in_the_middle();
        BOOST_TEST(failed.error().message() == "middle");
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(the_compiler_destroys_temporaries_around_co_await_once, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        BOOST_TEST(co_await length(loop, Pair{Counted("ab"), Counted("c")}) == 3u);
        bool flag = loop.uv() != nullptr;
        std::size_t size = co_await length(loop, flag ? Pair{Counted("x"), Counted("y")}
                                                      : Pair{Counted(""), Counted("")});
        BOOST_TEST(size == 2u);
        Counted captured("capture");
        auto lambda = [captured](Loop& inner) -> Task<std::size_t> {
            std::string copy = captured.text;
            co_await inner.yield();
            co_return copy.size();
        };
        BOOST_TEST(co_await lambda(loop) == 7u);
    }(loop()));
    BOOST_TEST(Counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_loop_with_nothing_left_to_happen_says_so) {
    // Leaks the waiting frame on purpose: there is no way to end a task that nobody can wake.
    auto* loop = new Loop();
    auto* event = new loop::Event(*loop);
    BOOST_TEST(
        !loop->run([](loop::Event& event) -> Task<void> { (void)co_await event.wait(); }(*event)));
}

BOOST_FIXTURE_TEST_CASE(a_timeout_stops_what_it_waits_for, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        auto slow = [](Loop& loop) -> Task<Result<int>> {
            CO_TRY_DO(co_await loop::sleep(loop, std::chrono::hours(1)));
            co_return 1;
        };
        Result<int> late = co_await loop::within(loop, loop::Milliseconds(5), slow(loop));
        BOOST_TEST((late.error().kind() == Kind::timeout));
        Result<int> early = co_await loop::within(loop, std::chrono::hours(1), add(1, 1));
        BOOST_TEST(*early == 2);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_scope_is_stopped_with_its_parent_and_joins_its_tasks, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        int ended = 0;
        Scope outer(loop, co_await loop::this_stop());
        auto inner = [](Loop& loop, int& ended) -> Task<void> {
            Scope scope(loop, co_await loop::this_stop());
            for (int i = 0; i < 3; ++i)
                scope.spawn([](Loop& loop, int& ended) -> Task<void> {
                    Status slept = co_await loop::sleep(loop, std::chrono::hours(1));
                    BOOST_TEST((slept.error().kind() == Kind::cancelled));
                    ++ended;
                }(loop, ended));
            co_await scope.join();
        };
        outer.spawn(inner(loop, ended));
        outer.spawn(inner(loop, ended));
        co_await loop.yield();
        co_await loop.yield();
        BOOST_TEST(ended == 0);
        co_await outer.close();
        BOOST_TEST(ended == 6);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(shielded_work_ends_although_it_was_stopped, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Scope scope(loop);
        bool finished = false;
        scope.spawn([](Loop& loop, bool& finished) -> Task<void> {
            auto work = [](Loop& loop) -> Task<Status> {
                co_return co_await loop::sleep(loop, loop::Milliseconds(5));
            };
            Status done = co_await loop::shield(work(loop));
            finished = static_cast<bool>(done);
        }(loop, finished));
        co_await loop.yield();
        co_await scope.close();
        BOOST_TEST(finished);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_mutex_is_handed_over_in_order_and_survives_a_cancelled_waiter,
                        LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        loop::Mutex mutex(loop);
        std::string order;
        auto worker = [](Loop& loop, loop::Mutex& mutex, std::string& order,
                         char name) -> Task<void> {
            auto lock = co_await mutex.lock();
            if (!lock) co_return;
            order += name;
            co_await loop.yield();
        };
        auto held = co_await mutex.lock();
        Scope doomed(loop);
        doomed.spawn(worker(loop, mutex, order, 'x'));
        Scope scope(loop);
        scope.spawn(worker(loop, mutex, order, 'a'));
        scope.spawn(worker(loop, mutex, order, 'b'));
        co_await loop.yield();
        co_await doomed.close();
        held->release();
        co_await scope.join();
        BOOST_TEST(order == "ab");
        BOOST_TEST(!mutex.locked());
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(channels_keep_their_policies, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        using loop::Channel;
        using loop::Policy;
        Channel<int> oldest(loop, 2, Policy::drop_oldest);
        for (int i = 1; i <= 4; ++i)
            oldest.offer(i);
        BOOST_TEST(*co_await oldest.pop() == 3);

        using Keyed = std::pair<std::string, int>;
        Channel<Keyed> latest(loop, 8, Policy::latest_per_key,
                              [](const Keyed& a, const Keyed& b) { return a.first == b.first; });
        latest.offer({"a", 1});
        latest.offer({"b", 1});
        latest.offer({"a", 2});
        BOOST_TEST((*co_await latest.pop()).second == 2);
        BOOST_TEST((*co_await latest.pop()).first == "b");

        Channel<int> cut(loop, 1, Policy::cut);
        BOOST_TEST(cut.offer(1));
        BOOST_TEST(!cut.offer(2));
        BOOST_TEST(*co_await cut.pop() == 1);
        Result<int> gone = co_await cut.pop();
        BOOST_TEST((gone.error().kind() == Kind::too_large));

        Channel<int> wait(loop, 1, Policy::wait);
        Scope scope(loop);
        scope.spawn([](Channel<int>& wait) -> Task<void> {
            for (int i = 0; i < 100; ++i)
                (void)co_await wait.push(i);
            wait.close();
        }(wait));
        int sum = 0;
        for (;;) {
            Result<int> value = co_await wait.pop();
            if (!value) break;
            BOOST_TEST(wait.size() <= 1u);
            sum += *value;
        }
        BOOST_TEST(sum == 4950);
        co_await scope.join();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(signals_are_awaited, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        loop::Signals signals(loop, {SIGUSR1});
        ::kill(::getpid(), SIGUSR1);
        BOOST_TEST(*co_await signals.next() == SIGUSR1);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_semaphore_may_change_its_size_while_it_is_held, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        loop::Semaphore semaphore(loop, 2);
        auto first = co_await semaphore.acquire();
        auto second = co_await semaphore.acquire();
        semaphore.change(-1);  // one permit too many is out now
        first->release();
        BOOST_TEST(!semaphore.available());
        Scope scope(loop);
        int got = 0;
        scope.spawn([](loop::Semaphore& of, int& count) -> Task<void> {
            auto permit = co_await of.acquire();
            if (permit) ++count;
        }(semaphore, got));
        co_await loop.yield();
        BOOST_TEST(got == 0);
        semaphore.change(1);
        co_await scope.join();
        BOOST_TEST(got == 1);
    }(loop()));
}
