// A bounded queue from a task on the loop to a job on a worker thread: how a body's bytes reach the
// unpacker. Full means the task waits, so nothing is read from the socket.
#pragma once

#include "loop/wait.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace loop {

// Held by shared_ptr: the pushing task and the popping job each end in their own time.
template <class T> class WorkerQueue : public std::enable_shared_from_this<WorkerQueue<T>> {
public:
    WorkerQueue(Loop& loop, std::size_t bound) : loop_(loop), bound_(bound), room_(loop) {}

    // Loop thread. Kind::cancelled also when the job has abandoned the queue.
    Task<Status> push(T value) {
        for (;;) {
            {
                std::lock_guard lock(mutex_);
                if (abandoned_) co_return cancelled_error();
                if (queue_.size() < bound_) {
                    queue_.push_back(std::move(value));
                    arrived_.notify_one();
                    co_return Status();
                }
                wanted_ = true;
            }
            CO_TRY_DO(co_await room_.wait());
        }
    }
    // Loop thread: no more values. `complete` false: the job should end with an error.
    void close(bool complete) {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        closed_ = true;
        complete_ = complete;
        arrived_.notify_all();
    }

    // Worker thread: the next value, nullopt at the end (see complete()).
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return !queue_.empty() || closed_; });
        if (queue_.empty() || (closed_ && !complete_)) return std::nullopt;
        std::optional<T> value(std::move(queue_.front()));
        queue_.pop_front();
        // Woken at half full, not for each value: fewer trips between the threads.
        if (wanted_ && queue_.size() <= bound_ / 2) tell_room();
        return value;
    }
    // Worker thread, after pop() gave nullopt: all there was came.
    bool complete() {
        std::lock_guard lock(mutex_);
        return complete_;
    }
    // Worker thread: will not pop any more; wakes a waiting push().
    void abandon() {
        std::lock_guard lock(mutex_);
        abandoned_ = true;
        tell_room();
    }

private:
    void tell_room() {
        wanted_ = false;
        loop_.post_from_thread([self = this->shared_from_this()] { self->room_.wake_all(); });
    }
    Loop& loop_;
    const std::size_t bound_;
    WaitList room_;     // loop thread only
    std::mutex mutex_;  // guards all below
    std::condition_variable arrived_;
    std::deque<T> queue_;
    bool wanted_ = false;
    bool closed_ = false;
    bool complete_ = false;
    bool abandoned_ = false;
};

}  // namespace loop
