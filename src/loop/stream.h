// Bytes both ways. Reading is pulling: a chunk is read because someone awaits read(); write()
// returns when the kernel has taken all of it. Filters (TLS, hostile test streams) implement Stream
// too.
#pragma once

#include "base/bytes.h"
#include "loop/loop.h"
#include "loop/poll.h"
#include "sys/fd.h"

#include <memory>
#include <vector>

namespace loop {

class Stream {
public:
    virtual ~Stream() = default;
    // Some bytes (at most a slab); an empty slice is the end. At most one reader at a time.
    virtual Task<Result<Slice>> read() = 0;
    // All of `bytes`. At most one writer at a time.
    virtual Task<Status> write(Slice bytes) = 0;
    // Several slices as one; the default writes one after the other.
    virtual Task<Status> write_all(std::vector<Slice> parts);
    // No more writes: the peer reads the end (shutdown(SHUT_WR), close of a pipe's write end).
    virtual Task<Status> shutdown() = 0;
    // Until the peer closes or half-closes its sending side, whether or not its bytes were read.
    virtual Task<Status> hung_up() = 0;
    // Drops the connection: pending and later calls end with Kind::cancelled. The object is dropped
    // only after those tasks have ended.
    virtual void close() = 0;
    // Until read() would not wait: for who reads fd() itself. Memory has no descriptor.
    virtual Task<Status> readable();
    // The descriptor underneath, or -1 (peer credentials, window size); not to be read or written.
    virtual int fd() const { return -1; }
};

// A socket, pipe, terminal or character device as a stream. EIO on a pty master is its end.
std::unique_ptr<Stream> stream_of(Loop& loop, Fd fd);

// A second descriptor for standard input/output `fd` of this process: terminals and pipes are
// opened anew so that O_NONBLOCK does not stick to what the shell shares with us; else duplicated.
Result<Fd> reopen_stdio(int fd, bool for_writing);

// Two connected in-memory ends with `capacity` bytes of buffer each way, for tests and filters.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>
stream_pair(Loop& loop, std::size_t capacity = 65536);

}  // namespace loop

using loop::Stream;
