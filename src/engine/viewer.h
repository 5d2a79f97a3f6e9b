// What one attached client still has to get of a container's output. It never stops the log: what
// does not fit into memory waits in the console's backlog, and a client that lags behind even that
// and takes nothing is cut off.
#pragma once

#include "base/bytes.h"
#include "codec/stdcopy.h"
#include "engine/backlog.h"
#include "loop/timer.h"
#include "loop/wait.h"

#include <deque>
#include <memory>

namespace engine {

// Shared by the console that fills it and the task that empties it. Loop thread.
class Viewer {
public:
    struct Output {
        codec::Stdio stream = codec::Stdio::out;
        Slice bytes;
    };
    // The backlog is shared by all viewers of a run: they may outlast it.
    Viewer(Loop& loop, std::shared_ptr<Backlog> backlog, bool out, bool err);

    // The next output in order. Kind::missing when the run has ended and all was handed out,
    // Kind::too_large when the client was cut off. One task at a time.
    Task<Result<Output>> next();
    // Takes no more: the console forgets it.
    void leave();
    bool has_left() const { return left_; }
    // After leave(): whoever is the last one to look at the backlog removes it.
    Task<void> let_go();

    // The console's side.
    bool wants(codec::Stdio stream) const { return stream == codec::Stdio::err ? err_ : out_; }
    // What comes now has to go to the backlog, behind what it has not read there.
    bool is_behind() const { return lags() || queued_cost_ >= memory_bytes_max; }
    // It is not behind.
    void push(Output output);
    // `position` is where in the backlog what comes now stands.
    void fall_behind(std::uint64_t position);
    bool has_room(std::size_t payload) const;
    // For how long it has taken nothing.
    loop::Milliseconds stalled() const;
    void cut();
    void end();

private:
    static constexpr std::size_t memory_bytes_max = 1024 * 1024;
    Task<Status> load();
    void queue(Output output);
    bool lags() const { return behind_ && read_at_ < backlog_->written(); }

    std::shared_ptr<Backlog> backlog_;
    std::deque<Output> queue_;  // older than what is in the backlog
    std::size_t queued_cost_ = 0;
    std::uint64_t read_at_ = 0;
    std::int64_t taken_ns_;
    codec::FrameDecoder decoder_;
    loop::WaitList arrived_;
    bool out_, err_;
    bool behind_ = false, ended_ = false, left_ = false, cut_ = false;
};

}  // namespace engine
