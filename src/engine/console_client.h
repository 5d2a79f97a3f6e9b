// One client at a console: its output there, its input back, the keys that detach. Attach and exec
// are both this.
#pragma once

#include "engine/console.h"

#include <functional>
#include <memory>
#include <string>

namespace engine {

struct ClientOptions {
    bool in = false;
    bool framed = false;      // codec/stdcopy; else raw
    bool terminal = false;    // of the process: detach keys count
    std::string detach_keys;  // bytes
};

// In a frame of its own when `framed`.
Task<Status> send_output(Stream& client, bool framed, codec::Stdio stream, Slice bytes);

class ConsoleClient {
public:
    // `input_ended` is called when the client sends no more.
    ConsoleClient(Loop& loop, Console& console, std::shared_ptr<Viewer> viewer,
                  ClientOptions options, std::function<Task<void>()> input_ended)
        : loop_(loop), console_(console), viewer_(std::move(viewer)), options_(std::move(options)),
          input_ended_(std::move(input_ended)), done_(loop) {}

    // Until the run has ended and all was sent, the client detaches, or has gone.
    Task<Status> run(Stream& client);
    bool detached() const { return detached_; }

private:
    Task<void> send_all(Stream& client);
    Task<void> take_input(Stream& client);

    Loop& loop_;
    Console& console_;
    std::shared_ptr<Viewer> viewer_;
    ClientOptions options_;
    std::function<Task<void>()> input_ended_;
    loop::Event done_;
    bool detached_ = false;
};

}  // namespace engine
