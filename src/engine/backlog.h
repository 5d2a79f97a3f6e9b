// Output that clients of a container have not taken yet and that does not fit into memory: frames
// (codec/stdcopy) in one unnamed file for all clients of a run, used as a ring. So what stands
// still costs the disk the same, however many clients there are.
#pragma once

#include "base/bytes.h"
#include "codec/stdcopy.h"
#include "loop/wait.h"
#include "loop/workers.h"
#include "sys/fd.h"

#include <memory>
#include <string>

namespace engine {

// Positions count all bytes that were ever appended. Loop thread.
class Backlog {
public:
    static constexpr std::uint64_t bytes_max = 256 * 1024 * 1024;

    // `folder` is where the file is made, when it is first needed.
    Backlog(Workers& workers, std::string folder, std::uint64_t ring_bytes = bytes_max);

    std::uint64_t written() const { return written_; }
    // A frame of `payload` bytes more, and what lies from `position` on is still there.
    bool has_room(std::uint64_t position, std::size_t payload) const;
    // One task at a time; to be asked for room first. Fails when the disk is full.
    Task<Status> append(codec::Stdio stream, Slice bytes);
    // What lies from `position` on, at most `size` bytes.
    Task<Result<std::string>> read(std::uint64_t position, std::size_t size);
    // Everybody has caught up: gives the disk its room back.
    Task<void> drop_file();

    // Woken when a client has taken something, or has gone.
    loop::WaitList& taken() { return taken_; }

private:
    Workers& workers_;
    std::string folder_;
    std::uint64_t ring_bytes_;
    std::shared_ptr<Fd> file_;  // shared with the jobs that are under way
    std::uint64_t written_ = 0;
    loop::WaitList taken_;
};

}  // namespace engine
