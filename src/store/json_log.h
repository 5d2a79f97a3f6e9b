// The container's log in Docker's json-file format: one JSON object a line, long lines in parts of
// 16 KiB, rotation by size and count, readable after a cut at any byte.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "codec/jsonlog.h"
#include "sys/fd.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace store {

struct LogOptions {
    std::uint64_t bytes_max = 10 * 1024 * 1024;  // max-size; 0: no rotation
    std::uint32_t files_max = 3;                 // max-file; 1: the file is emptied when full
    std::string attrs_json;                      // labels and env as a JSON object; empty: none
};

// A line whose end has not come yet.
struct UnfinishedLine {
    std::string text;
    bool in_parts = false;  // its beginning is written already
    Time since;             // then: the time all its parts carry
};

// How far a log was written.
struct LogPosition {
    std::uint64_t inode = 0, size = 0;
};

// Writes `<folder>/<name>` and `.1`, `.2`... (higher is older). One thread at a time.
class LogWriter {
public:
    // Cuts a torn last line (and NUL bytes a power cut left there), so that what follows is
    // readable. The file has mode 0640; a link or anything else but a file is refused.
    static Result<LogWriter> open(Fd folder, std::string name, LogOptions options);

    // Output as it came: complete lines are written (one write(2) a call), an unfinished one is
    // kept until its rest, 16 KiB or end() comes. Never leaves part of a record: after a failure
    // (disk full) the file ends with a whole one and what could not be written is dropped.
    Status append(codec::LogStream stream, std::string_view bytes, Time time);
    // The stream has ended: an unfinished line is written as it is, without newline.
    Status end(codec::LogStream stream, Time time);

    // For store/log_intake, which finishes what a daemon was at when it was killed: append() and
    // end() of which `written` bytes are in the log already.
    Status append_rest(codec::LogStream stream, std::string_view bytes, Time time,
                       std::uint64_t written);
    Status end_rest(codec::LogStream stream, Time time, std::uint64_t written);
    LogPosition position() const { return {inode_, size_}; }
    Result<std::uint64_t> written_since(LogPosition before) const;
    const UnfinishedLine& unfinished(codec::LogStream stream) const {
        return pending_[static_cast<std::size_t>(stream)];
    }
    void set_unfinished(codec::LogStream stream, UnfinishedLine line) {
        pending_[static_cast<std::size_t>(stream)] = std::move(line);
    }

private:
    LogWriter(Fd folder, std::string name, LogOptions options)
        : folder_(std::move(folder)), name_(std::move(name)), options_(std::move(options)) {}
    void encode_all(codec::LogStream stream, std::string_view bytes, Time time);
    void encode_end(codec::LogStream stream, Time time);
    void drop_written(std::uint64_t bytes);
    void encode(codec::LogStream stream, std::string_view line, bool newline, Time time);
    void keep(codec::LogStream stream, std::string_view bytes, Time time);
    Status flush();
    Status write_records(std::string_view records);
    Status rotate();
    Status open_file();
    Status cut_torn_end();

    Fd folder_, file_;
    std::string name_;
    LogOptions options_;
    std::uint64_t size_ = 0, inode_ = 0;
    UnfinishedLine pending_[2];      // by stream
    std::string out_;                // encoded, not yet written
    std::vector<std::size_t> ends_;  // where the records of out_ end: rotation holds to a record
};

struct LogQuery {
    std::optional<std::uint64_t> tail;  // last n records; none: all
    Time since, until;                  // never: no bound
    bool out = true, err = true;        // which streams; a tail counts both, as dockerd's does
};

// Reads a log that may be written and rotated at the same time. One thread at a time.
class LogReader {
public:
    // `name` missing is an empty log.
    static Result<LogReader> open(Fd folder, std::string name, LogQuery query);

    // Fills `records` with some next records, oldest first. Reads about a MiB at most: when none of
    // it was wanted they are empty and caught_up() is false. Call again then, and after more was
    // written.
    Status read(std::vector<codec::LogRecord>& records);
    // The last read() met the end of what is written.
    bool caught_up() const { return caught_up_; }
    // `until` is passed: nothing will come.
    bool done() const { return done_; }

private:
    LogReader(Fd folder, std::string name, LogQuery query)
        : folder_(std::move(folder)), name_(std::move(name)), query_(query) {}
    struct File {
        Fd fd;
        dev_t device = 0;
        ino_t inode = 0;
    };
    Result<std::vector<File>> open_files() const;  // oldest first
    Status seek_tail();
    Result<bool> next_file();
    Result<bool> read_block(std::vector<codec::LogRecord>& records);
    void take_line(std::string_view line, std::vector<codec::LogRecord>& records);

    Fd folder_;
    std::string name_;
    LogQuery query_;
    std::deque<File> files_;  // front is being read
    std::uint64_t offset_ = 0;
    std::string buffer_;     // what one read brought; an incomplete line is read again
    bool skipping_ = false;  // in a line longer than any record
    bool done_ = false;
    bool caught_up_ = false;
};

}  // namespace store
