// Task<T>: a flow that runs on the loop. Lazy: it starts when awaited (or spawned in a Scope) and
// inherits the Stop of whoever awaits it. Only the loop resumes; nothing here throws.
#pragma once

#include "base/error.h"
#include "loop/stop.h"

#include <cassert>
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace loop {

class PromiseBase {
public:
    // What every awaiter asks its awaiting task for.
    Stop* stop() const { return stop_; }
    void set_stop(Stop* stop) { stop_ = stop; }
    void set_continuation(std::coroutine_handle<> continuation) { continuation_ = continuation; }

    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
        bool await_ready() noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> done) noexcept {
            return done.promise().continuation_;
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    // Only the standard library throws (bad_alloc); there is no way on from that.
    void unhandled_exception() noexcept { std::abort(); }

private:
    Stop* stop_ = nullptr;
    std::coroutine_handle<> continuation_;
};

template <class T = void> class [[nodiscard]] Task;

namespace detail {

template <class T> class Promise : public PromiseBase {
public:
    Task<T> get_return_object();
    template <class U>
    requires std::is_constructible_v<T, U&&>
    void return_value(U&& value) { value_.emplace(std::forward<U>(value)); }
    T take() { return std::move(*value_); }

private:
    std::optional<T> value_;
};

template <> class Promise<void> : public PromiseBase {
public:
    Task<void> get_return_object();
    void return_void() {}
    void take() {}
};

}  // namespace detail

template <class T> class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using value_type = T;

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    // A frame is never destroyed while suspended half way: either it never started or it ended.
    ~Task() {
        if (!handle_) return;
        assert(!started_ || handle_.done());
        handle_.destroy();
    }

    // Awaits under the awaiter's stop.
    auto operator co_await() && { return Awaiter{*this, nullptr, false}; }
    // Awaits under another stop (null: cannot be stopped). See with_stop, shield.
    auto under(Stop* stop) && { return Awaiter{*this, stop, true}; }

private:
    friend promise_type;
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    struct Awaiter {
        Task& task;
        Stop* stop;
        bool own_stop;
        bool await_ready() const noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> awaiter) noexcept {
            assert(!task.started_);
            task.started_ = true;
            task.handle_.promise().set_stop(own_stop ? stop : awaiter.promise().stop());
            task.handle_.promise().set_continuation(awaiter);
            return task.handle_;
        }
        T await_resume() { return task.handle_.promise().take(); }
    };

    std::coroutine_handle<promise_type> handle_;
    bool started_ = false;
};

namespace detail {
template <class T> Task<T> Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
}  // namespace detail

// co_await this_stop(): the Stop this task runs under (may be null), for child stops and scopes.
struct this_stop {
    Stop* stop = nullptr;
    bool await_ready() const noexcept { return false; }
    template <class P> bool await_suspend(std::coroutine_handle<P> awaiter) noexcept {
        stop = awaiter.promise().stop();
        return false;
    }
    Stop* await_resume() const noexcept { return stop; }
};

// Runs `task` under `stop` instead of the awaiter's.
template <class T> Task<T> with_stop(Stop& stop, Task<T> task) {
    co_return co_await std::move(task).under(&stop);
}

// Runs `task` to its end whatever is requested around it: clean-up, and what must be finished once
// begun.
template <class T> Task<T> shield(Task<T> task) {
    co_return co_await std::move(task).under(nullptr);
}

inline Error cancelled_error() {
    return Error(Kind::cancelled, "cancelled");
}

}  // namespace loop

using loop::Task;
