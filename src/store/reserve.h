// Room kept for what must work on a full disk: a preallocated file, given up piece by piece when
// something that frees space (or tells the truth about a container) finds no room, taken again when
// there is some. While it is not whole, nothing that grows the store is begun.
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace store {

// SQLite's log between two checkpoints (1 MiB), the database growing by as much, and as much again
// for records being replaced; of a small file system a sixteenth.
inline constexpr std::uint64_t reserve_bytes = 4 * 1024 * 1024;
inline constexpr std::uint64_t reserve_share = 16;
// Others may take what was given up before it is used: it is not all given at once.
inline constexpr std::uint64_t reserve_pieces = 16;

// ENOSPC or EDQUOT, by the text that base::errno_text and the database give them.
bool is_disk_full(const Error& error);

// Any worker thread may call; blocking.
class Reserve {
public:
    // The file `reserve` of the data root. Without room for it the reserve is not held, which is no
    // error.
    static Result<std::unique_ptr<Reserve>> open(const std::string& data_root);

    // A piece of it. True if there was one: what failed is worth another try.
    bool give_up();
    // Takes it again if it fits with as much to spare. Cheap when it is whole.
    void take();
    bool whole() const;
    std::uint64_t size() const { return wanted_; }

    // Runs `write`, again and again while the disk is full and there is a piece to give up.
    Status insist(const std::function<Status()>& write);

    // Room for what grows the store: what is free without what the reserve lacks.
    Result<std::uint64_t> room() const;
    // "no space left on device: WHAT needs 12.3MB, 4MB are free in /var/lib/lighter"
    Status admit(std::string_view what, std::uint64_t bytes);

private:
    Reserve(std::string data_root, Fd file, std::uint64_t wanted)
        : data_root_(std::move(data_root)), file_(std::move(file)), wanted_(wanted) {}
    Result<std::uint64_t> free_bytes() const;
    void take_locked();

    const std::string data_root_;
    const Fd file_;
    const std::uint64_t wanted_;
    mutable std::mutex mutex_;  // guards the file and
    std::uint64_t held_ = 0;    // its size
};

}  // namespace store
