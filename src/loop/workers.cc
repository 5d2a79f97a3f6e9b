#include "loop/workers.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <pthread.h>
#include <signal.h>

namespace loop {

namespace {
// An idle heavy thread gives its stack and arena back; the quick one stays.
constexpr auto idle_thread_max = std::chrono::seconds(5);
}  // namespace

struct Workers::LaneState {
    LaneState(unsigned threads, bool keep) : threads_max(threads), keep_idle(keep) {}
    const unsigned threads_max;
    const bool keep_idle;
    std::mutex mutex;  // guards all below
    std::condition_variable wake;
    std::condition_variable gone;
    std::deque<Job*> queue;
    unsigned threads = 0;
    unsigned idle = 0;
    bool closing = false;
};

Workers::Workers(Loop& loop, unsigned heavy_threads)
    : loop_(loop), quick_(std::make_unique<LaneState>(1, true)),
      heavy_(std::make_unique<LaneState>(heavy_threads == 0 ? 1 : heavy_threads, false)) {}

Workers::~Workers() {
    for (LaneState* lane : {quick_.get(), heavy_.get()}) {
        std::unique_lock lock(lane->mutex);
        assert(lane->queue.empty());
        lane->closing = true;
        lane->wake.notify_all();
        lane->gone.wait(lock, [&] { return lane->threads == 0; });
    }
}

Workers::LaneState& Workers::state(Lane lane) {
    return lane == Lane::quick ? *quick_ : *heavy_;
}

void Workers::submit(Lane lane, Job& job) {
    LaneState& state = this->state(lane);
    loop_.hold();
    std::lock_guard lock(state.mutex);
    state.queue.push_back(&job);
    if (state.idle >= state.queue.size() || state.threads >= state.threads_max) {
        state.wake.notify_one();
        return;
    }
    // Signals are the loop thread's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ++state.threads;
    std::thread([this, &state] { work(state); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool Workers::withdraw(Lane lane, Job& job) {
    LaneState& state = this->state(lane);
    std::lock_guard lock(state.mutex);
    auto at = std::find(state.queue.begin(), state.queue.end(), &job);
    if (at == state.queue.end()) return false;
    state.queue.erase(at);
    loop_.unhold();
    return true;
}

void Workers::work(LaneState& lane) {
    std::unique_lock lock(lane.mutex);
    for (;;) {
        if (lane.queue.empty()) {
            if (lane.closing) break;
            ++lane.idle;
            bool woken = true;
            auto ready = [&] { return !lane.queue.empty() || lane.closing; };
            if (lane.keep_idle)
                lane.wake.wait(lock, ready);
            else
                woken = lane.wake.wait_for(lock, idle_thread_max, ready);
            --lane.idle;
            if (!woken) break;
            continue;
        }
        Job* job = lane.queue.front();
        lane.queue.pop_front();
        lock.unlock();
        job->work();
        loop_.post_from_thread([this, job] {
            job->finished = true;
            job->done.wake_all();
            loop_.unhold();
        });
        lock.lock();
    }
    --lane.threads;
    lane.gone.notify_all();
}

}  // namespace loop
