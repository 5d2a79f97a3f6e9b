// A container's standard streams inside the engine: output is logged first and then handed to every
// viewer, input comes from whoever is attached. A console outlives many runs of its container.
#pragma once

#include "base/bytes.h"
#include "codec/stdcopy.h"
#include "engine/viewer.h"
#include "loop/scope.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "loop/workers.h"
#include "run/container.h"
#include "store/log_intake.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace engine {

class Console {
public:
    // `folder` is the container's, `backlog_bytes` what of its output may wait there for clients
    // that are slow: see Backlog.
    Console(Loop& loop, Workers& workers, std::string folder,
            std::uint64_t backlog_bytes = Backlog::bytes_max);
    // After close() or drain().
    ~Console();

    // Everything that is put out from now on, also by a run that has not begun.
    std::shared_ptr<Viewer> view(bool out, bool err);
    // As view(), at a point between two records of the log: output up to `until` is in the log,
    // what comes later goes to the viewer.
    Task<std::shared_ptr<Viewer>> view_after_log(bool out, bool err, Time& until);

    // Where the output of a run is logged. Without an intake a kill -9 of the daemon may cost what
    // was just read.
    struct Log {
        store::LogWriter writer;
        std::optional<store::LogIntake> intake;
    };
    // A run begins: its descriptors, and its log (none: nothing is logged).
    void open(run::Console ends, bool terminal, std::optional<Log> log);
    // The process has ended: reads what is still in the pipes, ends the log's lines, sends every
    // viewer away, closes.
    Task<void> drain();
    // The engine ends, the process runs on: lets go of everything.
    Task<void> abandon();
    bool is_open() const { return open_; }
    // Copies of the descriptors of the run, for another shim to hold.
    run::Console lend() const;
    // Until a run begins (is_open()), or cancelled.
    Task<Status> opened();

    // Input for the process; waits for the run to begin. Dropped when there is no stdin.
    Task<Status> write(Slice bytes);
    // No more input: the daemon's end is closed. False: there was none, or it is a terminal.
    bool close_stdin();
    // invalid if there is no terminal.
    Status resize(unsigned height, unsigned width);

    // Followers of the log: grows with each append; waits for one beyond `seen`, or the run's end.
    std::uint64_t log_version() const { return log_version_; }
    Task<Status> log_grows(std::uint64_t seen);

private:
    Task<void> pump(Stream& stream, codec::Stdio name);
    Task<bool> pump_once(Stream& stream, codec::Stdio name);
    Task<bool> pump_safely(Stream& stream, codec::Stdio name);
    Task<void> put_out(codec::Stdio name, Slice bytes);
    Task<void> put_out_taken(codec::Stdio name);
    Task<void> show(codec::Stdio name, Slice bytes);
    void logged(const Status& done);
    Task<void> put_back(codec::Stdio name, Slice bytes,
                        std::vector<std::shared_ptr<Viewer>> behind);
    Task<void> end_log();
    Task<void> close_run();
    Task<void> watch_limit(loop::Milliseconds limit);

    Loop& loop_;
    Workers& workers_;
    std::string folder_;
    std::uint64_t backlog_bytes_;
    std::shared_ptr<Backlog> backlog_;  // of this run; its viewers may outlast it
    std::unique_ptr<Scope> pumps_;      // of the current run
    std::unique_ptr<Stream> pty_, stdin_, stdout_, stderr_;
    std::optional<Log> log_;
    loop::Mutex appending_, writing_;
    loop::WaitList opened_, log_grew_;
    std::vector<std::shared_ptr<Viewer>> viewers_;
    std::uint64_t log_version_ = 0;
    std::uint64_t reads_ = 0;  // outputs read so far
    unsigned busy_ = 0;        // pumps that are handing one on
    bool open_ = false;
    bool log_failed_ = false;
};

}  // namespace engine
