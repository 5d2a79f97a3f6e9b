// Connecting to a name that has several addresses ("happy eyeballs", RFC 8305 without its DNS
// part).
#include "http/client.h"
#include "loop/scope.h"

#include <fmt/core.h>

namespace http {

namespace {

constexpr loop::Milliseconds next_address_after = std::chrono::milliseconds(250);

struct Race {
    explicit Race(Loop& loop) : changed(loop) {}
    loop::WaitList changed;
    std::size_t failed = 0;
    std::unique_ptr<Stream> won;
    std::optional<Error> error;
};

Task<void> run_one(Loop& loop, Race& race, loop::SocketAddress address) {
    auto stream = co_await loop::connect_tcp(loop, address);
    if (stream && !race.won) {
        race.won = std::move(*stream);
    } else if (!stream) {
        ++race.failed;
        if (!race.error && stream.error().kind() != Kind::cancelled)
            race.error = std::move(stream.error());
    }
    race.changed.wake_all();
}

Task<Status> wait_for_change(Race& race) {
    co_return co_await race.changed.wait();
}

// The resolver's order, but the families take turns.
std::vector<loop::SocketAddress> interleaved(std::vector<loop::SocketAddress> addresses) {
    if (addresses.empty()) return addresses;
    int first = addresses.front().family();
    std::vector<loop::SocketAddress> same;
    std::vector<loop::SocketAddress> other;
    for (const loop::SocketAddress& address : addresses)
        (address.family() == first ? same : other).push_back(address);
    std::vector<loop::SocketAddress> mixed;
    for (std::size_t i = 0; i < same.size() || i < other.size(); ++i) {
        if (i < same.size()) mixed.push_back(same[i]);
        if (i < other.size()) mixed.push_back(other[i]);
    }
    return mixed;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect_any(Loop& loop,
                                                  std::vector<loop::SocketAddress> addresses) {
    addresses = interleaved(std::move(addresses));
    Race race(loop);
    Scope scope(loop, co_await loop::this_stop());
    Status stopped;
    std::size_t started = 0;
    while (!race.won && race.failed < addresses.size() && stopped) {
        // A new attempt when the newest has failed, or after a moment without an answer.
        if (started < addresses.size()) {
            scope.spawn(run_one(loop, race, addresses[started]));
            ++started;
        }
        while (!race.won && stopped && race.failed < started) {
            bool more = started < addresses.size();
            Status waited =
                more ? co_await loop::within(loop, next_address_after, wait_for_change(race))
                     : co_await wait_for_change(race);
            if (!waited && waited.error().kind() == Kind::timeout) break;
            stopped = std::move(waited);
        }
    }
    co_await scope.close();
    if (race.won) co_return std::move(race.won);
    if (!stopped) co_return stopped.error();
    if (race.error) co_return *race.error;
    co_return Error(Kind::unavailable, "no address to connect to");
}

}  // namespace http
