#include "store/log_intake.h"

#include "base/limits.h"
#include "sys/file.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace store {

namespace {

constexpr std::uint64_t magic = 0x31656b61746e694c;  // "Lintake1"
constexpr std::size_t page_bytes = 4096;
// What an expected read finds in its place: it has to differ from any output. Sixteen bytes of
// chance, repeated.
constexpr unsigned char mark[16] = {0x9b, 0x03, 0xe7, 0x5c, 0xf1, 0x88, 0x2d, 0xc4,
                                    0x16, 0xba, 0x71, 0x0e, 0xdf, 0x4a, 0x95, 0x67};

}  // namespace

// Pages that are not used are not there: what is small comes first.
struct LogIntake::Area {
    struct Line {
        std::uint32_t size, in_parts;
        std::int64_t since_ns;
        std::uint32_t spool_records, unused;
        std::int64_t spool_last_ns;
    };
    std::uint64_t magic;
    // The state and which of the two lines counts: changed together by one store.
    std::atomic<std::uint32_t> phase;
    std::uint32_t size;
    std::int64_t time_ns;
    std::uint64_t log_inode, log_size;
    std::int64_t spool_last_ns;  // for the next line
    std::uint32_t spool_records, unused;
    Line lines[2];
    alignas(page_bytes) char texts[2][limits::log_record_bytes_max];
    alignas(page_bytes) char room[room_bytes];

    std::uint32_t slot() const { return phase.load(std::memory_order_acquire) >> 8 & 1; }
    State state() const {
        return static_cast<State>(phase.load(std::memory_order_acquire) & 0xff);
    }
    void go(State state, std::uint32_t slot) {
        phase.store(static_cast<std::uint32_t>(state) | slot << 8, std::memory_order_release);
    }
    bool is_sound() const {
        const Line& line = lines[slot()];
        return magic == store::magic && state() <= State::ending && size <= room_bytes &&
               line.size <= limits::log_record_bytes_max;
    }
};

