#include "store/json_log.h"

#include "base/limits.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace store {

namespace {

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::size_t attrs_bytes_max = limits::log_line_bytes_max / 2;

std::string rotated(const std::string& name, std::uint32_t number) {
    return number == 0 ? name : fmt::format("{}.{}", name, number);
}

// A regular file and nothing else: a link or a FIFO planted at the log's place is refused, and
// opening never waits for a FIFO's other end (security-cases G4).
Result<Fd> open_regular(const Fd& folder, const std::string& name, int flags, struct stat& info) {
    TRY(Fd file, sys::open_at(folder, name, flags | O_NOFOLLOW | O_NONBLOCK, 0640));
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat " + name);
    if (!S_ISREG(info.st_mode))
        return Error(Kind::internal, fmt::format("{} is not a regular file", name));
    return file;
}

// Up to `size` bytes from `offset` on, fewer at the end of the file.
Status read_at(const Fd& file, std::uint64_t offset, std::size_t size, std::string& into) {
    into.resize(size);
    std::size_t have = 0;
    while (have < size) {
        ssize_t got =
            ::pread(file.get(), into.data() + have, size - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read log");
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    into.resize(have);
    return {};
}

// The offset behind the `lines`th newline before `end`, counted backwards; `lines` becomes what
// was missing when there are not that many, and the answer 0.
Result<std::uint64_t> back_lines(const Fd& file, std::uint64_t end, std::uint64_t& lines) {
    std::string block;
    while (end > 0) {
        std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(end, block_bytes));
        TRY_DO(read_at(file, end - size, size, block));
        for (std::size_t at = block.size(); at-- > 0;)
            if (block[at] == '\n' && --lines == 0) return end - size + at + 1;
        end -= size;
    }
    return 0;
}

Result<std::uint64_t> size_of(const Fd& file) {
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat log");
    return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

Result<LogWriter> LogWriter::open(Fd folder, std::string name, LogOptions options) {
    if (options.attrs_json.size() > attrs_bytes_max)
        return Error(Kind::invalid, "labels and environment chosen for the log are too large");
    LogWriter writer(std::move(folder), std::move(name), std::move(options));
    TRY_DO(writer.open_file());
    TRY_DO(writer.cut_torn_end());
    return writer;
}

Status LogWriter::open_file() {
    struct stat info {};
    TRY(Fd file, open_regular(folder_, name_, O_RDWR | O_CREAT | O_APPEND, info));
    if ((info.st_mode & 07777) != 0640 && ::fchmod(file.get(), 0640) != 0)
        return base::errno_error(errno, "chmod " + name_);
    file_ = std::move(file);
    size_ = static_cast<std::uint64_t>(info.st_size);
    inode_ = info.st_ino;
    return {};
}

Status LogWriter::cut_torn_end() {
    std::uint64_t lines = 1;
    TRY(std::uint64_t whole, back_lines(file_, size_, lines));
    if (whole == size_) return {};
    if (::ftruncate(file_.get(), static_cast<off_t>(whole)) != 0)
        return base::errno_error(errno, "truncate " + name_);
    size_ = whole;
    return {};
}

Status LogWriter::append(codec::LogStream stream, std::string_view bytes, Time time) {
    encode_all(stream, bytes, time);
    return flush();
}

Status LogWriter::append_rest(codec::LogStream stream, std::string_view bytes, Time time,
                              std::uint64_t written) {
    encode_all(stream, bytes, time);
    drop_written(written);
    return flush();
}

void LogWriter::encode_all(codec::LogStream stream, std::string_view bytes, Time time) {
    UnfinishedLine& pending = pending_[static_cast<std::size_t>(stream)];
    for (std::size_t end; (end = bytes.find('\n')) != std::string_view::npos;
         bytes.remove_prefix(end + 1)) {
        std::string_view line = bytes.substr(0, end);
        if (pending.text.empty() && !pending.in_parts &&
            line.size() < limits::log_record_bytes_max) {
            encode(stream, line, true, time);
            continue;
        }
        keep(stream, line, time);
        encode(stream, pending.text, true, pending.in_parts ? pending.since : time);
        pending.text.clear();
        pending.in_parts = false;
    }
    if (!bytes.empty()) keep(stream, bytes, time);
}

// What is in the log already ends with a whole record: open() has cut a torn one.
void LogWriter::drop_written(std::uint64_t bytes) {
    auto next = std::ranges::upper_bound(ends_, bytes);
    std::size_t in = next == ends_.begin() ? 0 : *std::prev(next);
    ends_.erase(ends_.begin(), next);
    for (std::size_t& end : ends_)
        end -= in;
    out_.erase(0, in);
}

Result<std::uint64_t> LogWriter::written_since(LogPosition before) const {
    std::uint64_t sum = 0;
    for (std::uint32_t number = 0; number <= options_.files_max; ++number) {
        struct stat info {};
        auto file = open_regular(folder_, rotated(name_, number), O_RDONLY, info);
        if (!file && file.error().kind() == Kind::missing) continue;
        if (!file) return file.error();
        sum += static_cast<std::uint64_t>(info.st_size);
        if (info.st_ino == before.inode) return sum - std::min(sum, before.size);
    }
    // Rotated out of the log: so much was written that it was all.
    return UINT64_MAX;
}

// Adds to the unfinished line; what fills a record is written as a part of it.
void LogWriter::keep(codec::LogStream stream, std::string_view bytes, Time time) {
    UnfinishedLine& pending = pending_[static_cast<std::size_t>(stream)];
    while (!bytes.empty()) {
        std::size_t room = limits::log_record_bytes_max - pending.text.size();
        std::string_view part = bytes.substr(0, room);
        pending.text += part;
        bytes.remove_prefix(part.size());
        if (pending.text.size() < limits::log_record_bytes_max) break;
        if (!pending.in_parts) pending.since = time;
        encode(stream, pending.text, false, pending.since);
        pending.text.clear();
        pending.in_parts = true;
    }
}

Status LogWriter::end(codec::LogStream stream, Time time) {
    encode_end(stream, time);
    return flush();
}

Status LogWriter::end_rest(codec::LogStream stream, Time time, std::uint64_t written) {
    encode_end(stream, time);
    drop_written(written);
    return flush();
}

void LogWriter::encode_end(codec::LogStream stream, Time time) {
    UnfinishedLine& pending = pending_[static_cast<std::size_t>(stream)];
    if (!pending.text.empty())
        encode(stream, pending.text, false, pending.in_parts ? pending.since : time);
    pending = {};
}

void LogWriter::encode(codec::LogStream stream, std::string_view line, bool newline, Time time) {
    codec::append_log_record(out_, stream, line, newline, time, options_.attrs_json);
    ends_.push_back(out_.size());
}

// One write(2) for all records that fit into the file, another after each rotation.
Status LogWriter::flush() {
    Status done;
    std::size_t begin = 0;
    for (std::size_t next = 0; done && next < ends_.size();) {
        std::size_t end = begin;
        while (next < ends_.size() &&
               (options_.bytes_max == 0 || size_ + (ends_[next] - begin) <= options_.bytes_max))
            end = ends_[next++];
        // A record larger than a whole file is let into an empty one.
        if (end == begin && size_ == 0) end = ends_[next++];
        if (end > begin)
            done = write_records(std::string_view(out_).substr(begin, end - begin));
        else
            done = rotate();
        begin = end;
    }
    // A burst's buffer is not kept for a container that may be silent for days.
    if (out_.capacity() > 2 * block_bytes) {
        std::string().swap(out_);
        std::vector<std::size_t>().swap(ends_);
    }
    out_.clear();
    ends_.clear();
    return done;
}

Status LogWriter::write_records(std::string_view records) {
    if (!file_) {
        TRY_DO(open_file());
        TRY_DO(cut_torn_end());
    }
    Status done = sys::write_all(file_, records, name_);
    if (done) {
        size_ += records.size();
        return done;
    }
    // A part of a record goes again; whole ones stay, readers may have seen them.
    Result<std::uint64_t> size = size_of(file_);
    if (size) size_ = *size;
    if (!size || !cut_torn_end()) file_.reset();
    return done;
}

// The newest becomes .1, the oldest goes. Readers that have it open read it to its end.
Status LogWriter::rotate() {
    file_.reset();
    size_ = 0;
    for (std::uint32_t i = options_.files_max; i-- > 1;) {
        std::string from = rotated(name_, i - 1);
        std::string to = rotated(name_, i);
        if (::renameat(folder_.get(), from.c_str(), folder_.get(), to.c_str()) != 0 &&
            errno != ENOENT)
            return base::errno_error(errno, fmt::format("rename {}", from));
    }
    // Not emptied in place: a reader would lose what it has not read yet.
    if (options_.files_max <= 1 && ::unlinkat(folder_.get(), name_.c_str(), 0) != 0 &&
        errno != ENOENT)
        return base::errno_error(errno, "remove " + name_);
    return open_file();
}

Result<LogReader> LogReader::open(Fd folder, std::string name, LogQuery query) {
    LogReader reader(std::move(folder), std::move(name), query);
    TRY(std::vector<File> files, reader.open_files());
    for (File& file : files)
        reader.files_.push_back(std::move(file));
    if (query.tail) TRY_DO(reader.seek_tail());
    return reader;
}

Result<std::vector<LogReader::File>> LogReader::open_files() const {
    std::vector<File> files;
    // From the newest on: what is rotated meanwhile shows up again under the next number. A cut
    // in the middle of a rotation leaves at most one number out.
    for (std::uint32_t number = 0, missing = 0; missing < 2; ++number) {
        struct stat info {};
        auto file = open_regular(folder_, rotated(name_, number), O_RDONLY, info);
        if (!file && file.error().kind() == Kind::missing) {
            missing += number > 0;
            continue;
        }
        if (!file) return std::move(file).error();
        missing = 0;
        if (files.empty() || files.back().inode != info.st_ino)
            files.push_back({std::move(*file), info.st_dev, info.st_ino});
    }
    std::reverse(files.begin(), files.end());
    return files;
}

// Drops what lies before the last `tail` records.
Status LogReader::seek_tail() {
    std::uint64_t wanted = *query_.tail;
    for (std::size_t i = files_.size(); i-- > 0;) {
        TRY(std::uint64_t size, size_of(files_[i].fd));
        // One newline more than records wanted: the one that ends the record before them.
        std::uint64_t newlines = wanted == UINT64_MAX ? wanted : wanted + 1;
        std::uint64_t before = newlines;
        TRY(offset_, back_lines(files_[i].fd, size, newlines));
        if (newlines == 0) {
            files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(i));
            return {};
        }
        wanted -= before - newlines;
    }
    offset_ = 0;
    return {};
}

// Opens what came after the newest file at hand. False: there is nothing newer.
Result<bool> LogReader::next_file() {
    struct stat info {};
    if (!files_.empty() &&
        ::fstatat(folder_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        info.st_ino == files_.back().inode && info.st_dev == files_.back().device)
        return false;
    TRY(std::vector<File> files, open_files());
    std::size_t first = 0;
    if (!files_.empty())
        for (std::size_t i = 0; i < files.size(); ++i)
            if (files[i].inode == files_.back().inode && files[i].device == files_.back().device)
                first = i + 1;
    for (std::size_t i = first; i < files.size(); ++i)
        files_.push_back(std::move(files[i]));
    return first < files.size();
}

Status LogReader::read(std::vector<codec::LogRecord>& records) {
    constexpr int blocks_max = 16;
    records.clear();
    caught_up_ = false;
    for (int blocks = 0; records.empty() && !done_;) {
        if (!files_.empty()) {
            if (blocks++ == blocks_max) return {};
            TRY(bool any, read_block(records));
            if (any) continue;
        }
        if (files_.size() > 1) {
            files_.pop_front();
            offset_ = 0;
            skipping_ = false;
            continue;
        }
        // The newest is read to its end. When it has been rotated away, it is read once more
        // before the next: it may have got its last records meanwhile.
        TRY(bool newer, next_file());
        if (newer) continue;
        caught_up_ = true;
        break;
    }
    return {};
}

// The whole lines of one block. False when there is none.
Result<bool> LogReader::read_block(std::vector<codec::LogRecord>& records) {
    const Fd& file = files_.front().fd;
    TRY_DO(read_at(file, offset_, block_bytes, buffer_));
    std::size_t end = buffer_.rfind('\n');
    if (end == std::string::npos && buffer_.size() == block_bytes) {
        TRY_DO(read_at(file, offset_, limits::log_line_bytes_max, buffer_));
        end = buffer_.rfind('\n');
        if (end == std::string::npos && buffer_.size() == limits::log_line_bytes_max) {
            skipping_ = true;
            offset_ += buffer_.size();
            return true;
        }
    }
    if (end == std::string::npos) {
        // Somebody may have emptied the file (`truncate -s 0`, logrotate's copytruncate).
        TRY(std::uint64_t size, size_of(file));
        if (size >= offset_) return false;
        offset_ = 0;
        skipping_ = false;
        return size > 0;
    }
    for (std::size_t at = 0; at <= end && !done_;) {
        std::size_t newline = buffer_.find('\n', at);
        if (!std::exchange(skipping_, false))
            take_line(std::string_view(buffer_).substr(at, newline - at), records);
        at = newline + 1;
    }
    offset_ += end + 1;
    return true;
}

void LogReader::take_line(std::string_view line, std::vector<codec::LogRecord>& records) {
    // A power cut may leave a block of NUL bytes; a record can still stand behind them.
    if (std::size_t nul = line.rfind('\0'); nul != std::string_view::npos)
        line.remove_prefix(nul + 1);
    auto record = codec::parse_log_record(line);
    if (!record || !(record->stream == codec::LogStream::out ? query_.out : query_.err)) return;
    if (!query_.since.is_never() && record->time < query_.since) return;
    if (!query_.until.is_never() && record->time > query_.until) {
        done_ = true;
        return;
    }
    records.push_back(std::move(*record));
}

}  // namespace store
