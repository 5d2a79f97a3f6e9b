#include "loop/timer.h"

#include "loop/handle.h"
#include "loop/wait.h"

namespace loop {

struct Alarm::State {
    Handle<uv_timer_t> timer = Handle<uv_timer_t>::make();
    std::function<void()> function;
};

Alarm::Alarm(Loop& loop, Milliseconds delay, std::function<void()> function)
    : state_(std::make_unique<State>()) {
    state_->function = std::move(function);
    uv_timer_init(loop.uv(), state_->timer.get());
    state_->timer->data = state_.get();
    uv_update_time(loop.uv());  // the loop's clock may be old after a long turn
    uv_timer_start(
        state_->timer.get(),
        [](uv_timer_t* timer) {
            if (timer->data != nullptr) static_cast<State*>(timer->data)->function();
        },
        delay.count() < 0 ? 0 : static_cast<std::uint64_t>(delay.count()), 0);
}

Alarm::~Alarm() = default;

Task<Status> sleep(Loop& loop, Milliseconds delay) {
    WaitList over(loop);
    Alarm alarm(loop, delay, [&] { over.wake_all(); });
    co_return co_await over.wait();
}

}  // namespace loop
