// The body of a message as it is pulled from the connection, and the reader that finds messages in
// a stream. Body slices are cuts of what the socket delivered: nothing is copied.
#pragma once

#include "base/bytes.h"
#include "codec/http1.h"
#include "codec/url.h"
#include "loop/stream.h"

#include <optional>
#include <string>

namespace http {

using codec::Query;
using codec::Url;
using codec::http1::Headers;

// Messages of one direction, one after the other. The stream outlives it.
class MessageReader {
public:
    MessageReader(Stream& stream, codec::http1::Side side) : stream_(stream), parser_(side) {}

    // True: parser().head() is complete. False: the peer closed between two messages. An error of
    // the grammar leaves malformed() true; the position in the stream is lost then.
    Task<Result<bool>> read_head();
    // The next run of body bytes; an empty slice is the end of the message. A stream that ends
    // before is an error ("unexpected EOF").
    Task<Result<Slice>> read_body();
    // The whole body was read (or there is none).
    bool at_end() const { return at_end_; }
    // Makes ready for the next message; the body must have been read.
    void next();

    codec::http1::Parser& parser() { return parser_; }
    bool malformed() const { return malformed_; }
    // Bytes that were received behind the message: after an upgrade they belong to the other side.
    Slice take_leftover() { return std::exchange(input_, Slice()); }
    bool has_input() const { return !input_.empty(); }

private:
    Task<Result<bool>> more_input();
    Result<codec::http1::Parser::Step> feed();

    Stream& stream_;
    codec::http1::Parser parser_;
    Slice input_;
    bool at_end_ = false;
    bool malformed_ = false;
};

// What a handler reads its request's body from. Lives as long as the request.
class Body {
public:
    Body(MessageReader& reader, Stream& replies) : reader_(reader), replies_(replies) {}

    // The next piece; empty at the end. The first read sends "100 Continue" to a client that waits
    // for it: bytes that a handler does not ask for are never sent.
    Task<Result<Slice>> read();
    // The whole body in one piece; Kind::too_large when it has more than `bytes_max`.
    Task<Result<Slice>> read_all(std::size_t bytes_max);
    // Announced length; nullopt for a chunked body.
    std::optional<std::uint64_t> length() const;
    bool empty() const;

private:
    friend class Exchange;
    MessageReader& reader_;
    Stream& replies_;
    bool continue_pending_ = false;
};

// Joins slices as they come, up to `bytes_max` (Kind::too_large beyond).
class Gather {
public:
    explicit Gather(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    Status add(Slice piece);
    // One slice; a single piece is handed on without copying.
    Slice take();

private:
    std::size_t bytes_max_;
    std::size_t size_ = 0;
    std::vector<Slice> pieces_;
};

// `stream` with `first` read before its own bytes: what a hijacked connection goes on with.
std::unique_ptr<Stream> with_leftover(std::unique_ptr<Stream> stream, Slice first);

}  // namespace http
