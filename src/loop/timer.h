// Time on the loop: sleep(), within(), and Alarm for a callback.
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <functional>
#include <memory>

namespace loop {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::milliseconds;

// Calls `function` once, on the loop, after `delay` unless dropped before. The function may post
// and request stops; it must not resume tasks or drop this Alarm.
class Alarm {
public:
    Alarm(Loop& loop, Milliseconds delay, std::function<void()> function);
    ~Alarm();
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Kind::cancelled if stopped before the time is over.
Task<Status> sleep(Loop& loop, Milliseconds delay);

// Runs `task`; when it has not ended after `delay` it is stopped and the result is Kind::timeout.
template <class T> Task<Result<T>> within(Loop& loop, Milliseconds delay, Task<Result<T>> task) {
    Stop stop(co_await this_stop());
    bool late = false;
    Alarm alarm(loop, delay, [&] {
        late = true;
        stop.request();
    });
    Result<T> result = co_await std::move(task).under(&stop);
    if (late && !result && result.error().kind() == Kind::cancelled)
        co_return Error(Kind::timeout, "timed out");
    co_return result;
}

}  // namespace loop
