#include "daemon/idle.h"

#include "base/bytes.h"
#include "base/log.h"
#include "loop/timer.h"

#include <malloc.h>

namespace lighterd {

namespace {

constexpr loop::Milliseconds quiet_time = std::chrono::seconds(1);

// Worker: SQLite's cache and log, the reserve if it was given up, then every arena's free pages.
Status give_back(store::Store* store) {
    Status done = store->database().checkpoint();
    store->reserve().take();
    ::malloc_trim(0);
    return done;
}

}  // namespace

Idle::Idle(Workers& workers, store::Store& store)
    : workers_(workers), store_(store), touched_(workers.loop()), scope_(workers.loop()) {
    scope_.spawn(watch());
    touch();
}

Idle::~Idle() = default;

void Idle::touch() {
    if (!touched_.is_set()) touched_.set();
}

Task<void> Idle::close() {
    return scope_.close();
}

Task<void> Idle::watch() {
    while (co_await touched_.wait()) {
        while (touched_.is_set()) {
            touched_.reset();
            if (!co_await loop::sleep(workers_.loop(), quiet_time)) co_return;
        }
        Slab::drop_kept();
        Status given = co_await workers_.run(loop::Lane::quick, give_back, &store_);
        if (!given) base::log::debug("giving memory back: {}", given.error().message());
    }
}

}  // namespace lighterd
