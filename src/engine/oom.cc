// Out-of-memory kills in a container with a memory limit are told when they happen, also when its
// first process lives on.
#include "base/log.h"
#include "engine/containers.h"
#include "loop/poll.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace engine {

namespace {

// v1 wakes before the kill is counted.
constexpr loop::Milliseconds count_wait = std::chrono::milliseconds(20);
constexpr int count_tries = 10;

// Without a limit of its own or of a parent that was named, only the host can run out.
bool limited(const Container& container) {
    const wire::HostConfig& host = container.record.host_config;
    return container.cgroup && (host.memory > 0 || !host.cgroup_parent.empty());
}

// What was queued is of no interest, only that there was something.
bool drained(const Fd& watch) {
    char events[1024];
    ssize_t got = 0;
    do
        got = ::read(watch.get(), events, sizeof events);
    while (got > 0);
    return got < 0 && errno == EAGAIN;
}

}  // namespace

Task<Status> Containers::tell_oom(ContainerPtr container) {
    if (!limited(*container)) co_return Status();
    Result<std::uint64_t> kills = co_await parts_.workers.run(
        loop::Lane::quick, [](sys::Cgroup cgroup) { return Result(cgroup.oom_kills()); },
        *container->cgroup);
    if (!kills) co_return kills.error();
    if (*kills <= container->oom_kills) co_return Status();
    container->oom_kills = *kills;
    container->record.oom_killed = true;
    publish(*container, "oom");
    co_return Status();
}

void Containers::watch_oom(ContainerPtr container) {
    if (limited(*container)) work_.spawn(follow_oom(std::move(container)));
}

Task<void> Containers::follow_oom(ContainerPtr container) {
    std::uint64_t run = container->exits;
    Result<Fd> watch = co_await parts_.workers.run(
        loop::Lane::quick, [](sys::Cgroup cgroup) { return cgroup.watch_oom(); },
        *container->cgroup);
    // It is told at the end then.
    if (!watch) {
        base::log::debug("container={}: {}", container->id(), watch.error().message());
        co_return;
    }
    auto over = [&] { return !container->running || container->exits != run; };
    if (over()) co_return;
    loop::Poll poll(parts_.loop, watch->get());
    container->oom_poll = &poll;
    int tries = 1;  // what was before the watch
    do {
        std::uint64_t before = container->oom_kills;
        for (; tries > 0 && container->oom_kills == before; --tries)
            if (over() || !co_await tell_oom(container) ||
                (tries > 1 && !co_await loop::sleep(parts_.loop, count_wait)))
                break;
        if (!over() && container->oom_kills != before) {
            Status kept = co_await commit(*container);
            if (!kept)
                base::log::error("container={}: {}", container->id(), kept.error().message());
        }
        tries = count_tries;
    } while (!over() && co_await poll.readable() && drained(*watch));
    if (container->oom_poll == &poll) container->oom_poll = nullptr;
}

}  // namespace engine
