// Jobs on worker threads and the queue that feeds them.
#include "loop/scope.h"
#include "loop/timer.h"
#include "loop/worker_queue.h"
#include "loop/workers.h"
#include "support/loop_fixture.h"

#include <atomic>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

using loop::Lane;
using support::LoopFixture;

namespace {

Result<std::string> twice(std::string text) {
    return text + text;
}

Result<int> wait_until_stopped(const loop::Stopping& stopping, std::atomic<bool>* started) {
    *started = true;
    while (!stopping.requested())
        std::this_thread::yield();
    return Error(Kind::cancelled, "stopped");
}

Result<std::size_t> count_bytes(std::shared_ptr<loop::WorkerQueue<Chunk>> queue) {
    std::size_t size = 0;
    while (auto chunk = queue->pop())
        size += chunk->size();
    if (!queue->complete()) return Error(Kind::cancelled, "cut off");
    return size;
}

Result<std::size_t> take_one(std::shared_ptr<loop::WorkerQueue<Chunk>> queue) {
    auto chunk = queue->pop();
    queue->abandon();
    return chunk->size();
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(jobs_of_the_quick_lane_run_in_order, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Workers workers(loop, 2);
        std::vector<int> order;
        Scope scope(loop);
        for (int i = 0; i < 50; ++i)
            scope.spawn([](Workers& workers, std::vector<int>& order, int i) -> Task<void> {
                auto done = co_await workers.run(
                    Lane::quick,
                    [](std::vector<int>* order, int i) -> Status {
                        order->push_back(i);
                        return {};
                    },
                    &order, i);
                BOOST_TEST(static_cast<bool>(done));
            }(workers, order, i));
        co_await scope.join();
        BOOST_TEST(order.size() == 50u);
        BOOST_TEST(std::is_sorted(order.begin(), order.end()));
        BOOST_TEST(*co_await workers.run(Lane::heavy, twice, std::string("ab")) == "abab");
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_stopped_job_is_told_and_waited_for_and_a_queued_one_never_runs,
                        LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Workers workers(loop, 1);
        std::atomic<bool> started = false;
        std::atomic<bool> second = false;
        Scope scope(loop);
        scope.spawn([](Workers& workers, std::atomic<bool>* started) -> Task<void> {
            auto done = co_await workers.run(Lane::heavy, wait_until_stopped, started);
            BOOST_TEST(done.error().message() == "stopped");
        }(workers, &started));
        scope.spawn([](Workers& workers, std::atomic<bool>* second) -> Task<void> {
            auto done = co_await workers.run(
                Lane::heavy,
                [](std::atomic<bool>* flag) -> Status {
                    *flag = true;
                    return {};
                },
                second);
            BOOST_TEST((done.error().kind() == Kind::cancelled));
        }(workers, &second));
        while (!started)
            (void)co_await loop::sleep(loop, loop::Milliseconds(1));
        co_await scope.close();
        BOOST_TEST(!second);
    }(loop()));
}

// Without more to wait for than the job, which waits for the one that sleeps.
BOOST_FIXTURE_TEST_CASE(a_timer_that_is_due_before_the_loop_polls_wakes_its_task, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Workers workers(loop, 1);
        std::atomic<bool> started = false;
        Scope scope(loop);
        scope.spawn([](Workers& workers, std::atomic<bool>* started) -> Task<void> {
            (void)co_await workers.run(Lane::heavy, wait_until_stopped, started);
        }(workers, &started));
        while (!started)
            co_await loop.yield();
        scope.spawn([]() -> Task<void> {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            co_return;
        }());
        (void)co_await loop::sleep(loop, loop::Milliseconds(1));
        co_await scope.close();
        BOOST_TEST(started);
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_worker_queue_passes_all_bytes_and_bounds_what_waits, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Workers workers(loop, 1);
        auto queue = std::make_shared<loop::WorkerQueue<Chunk>>(loop, 4);
        Scope scope(loop);
        scope.spawn([](std::shared_ptr<loop::WorkerQueue<Chunk>> queue) -> Task<void> {
            for (int i = 0; i < 1000; ++i) {
                Chunk chunk(Slice::copy_of("0123456789"));
                Status pushed = co_await queue->push(std::move(chunk));
                BOOST_TEST(static_cast<bool>(pushed));
            }
            queue->close(true);
        }(queue));
        BOOST_TEST(*co_await workers.run(Lane::heavy, count_bytes, queue) == 10000u);
        co_await scope.join();
    }(loop()));
}

BOOST_FIXTURE_TEST_CASE(a_pusher_learns_that_the_job_gave_up, LoopFixture) {
    run([](Loop& loop) -> Task<void> {
        Workers workers(loop, 1);
        auto queue = std::make_shared<loop::WorkerQueue<Chunk>>(loop, 1);
        Scope scope(loop);
        scope.spawn([](std::shared_ptr<loop::WorkerQueue<Chunk>> queue) -> Task<void> {
            Status pushed;
            while (pushed) {
                Chunk chunk(Slice::copy_of("x"));
                pushed = co_await queue->push(std::move(chunk));
            }
            BOOST_TEST((pushed.error().kind() == Kind::cancelled));
        }(queue));
        BOOST_TEST(*co_await workers.run(Lane::heavy, take_one, queue) == 1u);
        co_await scope.join();
    }(loop()));
}
