// One client attached to a container: output to it, input from it, the keys that detach.
#pragma once

#include "engine/containers.h"

#include <memory>
#include <string>

namespace engine {

struct AttachOptions {
    bool in = false, out = false, err = false;
    bool logs = false;        // the log first
    bool stream = false;      // then what comes
    bool framed = false;      // codec/stdcopy; else raw
    std::string detach_keys;  // bytes; used with a terminal only
};

// An attach in two steps, so that nothing is missed between the answer's head and the first byte.
class Attached {
public:
    // From now on output is kept for this client. Before the hijack: failures can still be told.
    // conflict when the container is paused, restarting or being removed.
    static Task<Result<std::unique_ptr<Attached>>>
    open(Containers& containers, ContainerPtr container, AttachOptions options);
    ~Attached();
    // Until the run has ended and all was sent, the client detaches, or has gone.
    Task<Status> run(Stream& client);

private:
    Attached(Containers& containers, ContainerPtr container, AttachOptions options)
        : containers_(containers), container_(std::move(container)), options_(std::move(options)) {}
    Task<Status> replay(Stream& client);
    Task<void> input_ended();

    Containers& containers_;
    ContainerPtr container_;
    AttachOptions options_;
    std::shared_ptr<Viewer> viewer_;
    std::optional<store::LogReader> log_;
};

}  // namespace engine