Result<LogIntake> LogIntake::open(const Fd& folder, const std::string& name) {
    TRY(Fd file, sys::open_at(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat " + name);
    constexpr auto bytes = static_cast<off_t>(2 * sizeof(Area));
    if (!S_ISREG(info.st_mode))
        return Error(Kind::internal, name + " is not a regular file");
    if (info.st_size != bytes && (::ftruncate(file.get(), 0) != 0 ||
                                  ::ftruncate(file.get(), bytes) != 0))
        return base::errno_error(errno, "truncate " + name);
    static_assert(sizeof(Area) % page_bytes == 0);
    for (off_t start : {off_t(0), bytes / 2})
        if (::fallocate(file.get(), 0, start, page_bytes) != 0)
            return base::errno_error(errno, "allocate " + name);
    void* mapping =
        ::mmap(nullptr, 2 * sizeof(Area), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (mapping == MAP_FAILED) return base::errno_error(errno, "map " + name);
    // A page is touched when something is put there: none around it is to be read in beside it.
    (void)::madvise(mapping, 2 * sizeof(Area), MADV_RANDOM);
    LogIntake intake(std::move(file), mapping);
    for (auto stream : {codec::LogStream::out, codec::LogStream::err}) {
        Area& area = intake.area(stream);
        if (area.is_sound()) continue;
        area.go(State::idle, 0);
        area.lines[0] = {};
        area.size = 0;
        area.magic = magic;
    }
    return intake;
}

LogIntake::LogIntake(LogIntake&& other) noexcept
    : file_(std::move(other.file_)), mapping_(std::exchange(other.mapping_, nullptr)) {
    std::ranges::copy(other.allocated_, allocated_);
}

LogIntake& LogIntake::operator=(LogIntake&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(mapping_, other.mapping_);
    std::ranges::copy(other.allocated_, allocated_);
    return *this;
}

LogIntake::~LogIntake() {
    if (mapping_ != nullptr) ::munmap(mapping_, 2 * sizeof(Area));
}

LogIntake::Area& LogIntake::area(codec::LogStream stream) const {
    return static_cast<Area*>(mapping_)[static_cast<std::size_t>(stream)];
}

LogIntake::State LogIntake::state(codec::LogStream stream) const {
    return area(stream).state();
}

char* LogIntake::room(codec::LogStream stream) {
    return area(stream).room;
}

bool LogIntake::allocate(const char* place, std::size_t bytes, std::size_t& have) {
    if (bytes <= have) return true;
    auto start = static_cast<off_t>(place - static_cast<const char*>(mapping_));
    std::size_t wanted = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    if (::fallocate(file_.get(), 0, start, static_cast<off_t>(wanted)) != 0) return false;
    have = wanted;
    return true;
}

std::size_t LogIntake::reserve(codec::LogStream stream, std::size_t wanted) {
    std::size_t& have = allocated_[static_cast<std::size_t>(stream)].room;
    wanted = std::min(wanted, room_bytes);
    return allocate(area(stream).room, wanted, have) ? wanted : std::min(wanted, have);
}

void LogIntake::expect(codec::LogStream stream, std::size_t bytes) {
    Area& at = area(stream);
    assert(bytes <= room_bytes);
    for (std::size_t i = 0; i < bytes; i += sizeof mark)
        std::memcpy(at.room + i, mark, std::min(sizeof mark, bytes - i));
    at.size = static_cast<std::uint32_t>(bytes);
    at.go(State::expecting, at.slot());
}

void LogIntake::take(codec::LogStream stream, std::size_t bytes, Time time, Spooled spooled) {
    Area& at = area(stream);
    assert(bytes <= room_bytes);
    at.size = static_cast<std::uint32_t>(bytes);
    at.time_ns = time.ns;
    at.spool_records = spooled.records;
    at.spool_last_ns = spooled.last.ns;
    at.go(State::taken, at.slot());
}

void LogIntake::clear(codec::LogStream stream) {
    Area& at = area(stream);
    at.go(State::idle, at.slot());
}

std::string_view LogIntake::taken(codec::LogStream stream) const {
    const Area& at = area(stream);
    return {at.room, at.size};
}

Time LogIntake::time(codec::LogStream stream) const {
    return Time{area(stream).time_ns};
}

void LogIntake::enter(codec::LogStream stream, LogPosition position, bool ending) {
    Area& at = area(stream);
    at.log_inode = position.inode;
    at.log_size = position.size;
    at.go(ending ? State::ending : State::entering, at.slot());
}

LogPosition LogIntake::entered_at(codec::LogStream stream) const {
    const Area& at = area(stream);
    return {at.log_inode, at.log_size};
}

void LogIntake::commit(codec::LogStream stream, const UnfinishedLine& left) {
    Area& at = area(stream);
    std::uint32_t next = 1 - at.slot();
    assert(left.text.size() <= limits::log_record_bytes_max);
    std::size_t& have = allocated_[static_cast<std::size_t>(stream)].texts[next];
    // Without memory for it a kill would cost the beginning of this line.
    std::size_t size = allocate(at.texts[next], left.text.size(), have) ? left.text.size() : 0;
    at.lines[next] = {.size = static_cast<std::uint32_t>(size),
                      .in_parts = left.in_parts,
                      .since_ns = left.since.ns,
                      .spool_records = at.spool_records,
                      .unused = 0,
                      .spool_last_ns = at.spool_last_ns};
    std::memcpy(at.texts[next], left.text.data(), size);
    at.go(State::idle, next);
}

UnfinishedLine LogIntake::unfinished(codec::LogStream stream) const {
    const Area& at = area(stream);
    std::uint32_t slot = at.slot();
    const Area::Line& line = at.lines[slot];
    return {std::string(at.texts[slot], line.size), line.in_parts != 0, Time{line.since_ns}};
}

LogIntake::Spooled LogIntake::spooled(codec::LogStream stream) const {
    const Area& at = area(stream);
    const Area::Line& line = at.lines[at.slot()];
    return {line.spool_records, Time{line.spool_last_ns}};
}

std::size_t LogIntake::found_bytes(codec::LogStream stream) const {
    // A pipe gives all that was expected or nothing. A terminal may give less, and so short an end
    // that looks like the mark may be output all the same.
    constexpr std::size_t chance_max = sizeof mark / 2;
    const Area& at = area(stream);
    std::size_t size = at.size;
    while (size > 0 &&
           static_cast<unsigned char>(at.room[size - 1]) == mark[(size - 1) % sizeof mark])
        --size;
    return size > 0 && at.size - size <= chance_max ? at.size : size;
}

Status log_taken(LogWriter& log, LogIntake& intake, codec::LogStream stream) {
    intake.enter(stream, log.position(), false);
    Status done = log.append(stream, intake.taken(stream), intake.time(stream));
    intake.commit(stream, log.unfinished(stream));
    return done;
}

Status log_end(LogWriter& log, LogIntake& intake, codec::LogStream stream, Time time) {
    intake.take(stream, 0, time);
    intake.enter(stream, log.position(), true);
    Status done = log.end(stream, time);
    intake.commit(stream, log.unfinished(stream));
    return done;
}

bool is_spooled(const LogIntake& intake, codec::LogStream stream, std::uint32_t number, Time time) {
    // Another spool's are younger: this one was emptied, and filled again in a later absence.
    LogIntake::Spooled before = intake.spooled(stream);
    return number < before.records && time.ns <= before.last.ns;
}

Status log_spooled(LogWriter& log, LogIntake& intake, codec::LogStream stream,
                   LogIntake::Spooled upto, std::string_view bytes, Time time) {
    assert(bytes.size() <= LogIntake::room_bytes);
    if (intake.reserve(stream, bytes.size()) < bytes.size())
        return log.append(stream, bytes, time);
    std::memcpy(intake.room(stream), bytes.data(), bytes.size());
    intake.take(stream, bytes.size(), time, upto);
    return log_taken(log, intake, stream);
}

Status finish_log(LogWriter& log, LogIntake& intake) {
    using State = LogIntake::State;
    constexpr codec::LogStream both[] = {codec::LogStream::out, codec::LogStream::err};
    Status done;
    for (codec::LogStream stream : both)
        log.set_unfinished(stream, intake.unfinished(stream));
    // One at most was entering: it came before the other.
    for (codec::LogStream stream : both) {
        State state = intake.state(stream);
        if (state != State::entering && state != State::ending) continue;
        auto written = log.written_since(intake.entered_at(stream));
        if (!written) return written.error();
        done = state == State::ending
                   ? log.end_rest(stream, intake.time(stream), *written)
                   : log.append_rest(stream, intake.taken(stream), intake.time(stream), *written);
        intake.commit(stream, log.unfinished(stream));
    }
    for (codec::LogStream stream : both) {
        State state = intake.state(stream);
        if (state == State::expecting)
            intake.take(stream, intake.found_bytes(stream), base::now());
        if (state == State::idle) continue;
        Status logged = log_taken(log, intake, stream);
        if (!logged) done = logged;
    }
    return done;
}

}  // namespace store
