#include "store/write_behind.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/sysinfo.h>

namespace store {

namespace {

constexpr std::uint64_t allowance_min = 32ULL << 20;
constexpr std::uint64_t window_bytes = 4ULL << 20;
// On their way at once: enough for a disk to be busy, little enough to be no burden.
constexpr std::uint64_t ranges_bytes_max = 32ULL << 20;
constexpr std::size_t ranges_max = 128;  // each holds a descriptor

}  // namespace

std::uint64_t cache_allowance() {
    struct sysinfo info {};
    if (::sysinfo(&info) != 0) return allowance_min;
    return std::max(allowance_min, std::uint64_t{info.totalram} * info.mem_unit / 8);
}

WriteBehind::WriteBehind(std::uint64_t allowance, std::atomic<std::uint64_t>* written)
    : allowance_(allowance), written_(written ? written : &own_) {}

WriteBehind::~WriteBehind() {
    while (!ranges_.empty())
        drop_oldest();
}

void WriteBehind::wrote(const Fd& file, std::uint64_t end, std::uint64_t size) {
    std::uint64_t before = written_->fetch_add(size, std::memory_order_relaxed);
    if (before + size <= allowance_) {
        begin_ = end_ = end;
        return;
    }
    end_ = end;
    if (end_ - begin_ < window_bytes) return;
    Fd again(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    if (again) begin_writing(std::move(again), begin_, end_);
    begin_ = end_;
}

void WriteBehind::closed(Fd file) {
    if (end_ > begin_) begin_writing(std::move(file), begin_, end_);
    begin_ = end_ = 0;
}

void WriteBehind::begin_writing(Fd file, std::uint64_t begin, std::uint64_t end) {
    // Hints: what goes wrong with the disk is told by the sync before the layer counts.
    (void)::sync_file_range(file.get(), static_cast<off64_t>(begin),
                            static_cast<off64_t>(end - begin), SYNC_FILE_RANGE_WRITE);
    ranges_.push_back({std::move(file), begin, end - begin});
    ranges_bytes_ += end - begin;
    while (ranges_.size() > ranges_max || ranges_bytes_ > ranges_bytes_max)
        drop_oldest();
}

void WriteBehind::drop_oldest() {
    const Range& range = ranges_.front();
    auto begin = static_cast<off64_t>(range.begin), size = static_cast<off64_t>(range.size);
    // Only clean pages can be dropped.
    (void)::sync_file_range(range.file.get(), begin, size,
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER);
    (void)::posix_fadvise(range.file.get(), begin, size, POSIX_FADV_DONTNEED);
    ranges_bytes_ -= range.size;
    ranges_.pop_front();
}

}  // namespace store
