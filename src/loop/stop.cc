#include "loop/stop.h"

#include <cassert>

namespace loop {

void StopWaiter::join_stop(Stop* stop) {
    if (stop == nullptr) return;
    assert(stop_ == nullptr);
    stop_ = stop;
    previous_ = nullptr;
    next_ = stop->first_;
    if (next_ != nullptr) next_->previous_ = this;
    stop->first_ = this;
}

void StopWaiter::leave_stop() {
    if (stop_ == nullptr) return;
    if (previous_ != nullptr)
        previous_->next_ = next_;
    else
        stop_->first_ = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    stop_ = nullptr;
    next_ = previous_ = nullptr;
}

Stop::Stop(Stop* parent) {
    if (parent != nullptr && parent->requested())
        requested_ = true;
    else
        join_stop(parent);
}

Stop::~Stop() {
    assert(first_ == nullptr);
}

void Stop::request() {
    if (requested_) return;
    requested_ = true;
    while (first_ != nullptr) {
        StopWaiter* waiter = first_;
        waiter->leave_stop();
        waiter->on_stop();
    }
}

}  // namespace loop
