// What handlers see of a connection: the Request, the Reply they return, or the stream they write
// their answer to.
//
//   co_return Reply(200, "application/json", text);           a whole answer
//
//   ReplyStream& out = request.stream(200, "application/json"); a streamed one: nothing is sent yet
//   CO_TRY_DO(co_await out.write(line));                        the head goes with the first write
//   co_return Reply::sent();
//
//   CO_TRY(Stream* raw, co_await request.hijack("application/vnd.docker.raw-stream"));
//   ... read and write `raw`, shutdown() for half-close ...     the connection ends with the
//   handler co_return Reply::sent();
#pragma once

#include "http/body.h"

#include <compare>

namespace http {

// The API version of a request's path; {0, 0}: the path had none.
struct Version {
    int major = 0;
    int minor = 0;
    friend auto operator<=>(const Version&, const Version&) = default;
};

struct Peer {
    enum class Kind { unix_socket, tcp, tls };
    Kind kind = Kind::unix_socket;
    std::string certificate_name;  // tls with a client certificate: its subject's common name
};

class Reply {
public:
    explicit Reply(int status) : status_(status) {}
    Reply(int status, std::string content_type, std::string body);
    Reply(int status, std::string content_type, Slice body);
    // The handler has answered through Request::stream() or hijack().
    static Reply sent() { return Reply(0); }

    int status() const { return status_; }
    Headers& headers() { return headers_; }
    const Headers& headers() const { return headers_; }
    const Slice& body() const { return body_; }
    bool was_sent() const { return status_ == 0; }

private:
    int status_;
    Headers headers_;
    Slice body_;
};

// The writing end of a streamed answer.
class ReplyStream {
public:
    // Sends what was not sent yet of head: clients that wait for headers get them now.
    Task<Status> flush();
    // Returns when the kernel has taken it. An empty slice sends nothing.
    Task<Status> write(Slice bytes);
    Task<Status> write(std::string text) { return write(Slice::copy_of(text)); }
    // Headers may be changed until something is sent.
    Headers& headers() { return headers_; }
    bool started() const { return started_; }

private:
    friend class Exchange;
    friend class Request;
    explicit ReplyStream(Stream& stream) : stream_(stream) {}
    Task<Status> finish();
    Slice head();

    Stream& stream_;
    int status_ = 200;
    Headers headers_;
    bool opened_ = false;   // the handler chose to stream
    bool started_ = false;  // the head was sent
    bool chunked_ = true;
    bool bodiless_ = false;  // HEAD
};

class Request {
public:
    const std::string& method() const { return head_.method; }
    // Decoded, without query; api cuts the version prefix off with enter().
    const std::string& path() const { return path_; }
    const Query& query() const { return query_; }
    const Headers& headers() const { return head_.headers; }
    Body& body() { return body_; }
    Version version() const { return version_; }
    const Peer& peer() const { return peer_; }
    // The client asked to go on with another protocol.
    bool wants_upgrade() const { return head_.upgrade; }

    // The rest of the path is relative to this API version.
    void enter(Version version, std::string path) {
        version_ = version;
        path_ = std::move(path);
    }

    // Parameters of a form: where a name comes twice, these are the first.
    void put_before(const Query& form) { query_ = Query::joined(form, query_); }

    // Opens a streamed answer; to be called once.
    ReplyStream& stream(int status, std::string content_type, Headers headers = {});
    // Sends the head (101 when the client asked for an upgrade, else 200) and gives the bare
    // connection: bytes that came early first. It stays owned by the server; from now on a client
    // that half-closes does not cancel the handler, one that vanishes does.
    Task<Result<Stream*>> hijack(std::string content_type, Headers headers = {});
    bool hijacked() const { return hijacked_ != nullptr; }

private:
    friend class Exchange;
    Request(codec::http1::Head head, const Peer& peer, MessageReader& reader, Stream& stream);

    codec::http1::Head head_;
    std::string path_;
    Query query_;
    Version version_;
    const Peer& peer_;
    MessageReader& reader_;
    Stream& raw_;
    Body body_;
    ReplyStream reply_;
    std::unique_ptr<Stream> hijacked_;
};

}  // namespace http
