// The socket between lighterd and its shim, and how a shim comes to be. Loop thread only.
#pragma once

#include "loop/loop.h"
#include "loop/task.h"
#include "run/protocol.h"
#include "sys/fd.h"

#include <string>
#include <vector>

namespace run {

struct ShimPaths;
struct Console;

// A message of the shim with the descriptors that came with it, in the order of their bits.
struct ShimReply {
    protocol::Reply reply;
    std::vector<Fd> fds;
    // Takes the descriptor of `bit`, or none.
    Fd take(std::uint32_t bit);

private:
    std::uint32_t taken_ = 0;
};

// Connects to <exec_root>/shim.sock. missing: nobody listens there.
Result<Fd> connect_to_shim(const ShimPaths& paths);
// Makes the socket and starts lighter-shim on it; ends when the shim listens. This is the one place
// where lighterd starts a process: by vfork and exec, at once, without touching its own memory.
Task<Status> launch_shim(Loop& loop, const ShimPaths& paths);

// unavailable: no room now, try again when it is writable. Else the shim is gone.
Status send_request(const Fd& socket, protocol::Type type, const std::string& id,
                    const std::vector<int>& fds);
// The same for what lives on after its shim. `console` has what is left of its streams.
Status send_foster(const Fd& socket, const std::string& id, pid_t pid, const Fd& pidfd,
                   const Console& console);
// missing: nothing more now; unavailable: the shim is gone.
Result<ShimReply> receive_reply(const Fd& socket);

}  // namespace run
