#include "loop/signal.h"

#include "loop/handle.h"
#include "loop/wait.h"

#include <algorithm>

namespace loop {

struct Signals::State {
    explicit State(Loop& loop) : arrival(loop) {}
    std::vector<Handle<uv_signal_t>> handles;
    std::vector<int> pending;
    WaitList arrival;
    static void on_signal(uv_signal_t* handle, int number) {
        auto* state = static_cast<State*>(handle->data);
        if (state == nullptr) return;
        if (std::ranges::find(state->pending, number) == state->pending.end())
            state->pending.push_back(number);
        state->arrival.wake_all();
    }
};

Signals::Signals(Loop& loop, std::vector<int> numbers) : state_(std::make_unique<State>(loop)) {
    for (int number : numbers) {
        auto handle = Handle<uv_signal_t>::make();
        uv_signal_init(loop.uv(), handle.get());
        handle->data = state_.get();
        uv_signal_start(handle.get(), State::on_signal, number);
        state_->handles.push_back(std::move(handle));
    }
}

Signals::~Signals() = default;

Task<Result<int>> Signals::next() {
    while (state_->pending.empty())
        CO_TRY_DO(co_await state_->arrival.wait());
    int number = state_->pending.front();
    state_->pending.erase(state_->pending.begin());
    co_return number;
}

}  // namespace loop
