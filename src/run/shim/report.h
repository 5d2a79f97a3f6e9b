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
    // The program was found but the kernel does not run it: as with runc the container has started
    // then, says so on its standard error and ends with 255.
    [[noreturn]] void not_run(int error, const char* program) const {
        ::close(pipe_);
        char text[512];
        TextBuffer line(text, sizeof text);
        line.add("exec ").add(program).add(": ");
        if (error == ENOEXEC)
            line.add("exec format error\n");
        else if (error == ENOENT)
            line.add("no such file or directory\n");
        else if (error == EACCES)
            line.add("permission denied\n");
        else if (error == E2BIG)
            line.add("argument list too long\n");
        else
            line.add("errno ").add_number(error).add("\n");
        (void)!::write(2, text, line.size());
        ::_exit(255);
    }
    int pipe() const { return pipe_; }
    void moved(int pipe) { pipe_ = pipe; }

private:
    int pipe_;
};

}  // namespace run::shim
