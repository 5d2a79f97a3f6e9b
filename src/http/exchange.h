// One request and its answer on a server connection: runs the handler under a Stop that ends with
// the client, sends what it gives, and says whether the connection can be used again.
#pragma once

#include "http/server.h"

namespace http {

class Exchange {
public:
    Exchange(Loop& loop, const ServerOptions& options, const Peer& peer, MessageReader& reader,
             Stream& stream)
        : loop_(loop), options_(options), peer_(peer), reader_(reader), stream_(stream) {}

    // The head has been read. True: the next request may be read from the same connection.
    Task<bool> run(const Handler& handler);

    // The bytes of a whole answer.
    static Task<Status> send(Stream& stream, Reply reply, bool head_only, bool keep_alive,
                             int minor);

private:
    Task<void> watch(Request& request, loop::Stop& stop);
    bool is_gone() const;
    Task<bool> finish_stream(Request& request, const Result<Reply>& result);
    Task<bool> drain(Request& request);

    Loop& loop_;
    const ServerOptions& options_;
    const Peer& peer_;
    MessageReader& reader_;
    Stream& stream_;
};

}  // namespace http
