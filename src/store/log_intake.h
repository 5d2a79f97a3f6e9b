// What was taken from a container's output and may not be in its log yet, kept in a file that is
// mapped into this process: it outlives a kill -9, and the next daemon finishes what the dead one was
// at. So no output is lost between the pipe and the log, and none is logged twice.
//
// The steps of one stream, each a single store that a reader of the file can tell from the next:
//   expect()  so many bytes will be read here; the place is marked, so that it can be seen whether
//             the read(2) took place
//   take()    they are here, and this is their time
//   enter()   they are being written to the log, which was that long before
//   commit()  they are in the log; what is left of them is the beginning of a line, kept here, too
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "store/json_log.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace store {

class LogIntake {
public:
    enum class State : std::uint8_t { idle, expecting, taken, entering, ending };
    static constexpr std::size_t room_bytes = 64 * 1024;

    // The file of this name (mode 0600), made anew if it is no such file. Small, and meant for a
    // tmpfs: the loop's thread may call.
    static Result<LogIntake> open(const Fd& folder, const std::string& name);
    LogIntake(LogIntake&& other) noexcept;
    LogIntake& operator=(LogIntake&& other) noexcept;
    ~LogIntake();

    State state(codec::LogStream stream) const;

    // Where to read to. One thread at a time, as for everything of one stream.
    char* room(codec::LogStream stream);
    // How many of the `wanted` bytes the place can hold: the file grows as it is needed, and 0 says
    // that there is no memory for it (a page that cannot be had would be a SIGBUS).
    std::size_t reserve(codec::LogStream stream, std::size_t wanted);
    void expect(codec::LogStream stream, std::size_t bytes);
    // How many records of the shim's spool are in the log with this one, and the time of the last.
    // None: it came from the process itself.
    struct Spooled {
        std::uint32_t records = 0;
        Time last;
    };
    void take(codec::LogStream stream, std::size_t bytes, Time time, Spooled spooled);
    void take(codec::LogStream stream, std::size_t bytes, Time time) {
        take(stream, bytes, time, Spooled());
    }
    // Nothing came after all.
    void clear(codec::LogStream stream);
    std::string_view taken(codec::LogStream stream) const;
    Time time(codec::LogStream stream) const;

    // Between two marks the log grows by what was taken (ending: by the unfinished line).
    void enter(codec::LogStream stream, LogPosition position, bool ending);
    LogPosition entered_at(codec::LogStream stream) const;
    void commit(codec::LogStream stream, const UnfinishedLine& left);

    UnfinishedLine unfinished(codec::LogStream stream) const;
    // What the last commit() left.
    Spooled spooled(codec::LogStream stream) const;

    // A dead daemon's read: how much of what was expected is there. The file as it was found.
    std::size_t found_bytes(codec::LogStream stream) const;

private:
    struct Area;
    LogIntake(Fd file, void* mapping) : file_(std::move(file)), mapping_(mapping) {}
    Area& area(codec::LogStream stream) const;
    // Allocates the first `bytes` of what lies at `place`; `have` is how many there are.
    bool allocate(const char* place, std::size_t bytes, std::size_t& have);

    Fd file_;
    void* mapping_ = nullptr;
    struct Allocated {
        std::size_t room = 0, texts[2] = {};
    };
    Allocated allocated_[2];
};

// What was taken goes into the log. A failure (disk full) drops it. Blocking, as what follows.
Status log_taken(LogWriter& log, LogIntake& intake, codec::LogStream stream);
// The stream has ended: LogWriter::end().
Status log_end(LogWriter& log, LogIntake& intake, codec::LogStream stream, Time time);
// Whether the `number`th record (from 0) of this stream in the shim's spool is in the log already.
bool is_spooled(const LogIntake& intake, codec::LogStream stream, std::uint32_t number, Time time);
// What some records of the spool hold, up to `upto`; at most LogIntake::room_bytes.
Status log_spooled(LogWriter& log, LogIntake& intake, codec::LogStream stream,
                   LogIntake::Spooled upto, std::string_view bytes, Time time);
// After open(), before anything else: finishes what a dead daemon was at.
Status finish_log(LogWriter& log, LogIntake& intake);

}  // namespace store
