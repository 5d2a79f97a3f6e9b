// Signals as something to await (SIGTERM, SIGHUP, SIGWINCH ...).
#pragma once

#include "loop/loop.h"

#include <memory>
#include <vector>

namespace loop {

// Catches the given signals while it lives; each arrival is handed out once (like ones in a row may
// merge, as signals do).
class Signals {
public:
    Signals(Loop& loop, std::vector<int> numbers);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // The next signal's number.
    Task<Result<int>> next();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace loop
