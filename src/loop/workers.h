// Threads for what blocks. A job is a plain function and sendable values; its result comes back to
// the loop. Lanes: quick (one thread, in order: small files, the database), heavy (hash,
// decompress, unpack, remove a tree, syncfs, mount).
#pragma once

#include "base/bytes.h"
#include "loop/stream.h"
#include "loop/wait.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

namespace loop {

class Scope;

enum class Lane { quick, heavy };

// Set when whoever waits for a job was stopped. Long jobs look at it and end with Kind::cancelled.
class Stopping {
public:
    bool requested() const { return requested_->load(std::memory_order_relaxed); }

private:
    friend class Workers;
    // Shared by the job on its thread and the waiting task on the loop.
    std::shared_ptr<std::atomic<bool>> requested_ = std::make_shared<std::atomic<bool>>(false);
};

// What may cross threads: not what the loop counts without atomics or owns.
template <class T>
concept Sendable = !std::is_same_v<std::remove_cvref_t<T>, Slice> &&
                   !std::is_same_v<std::remove_cvref_t<T>, Scope> &&
                   !std::is_base_of_v<Stream, std::remove_cvref_t<std::remove_pointer_t<T>>>;

class Workers {
public:
    // `heavy_threads` are started when first needed and end after some idle seconds.
    Workers(Loop& loop, unsigned heavy_threads);
    // No job may be under way.
    ~Workers();

    // co_await workers.run(Lane::quick, function, args...). `function` returns a Result; it may
    // take a `const Stopping&` first. A job still queued when its task is stopped never runs; one
    // that runs is waited for.
    template <class F, Sendable... Args> auto run(Lane lane, F function, Args... args) {
        if constexpr (std::is_invocable_v<F, const Stopping&, Args...>) {
            using R = std::invoke_result_t<F, const Stopping&, Args...>;
            Stopping stopping;
            auto call = [function = std::move(function), stopping,
                         tuple = std::tuple<Args...>(std::move(args)...)]() mutable -> R {
                return std::apply(
                    [&](Args&... each) { return function(stopping, std::move(each)...); }, tuple);
            };
            return run_call<R>(lane, std::move(call), stopping);
        } else {
            using R = std::invoke_result_t<F, Args...>;
            auto call = [function = std::move(function),
                         tuple = std::tuple<Args...>(std::move(args)...)]() mutable -> R {
                return std::apply([&](Args&... each) { return function(std::move(each)...); },
                                  tuple);
            };
            return run_call<R>(lane, std::move(call), Stopping());
        }
    }

    Loop& loop() { return loop_; }

private:
    struct Job {
        explicit Job(Loop& loop) : done(loop) {}
        virtual ~Job() = default;
        virtual void work() = 0;
        WaitList done;
        bool finished = false;
        Job* next = nullptr;
    };
    template <class R, class Call> struct CallJob final : Job {
        CallJob(Loop& loop, Call function) : Job(loop), call(std::move(function)) {}
        void work() override {
            result.emplace((*call)());
            call.reset();  // captured values end on the thread that used them
        }
        std::optional<Call> call;
        std::optional<R> result;
    };
    template <class R, class Call> Task<R> run_call(Lane lane, Call call, Stopping stopping) {
        CallJob<R, Call> job(loop_, std::move(call));
        submit(lane, job);
        Status waited = co_await job.done.wait();
        if (!waited) {
            if (withdraw(lane, job)) co_return waited.error();
            stopping.requested_->store(true, std::memory_order_relaxed);
            co_await shield(until_finished(job));
        }
        co_return std::move(*job.result);
    }
    static Task<void> until_finished(Job& job) {
        while (!job.finished)
            (void)co_await job.done.wait();
    }

    struct LaneState;
    void submit(Lane lane, Job& job);
    // True if it had not begun: it will not.
    bool withdraw(Lane lane, Job& job);
    void work(LaneState& lane);
    LaneState& state(Lane lane);

    Loop& loop_;
    std::unique_ptr<LaneState> quick_;
    std::unique_ptr<LaneState> heavy_;
};

}  // namespace loop

using loop::Workers;
