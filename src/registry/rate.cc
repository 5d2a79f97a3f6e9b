#include "registry/rate.h"

#include "base/time.h"

#include <algorithm>

namespace registry {

namespace {

class RealClock final : public RateClock {
public:
    std::int64_t now_ns() override { return base::monotonic_ns(); }
    Task<Status> sleep(Loop& loop, std::int64_t ns) override {
        constexpr std::int64_t ns_per_ms = 1'000'000;
        return loop::sleep(loop, loop::Milliseconds((ns + ns_per_ms - 1) / ns_per_ms));
    }
};

// A shorter sleep costs more than it is worth: what is early now is paid with what comes.
constexpr std::int64_t sleep_ns_min = 2'000'000;
constexpr double ns_per_second = 1e9;

}  // namespace

RateClock& real_clock() {
    static RealClock clock;  // has no state
    return clock;
}

Throttle::Throttle(Loop& loop, Throttle* above, RateClock& clock)
    : loop_(loop), above_(above), clock_(clock), changed_(loop) {}

Task<Status> Throttle::pay(std::uint64_t bytes, unsigned order) {
    if (rate_ == 0) {
        if (above_ != nullptr) co_return co_await above_->pay(bytes, order);
        co_return Status();
    }
    auto payer = payers_.insert(payers_.end(), Payer{order, clock_.now_ns()});
    Status status;
    while (status && (busy_ || !is_next(payer)))
        status = co_await changed_.wait();
    payers_.erase(payer);
    if (status) {
        busy_ = true;
        status = co_await turn(bytes, order);
        busy_ = false;
    }
    changed_.wake_all();
    co_return status;
}

// Both limits run at the same time: the slower one counts.
Task<Status> Throttle::turn(std::uint64_t bytes, unsigned order) {
    // A rest is no credit; that a sleep was too long is.
    if (paid_until_ns_ < clock_.now_ns() - slack_ns) paid_until_ns_ = clock_.now_ns();
    if (rate_ > 0)
        paid_until_ns_ += static_cast<std::int64_t>(static_cast<double>(bytes) * ns_per_second /
                                                    static_cast<double>(rate_));
    if (above_ != nullptr) CO_TRY_DO(co_await above_->pay(bytes, order));
    std::int64_t early = paid_until_ns_ - clock_.now_ns();
    if (early < sleep_ns_min) co_return Status();
    co_return co_await clock_.sleep(loop_, early);
}

bool Throttle::is_next(std::list<Payer>::iterator payer) {
    bool impatient = clock_.now_ns() - payers_.front().since_ns >= patience_ns;
    if (impatient) return payer == payers_.begin();
    auto first = std::ranges::min_element(payers_, {}, &Payer::order);  // the first of equals
    return payer == first;
}

}  // namespace registry
