// The event loop: libuv's, plus the queue of tasks that are ready to go on. One thread owns it.
#pragma once

#include "loop/task.h"

#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

struct uv_loop_s;

namespace loop {

class Loop {
public:
    Loop();
    // Every handle must have been dropped: asserts that uv_loop_close() finds none open.
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs `main` to its end. False if it cannot end: nothing is left that could wake it (a
    // deadlock; tests fail on it, STYLE.md section 9).
    bool run(Task<void> main);

    // Runs `main` and hands out its value; aborts on a deadlock with a clear line on stderr.
    template <class T> T run_value(Task<T> main) {
        std::optional<T> value;
        bool finished = run(keep(std::move(main), value));
        if (!finished) deadlock();
        return std::move(*value);
    }

    // Resumes `task` in the next turn of the loop, never in the caller's stack frame.
    void post(std::coroutine_handle<> task) { ready_.push_back(task); }

    // Any thread: calls `function` on the loop thread soon. Does not keep the loop alive by itself.
    void post_from_thread(std::function<void()> function);

    // co_await loop.yield(): lets everything else that is ready go first.
    auto yield() { return Yield{*this}; }

    uv_loop_s* uv() { return uv_.get(); }

    // While held above zero the loop does not count as idle (a worker job is under way).
    void hold();
    void unhold();

private:
    struct Yield {
        Loop& loop;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> task) { loop.post(task); }
        void await_resume() const noexcept {}
    };
    struct Wake;

    template <class T> static Task<void> keep(Task<T> task, std::optional<T>& value) {
        value.emplace(co_await std::move(task));
    }
    [[noreturn]] static void deadlock();
    void drain();
    void run_posted();

    std::unique_ptr<uv_loop_s> uv_;
    std::unique_ptr<Wake> wake_;
    std::vector<std::coroutine_handle<>> ready_;
    int holds_ = 0;
    std::mutex mutex_;  // guards posted_
    std::vector<std::function<void()>> posted_;
};

}  // namespace loop

using loop::Loop;
