// Bounded queues between tasks, each with a named policy for when they are full.
#pragma once

#include "loop/wait.h"

#include <deque>
#include <functional>
#include <utility>

namespace loop {

enum class Policy {
    wait,            // push() waits for room (attach)
    drop_oldest,     // the oldest goes (stats)
    latest_per_key,  // a newer value replaces the queued one of the same key (progress)
    cut,             // the reader is cut off: it gets what is queued, then Kind::too_large (events)
};

template <class T> class Channel {
public:
    using SameKey = std::function<bool(const T&, const T&)>;

    // `same_key` is used by latest_per_key only.
    Channel(Loop& loop, std::size_t bound, Policy policy, SameKey same_key = nullptr)
        : readers_(loop), writers_(loop), bound_(bound), policy_(policy),
          same_key_(std::move(same_key)) {}

    // Never waits; what happens when full is the policy's. With Policy::wait use push() instead,
    // offer() is false when there is no room. False also when the channel is closed.
    bool offer(T value) {
        if (closed_ || cut_) return false;
        if (policy_ == Policy::latest_per_key)
            for (T& queued : queue_)
                if (same_key_(queued, value)) {
                    queued = std::move(value);
                    return true;
                }
        if (queue_.size() >= bound_) {
            if (policy_ == Policy::wait) return false;
            if (policy_ == Policy::cut) {
                cut_ = true;
                readers_.wake_all();
                return false;
            }
            queue_.pop_front();
        }
        queue_.push_back(std::move(value));
        readers_.wake_one();
        return true;
    }

    // Waits for room (Policy::wait). Kind::cancelled when the channel was closed.
    Task<Status> push(T value) {
        while (!closed_ && queue_.size() >= bound_)
            CO_TRY_DO(co_await writers_.wait());
        if (closed_) co_return cancelled_error();
        queue_.push_back(std::move(value));
        readers_.wake_one();
        co_return Status();
    }

    // The next value; Kind::missing after close() when all is read, Kind::too_large when cut.
    Task<Result<T>> pop() {
        while (queue_.empty()) {
            if (cut_) co_return Error(Kind::too_large, "reader is too slow");
            if (closed_) co_return Error(Kind::missing, "end of channel");
            CO_TRY_DO(co_await readers_.wait());
        }
        T value = std::move(queue_.front());
        queue_.pop_front();
        writers_.wake_one();
        co_return value;
    }

    // No more values; readers get what is queued.
    void close() {
        closed_ = true;
        readers_.wake_all();
        writers_.wake_all();
    }
    bool closed() const { return closed_; }
    std::size_t size() const { return queue_.size(); }
    bool empty() const { return queue_.empty(); }

private:
    std::deque<T> queue_;
    WaitList readers_;
    WaitList writers_;
    std::size_t bound_;
    Policy policy_;
    SameKey same_key_;
    bool closed_ = false;
    bool cut_ = false;
};

}  // namespace loop
