// A Scope owns running work: tasks spawned in it end before it does. Nothing runs without one.
#pragma once

#include "loop/wait.h"

#include <cassert>

namespace loop {

class Scope {
public:
    // `parent`: the stop that also stops this scope's tasks (co_await this_stop()), or null.
    explicit Scope(Loop& loop, Stop* parent = nullptr) : loop_(loop), stop_(parent), ended_(loop) {}
    ~Scope() { assert(running_ == 0); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    // Starts `task` in the next turn of the loop, under this scope's stop.
    void spawn(Task<void> task) {
        ++running_;
        loop_.post(start(*this, std::move(task)).handle);
    }
    // Asks all tasks to end; they are still to be joined.
    void cancel() { stop_.request(); }
    // Waits until every task has ended. Not cancellable itself: cancelling the parent ends the
    // tasks.
    Task<void> join() { return shield(wait_until_empty()); }
    // cancel() and join().
    Task<void> close() {
        cancel();
        return join();
    }

    std::size_t running() const { return running_; }
    Stop& stop() { return stop_; }
    Loop& loop() { return loop_; }

private:
    struct Spawned {
        struct promise_type : PromiseBase {
            Scope& scope;
            promise_type(Scope& owner, Task<void>&) : scope(owner) { set_stop(&owner.stop_); }
            Spawned get_return_object() {
                return {std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            std::suspend_never final_suspend() noexcept { return {}; }
            void return_void() {}
        };
        std::coroutine_handle<promise_type> handle;
    };
    static Spawned start(Scope& scope, Task<void> task) {
        // The task's frame, and all it owns, is gone before the scope counts it as ended.
        {
            Task<void> running = std::move(task);
            co_await std::move(running);
        }
        if (--scope.running_ == 0) scope.ended_.wake_all();
    }
    Task<void> wait_until_empty() {
        while (running_ > 0)
            (void)co_await ended_.wait();
    }

    Loop& loop_;
    Stop stop_;
    WaitList ended_;
    std::size_t running_ = 0;
};

}  // namespace loop

using loop::Scope;
