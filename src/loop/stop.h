// Cancellation: a Stop is asked for once and everything that waits under it returns
// Kind::cancelled. Stops form a tree that follows the awaits and the scopes. Loop thread only.
#pragma once

#include <utility>

namespace loop {

class Stop;

// Something that wants to know when its Stop is requested. on_stop() may post to the loop and
// unlink others, it never resumes a task itself.
class StopWaiter {
public:
    StopWaiter() = default;
    StopWaiter(const StopWaiter&) = delete;
    StopWaiter& operator=(const StopWaiter&) = delete;

protected:
    ~StopWaiter() { leave_stop(); }
    // No-op when `stop` is null. A stop that was requested already is the caller's to check.
    void join_stop(Stop* stop);
    void leave_stop();
    virtual void on_stop() = 0;

private:
    friend class Stop;
    Stop* stop_ = nullptr;
    StopWaiter* next_ = nullptr;
    StopWaiter* previous_ = nullptr;
};

class Stop final : private StopWaiter {
public:
    // A child of `parent` (may be null: then only request() stops it). The parent outlives the
    // child.
    explicit Stop(Stop* parent = nullptr);
    ~Stop();

    bool requested() const { return requested_; }
    void request();

private:
    friend class StopWaiter;
    void on_stop() override { request(); }

    bool requested_ = false;
    StopWaiter* first_ = nullptr;
};

}  // namespace loop
