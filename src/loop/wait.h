// Waiting for each other on the loop: WaitList (the primitive), Event, Mutex, Semaphore. Every wait
// ends with Kind::cancelled when the waiting task's Stop is requested.
#pragma once

#include "base/error.h"
#include "loop/loop.h"

#include <cassert>
#include <coroutine>

namespace loop {

// Tasks waiting for something, in order of arrival.
class WaitList {
public:
    explicit WaitList(Loop& loop) : loop_(&loop) {}
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;
    ~WaitList() { assert(first_ == nullptr); }

    class Wait final : private StopWaiter {
    public:
        explicit Wait(WaitList& list) : list_(list) {}
        bool await_ready() const noexcept { return false; }
        template <class P> bool await_suspend(std::coroutine_handle<P> task) {
            Stop* stop = task.promise().stop();
            if (stop != nullptr && stop->requested()) {
                cancelled_ = true;
                return false;
            }
            task_ = task;
            join_stop(stop);
            list_.append(this);
            return true;
        }
        Status await_resume() const {
            if (cancelled_) return cancelled_error();
            return {};
        }

    private:
        friend class WaitList;
        void on_stop() override {
            cancelled_ = true;
            list_.remove(this);
            list_.loop_->post(task_);
        }
        WaitList& list_;
        std::coroutine_handle<> task_;
        bool cancelled_ = false;
        Wait* next_ = nullptr;
        Wait* previous_ = nullptr;
    };

    // co_await list.wait() -> Status: until woken, or cancelled.
    Wait wait() { return Wait(*this); }
    bool empty() const { return first_ == nullptr; }
    // True if somebody was waiting.
    bool wake_one() {
        if (first_ == nullptr) return false;
        Wait* wait = first_;
        remove(wait);
        wait->leave_stop();
        loop_->post(wait->task_);
        return true;
    }
    void wake_all() {
        while (wake_one()) {
        }
    }
    Loop& loop() { return *loop_; }

private:
    void append(Wait* wait) {
        wait->previous_ = last_;
        (last_ != nullptr ? last_->next_ : first_) = wait;
        last_ = wait;
    }
    void remove(Wait* wait) {
        (wait->previous_ != nullptr ? wait->previous_->next_ : first_) = wait->next_;
        (wait->next_ != nullptr ? wait->next_->previous_ : last_) = wait->previous_;
        wait->next_ = wait->previous_ = nullptr;
    }
    Loop* loop_;
    Wait* first_ = nullptr;
    Wait* last_ = nullptr;
};

// Set once, seen by all who wait, until reset.
class Event {
public:
    explicit Event(Loop& loop) : waiters_(loop) {}
    bool is_set() const { return set_; }
    void set() {
        set_ = true;
        waiters_.wake_all();
    }
    void reset() { set_ = false; }
    Task<Status> wait() {
        while (!set_)
            CO_TRY_DO(co_await waiters_.wait());
        co_return Status();
    }

private:
    WaitList waiters_;
    bool set_ = false;
};

// `count` permits; waiters are served in order.
class Semaphore {
public:
    Semaphore(Loop& loop, std::size_t count) : waiters_(loop), free_(static_cast<long>(count)) {}

    class Permit {
    public:
        Permit() = default;
        explicit Permit(Semaphore& owner) : owner_(&owner) {}
        Permit(Permit&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Permit& operator=(Permit&& other) noexcept {
            std::swap(owner_, other.owner_);
            return *this;
        }
        ~Permit() { release(); }
        void release() {
            if (owner_ != nullptr) std::exchange(owner_, nullptr)->put_back();
        }

    private:
        Semaphore* owner_ = nullptr;
    };

    Task<Result<Permit>> acquire() {
        while (free_ <= 0)
            CO_TRY_DO(co_await waiters_.wait());
        --free_;
        co_return Permit(*this);
    }
    bool available() const { return free_ > 0; }
    // So many permits more, or fewer: those given out are kept until they are put back.
    void change(long difference) {
        free_ += difference;
        for (long i = 0; i < difference; ++i)
            waiters_.wake_one();
    }

private:
    void put_back() {
        ++free_;
        waiters_.wake_one();
    }
    WaitList waiters_;
    long free_;
};

// One owner at a time: `CO_TRY(auto lock, co_await mutex.lock());` holds until `lock` is dropped.
class Mutex {
public:
    explicit Mutex(Loop& loop) : semaphore_(loop, 1) {}
    using Lock = Semaphore::Permit;
    Task<Result<Lock>> lock() { return semaphore_.acquire(); }
    bool locked() const { return !semaphore_.available(); }

private:
    Semaphore semaphore_;
};

}  // namespace loop
