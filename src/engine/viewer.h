// What one attached client still has to get of a container's output. It never stops the log: what
// does not fit into memory waits in an unnamed file, and a client that lags behind even that and
// takes nothing is cut off.
#pragma once

#include "base/bytes.h"
#include "codec/stdcopy.h"
#include "loop/wait.h"
#include "loop/workers.h"
#include "sys/fd.h"

#include <deque>
#include <string>

namespace engine {

// Shared by the console that fills it and the task that empties it. Loop thread.
class Viewer {
public:
    struct Output {
        codec::Stdio stream = codec::Stdio::out;
        Slice bytes;
    };
    // `folder` is where the file for what is too much is made, when it is first needed.
    Viewer(Workers& workers, std::string folder, bool out, bool err);

    // The next output in order. Kind::missing when the run has ended and all was handed out,
    // Kind::too_large when the client was cut off. One task at a time.
    Task<Result<Output>> next();
    // Takes no more: the console forgets it.
    void leave();
    bool has_left() const { return left_; }

    // The console's side. push() is called by one task at a time.
    bool wants(codec::Stdio stream) const { return stream == codec::Stdio::err ? err_ : out_; }
    // Waits only when the client is so far behind that the file is full, or the disk is.
    Task<void> push(Output output);
    void end();

private:
    Task<Status> spill(Output output);
    Task<Status> load();
    void cut();
    bool is_behind() const;
    bool has_spilled() const { return read_at_ < written_; }

    Workers& workers_;
    std::string folder_;
    std::deque<Output> queue_;  // older than what is in the file
    std::size_t queued_bytes_ = 0;
    Fd file_;
    std::uint64_t read_at_ = 0, written_ = 0;
    codec::FrameDecoder decoder_;
    loop::WaitList arrived_, room_;
    bool out_, err_;
    bool writing_ = false, ended_ = false, left_ = false, cut_ = false;
};

}  // namespace engine
