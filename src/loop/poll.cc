#include "loop/poll.h"

#include "loop/handle.h"

namespace loop {

struct Poll::State {
    explicit State(Loop& owner) : loop(owner), readers(owner), writers(owner), hangups(owner) {}
    Loop& loop;
    Handle<uv_poll_t> poll;
    int watched = 0;
    bool stopped = false;
    WaitList readers;
    WaitList writers;
    WaitList hangups;

    // epoll is level-triggered: watch only for what somebody waits for.
    void update() {
        if (!poll) return;
        int events = (readers.empty() ? 0 : UV_READABLE) | (writers.empty() ? 0 : UV_WRITABLE) |
                     (hangups.empty() ? 0 : UV_DISCONNECT);
        if (events == watched) return;
        watched = events;
        if (events == 0)
            uv_poll_stop(poll.get());
        else
            uv_poll_start(poll.get(), events, on_event);
    }
    static void on_event(uv_poll_t* poll, int status, int events) {
        auto* state = static_cast<State*>(poll->data);
        if (state == nullptr) return;
        // An error is for the system call that follows to find out.
        if (status < 0) events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
        if ((events & (UV_READABLE | UV_DISCONNECT)) != 0) state->readers.wake_all();
        if ((events & UV_WRITABLE) != 0) state->writers.wake_all();
        if ((events & UV_DISCONNECT) != 0) state->hangups.wake_all();
        state->update();
    }
};

Poll::Poll(Loop& loop, int fd) : state_(std::make_unique<State>(loop)) {
    state_->poll = Handle<uv_poll_t>::make();
    if (uv_poll_init(loop.uv(), state_->poll.get(), fd) != 0)
        state_->poll.drop_uninitialised();
    else
        state_->poll->data = state_.get();
}

Poll::~Poll() = default;

bool Poll::pollable() const {
    return static_cast<bool>(state_->poll);
}

void Poll::stop() {
    state_->stopped = true;
    state_->poll.reset();
    state_->readers.wake_all();
    state_->writers.wake_all();
    state_->hangups.wake_all();
}

Task<Status> Poll::wait(WaitList& list) {
    if (state_->stopped) co_return cancelled_error();
    if (!pollable()) {
        co_await state_->loop.yield();
        co_return Status();
    }
    // Registered first, then watched: update() looks at the lists.
    struct Watch {
        State& state;
        WaitList::Wait wait;
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<Task<Status>::promise_type> task) {
            bool suspended = wait.await_suspend(task);
            if (suspended) state.update();
            return suspended;
        }
        Status await_resume() const { return wait.await_resume(); }
    };
    Watch watch{*state_, WaitList::Wait(list)};
    State* state = state_.get();
    Status done = co_await watch;
    // Cancelled: nobody may be left to watch for. (Woken: on_event has updated already.)
    if (!done) state->update();
    if (done && state->stopped) co_return cancelled_error();
    co_return done;
}

Task<Status> Poll::readable() {
    return wait(state_->readers);
}
Task<Status> Poll::writable() {
    return wait(state_->writers);
}
Task<Status> Poll::hung_up() {
    return wait(state_->hangups);
}

}  // namespace loop
