// A limit on bytes per second, shared by all connections it is given to. Whoever has received bytes
// pays for them before it reads on; the kernel's window does the rest. The first layers of an image
// are served first, so that they are in while the last ones still come.
#pragma once

#include "loop/timer.h"
#include "loop/wait.h"

#include <cstdint>
#include <list>

namespace registry {

// Time as a limit sees it; tests have one of their own.
class RateClock {
public:
    virtual std::int64_t now_ns() = 0;
    virtual Task<Status> sleep(Loop& loop, std::int64_t ns) = 0;

protected:
    ~RateClock() = default;
};
RateClock& real_clock();

// Loop thread.
class Throttle {
public:
    // What is paid here is paid at `above` (null: nobody), too; it outlives this.
    explicit Throttle(Loop& loop, Throttle* above = nullptr, RateClock& clock = real_clock());

    // 0: no limit. Counts for whoever pays from now on.
    void set_rate(std::uint64_t bytes_per_second) { rate_ = bytes_per_second; }
    std::uint64_t rate() const { return rate_; }

    // Returns when `bytes` may have come. `order`: lower ones are served first, though nobody waits
    // for others longer than patience_ns, as a connection that rests too long is cut.
    Task<Status> pay(std::uint64_t bytes, unsigned order);

    static constexpr std::int64_t patience_ns = 5'000'000'000;
    // By how much a sleep may be too long and be made good; more is a rest, and no credit.
    static constexpr std::int64_t slack_ns = 100'000'000;

private:
    struct Payer {
        unsigned order = 0;
        std::int64_t since_ns = 0;
    };
    bool is_next(std::list<Payer>::iterator payer);
    Task<Status> turn(std::uint64_t bytes, unsigned order);

    Loop& loop_;
    Throttle* above_;
    RateClock& clock_;
    std::uint64_t rate_ = 0;
    std::int64_t paid_until_ns_ = 0;
    bool busy_ = false;
    std::list<Payer> payers_;  // in order of arrival
    loop::WaitList changed_;
};

}  // namespace registry
