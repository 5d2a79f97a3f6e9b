// The daemon's side of the shim: starts containers through it, hears of their ends, finds again
// what ran on while the daemon was away. Loop thread only.
#pragma once

#include "loop/loop.h"
#include "loop/task.h"
#include "run/container.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace run {

struct ShimPaths {
    std::string program;    // lighter-shim's file
    std::string exec_root;  // <exec_root>/shim.sock and <exec_root>/spool live here; folder 0700
};

class ShimClient {
public:
    // Connects to the shim of this exec root, or starts one. What it held for us is in adopted().
    static Task<Result<std::unique_ptr<ShimClient>>> connect_or_start(Loop& loop, ShimPaths paths);
    ~ShimClient();

    // How to copy the descriptors of what runs: if its shim dies, the next one holds them. Nothing
    // for what is not to be handed on.
    using Lend = std::function<std::optional<Console>(const std::string& id)>;
    void lend_with(Lend lend);

    // Containers that ran (or ended) while no daemon was connected; each once.
    std::vector<Adopted> take_adopted();

    // Starts a container. Errors are Docker's texts ("failed to create task for container: ..."):
    // invalid for what the user named wrongly (executable, working directory), else internal.
    Task<Result<Started>> start(Prepared prepared);

    // The next end of a container, in order; waits for one. Also after the shim itself died: then
    // from the pidfd, with code 255 where the kernel cannot tell (before 6.15).
    Task<Result<Ended>> next_ended();

    // A container that lives and that no shim knows of, as its shim and the daemon had died: its
    // end is told by next_ended(), and later daemons find it.
    Task<Status> foster(std::string id, pid_t pid, Fd pidfd);

    // The end is recorded (in the database): the shim forgets the container. Also for what was
    // adopted as ended.
    void acknowledge(const std::string& id);
    // StdinOnce, and a client that closed its side: drops the shim's duplicate of the stdin pipe
    // (the daemon drops its own).
    void close_stdin(const std::string& id);

private:
    struct State;
    explicit ShimClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace run
