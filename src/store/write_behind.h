// Keeps a pull from filling the page cache with files nobody has asked for yet: beyond an allowance
// the kernel is told to write them now, and to forget them once they are on the disk.
#pragma once

#include "sys/fd.h"

#include <atomic>
#include <cstdint>
#include <deque>

namespace store {

// How much of what one pull writes may stay in memory: an eighth of the machine's.
std::uint64_t cache_allowance();

class WriteBehind {
public:
    // `written` counts what all who share it have written; it outlives this. Null: one of its own.
    WriteBehind(std::uint64_t allowance, std::atomic<std::uint64_t>* written);
    ~WriteBehind();
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;

    // `size` more bytes were written to the end of `file`, which is the same one until closed().
    void wrote(const Fd& file, std::uint64_t end, std::uint64_t size);
    // The file is complete.
    void closed(Fd file);

private:
    // A range on its way to the disk.
    struct Range {
        Fd file;
        std::uint64_t begin, size;
    };
    void begin_writing(Fd file, std::uint64_t begin, std::uint64_t end);
    void drop_oldest();

    const std::uint64_t allowance_;
    std::atomic<std::uint64_t> own_ = 0;
    std::atomic<std::uint64_t>* written_;
    std::uint64_t begin_ = 0, end_ = 0;  // of the present file: not yet on its way
    std::deque<Range> ranges_;
    std::uint64_t ranges_bytes_ = 0;
};

}  // namespace store
