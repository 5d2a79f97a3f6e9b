#include "loop/loop.h"

#include "loop/handle.h"

#include <cassert>
#include <cstdio>
#include <cstdlib>

namespace loop {

namespace {

// The outermost frame of Loop::run: ends by itself, nobody awaits it.
struct Root {
    struct promise_type : PromiseBase {
        bool* finished = nullptr;
        explicit promise_type(Task<void>&, bool& flag) : finished(&flag) {}
        Root get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never final_suspend() noexcept {
            *finished = true;
            return {};
        }
        void return_void() {}
    };
    std::coroutine_handle<promise_type> handle;
};

Root start(Task<void> task, bool& finished) {
    (void)finished;  // kept by the promise
    co_await std::move(task);
}

}  // namespace

struct Loop::Wake {
    Handle<uv_async_t> async = Handle<uv_async_t>::make();
    Handle<uv_prepare_t> before_poll = Handle<uv_prepare_t>::make();
};

Loop::Loop() : uv_(std::make_unique<uv_loop_s>()), wake_(std::make_unique<Wake>()) {
    int failed = uv_loop_init(uv_.get());
    if (failed == 0)
        failed = uv_async_init(uv_.get(), wake_->async.get(), [](uv_async_t* async) {
            if (async->data != nullptr) static_cast<Loop*>(async->data)->run_posted();
        });
    if (failed != 0) {
        std::fprintf(stderr, "cannot start the event loop: %s\n", uv_strerror(failed));
        std::abort();
    }
    wake_->async->data = this;
    uv_unref(reinterpret_cast<uv_handle_t*>(wake_->async.get()));
    // A timer that was due when uv_run began has made its task ready by now; waiting for sockets
    // must not keep that task waiting, too.
    uv_prepare_init(uv_.get(), wake_->before_poll.get());
    wake_->before_poll->data = this;
    uv_prepare_start(wake_->before_poll.get(), [](uv_prepare_t* prepare) {
        auto* loop = static_cast<Loop*>(prepare->data);
        if (loop != nullptr && !loop->ready_.empty()) uv_stop(loop->uv());
    });
    uv_unref(reinterpret_cast<uv_handle_t*>(wake_->before_poll.get()));
}

Loop::~Loop() {
    wake_->async.reset();
    wake_->before_poll.reset();
    while (uv_run(uv_.get(), UV_RUN_NOWAIT) != 0) {
    }
    [[maybe_unused]] int busy = uv_loop_close(uv_.get());
    assert(busy == 0);
}

bool Loop::run(Task<void> main) {
    bool finished = false;
    post(start(std::move(main), finished).handle);
    for (;;) {
        drain();
        if (finished) return true;
        int alive = uv_run(uv_.get(), ready_.empty() ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        run_posted();
        if (alive == 0 && ready_.empty()) return false;
    }
}

void Loop::deadlock() {
    std::fprintf(stderr, "the loop has nothing left to do, but the main task waits\n");
    std::abort();
}

// One round: what gets ready meanwhile comes after the sockets had their turn.
void Loop::drain() {
    std::vector<std::coroutine_handle<>> round;
    round.swap(ready_);
    for (std::coroutine_handle<> task : round)
        task.resume();
    if (ready_.empty()) {
        round.clear();
        ready_.swap(round);  // keeps the capacity
    }
}

void Loop::post_from_thread(std::function<void()> function) {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
    uv_async_send(wake_->async.get());
}

void Loop::run_posted() {
    std::vector<std::function<void()>> functions;
    {
        std::lock_guard lock(mutex_);
        functions.swap(posted_);
    }
    for (auto& function : functions)
        function();
}

void Loop::hold() {
    if (holds_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_->async.get()));
}

void Loop::unhold() {
    if (--holds_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(wake_->async.get()));
}

}  // namespace loop
