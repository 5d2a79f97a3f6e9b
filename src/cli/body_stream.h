// Files and archives as the bodies of requests.
#pragma once

#include "cli/engine.h"

#include <memory>
#include <string>

namespace cli {

// The file, or standard input for an empty path.
Result<std::unique_ptr<Stream>> open_input(Loop& loop, const std::string& path);

// Sends all of `source` as the body of a request that Engine::begin() opened. `outcome`: an error
// of the source; that the engine has had enough its answer says.
Task<void> send_file(Exchange& exchange, std::unique_ptr<Stream> source, Status& outcome);

// What is read by blocking calls, as a stream of slabs.
class BlockingStream : public Stream {
public:
    Task<Status> write(Slice) override { co_return Status(); }
    Task<Status> shutdown() override { co_return Status(); }
    Task<Status> hung_up() override { co_return Status(); }
    void close() override {}
};

}  // namespace cli
