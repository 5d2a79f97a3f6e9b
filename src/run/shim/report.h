// How a child that cannot go on tells its parent: one Failure on a close-on-exec pipe.
#pragma once

#include "run/protocol.h"
#include "run/shim/system.h"

namespace run::shim {

class Reporter {
public:
    explicit Reporter(int pipe) : pipe_(pipe) {}
    // Writes the failure and ends the process. `error` is an errno or -errno.
    [[noreturn]] void fail(protocol::Step step, int error, const char* what = "",
                           const char* more = "") const {
        protocol::Failure failure;
        failure.step = step;
        failure.error = error < 0 ? -error : error;
        TextBuffer(failure.text, sizeof failure.text).add(what).add(more);
        (void)!::write(pipe_, &failure, sizeof failure);
        ::_exit(1);
    }
    // Passes a good value on.
    int check(int value, protocol::Step step, const char* what = "") const {
        if (value < 0) fail(step, value, what);
        return value;
    }
    int pipe() const { return pipe_; }
    void moved(int pipe) { pipe_ = pipe; }

private:
    int pipe_;
};

}  // namespace run::shim
