// The engine at the other end: where it listens, its version, one request at a time over a
// connection of its own.
#pragma once

#include "base/error.h"
#include "codec/gotemplate_value.h"
#include "codec/http1.h"
#include "codec/url.h"
#include "loop/stream.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

using codec::Value;

// An answer whose head has come; the body is read as it arrives.
class Exchange {
public:
    Exchange(std::unique_ptr<Stream> stream, bool head_only);

    int status() const { return head_.status; }
    const codec::http1::Headers& headers() const { return head_.headers; }
    // Some of the body; empty at its end.
    Task<Result<std::string>> read();
    Task<Result<std::string>> read_all(std::size_t bytes_max = 64 * 1024 * 1024);
    // The next JSON document of a stream of them; null at the end.
    Task<Result<Value>> next_value();

    // After 101: what came behind the head, then the stream itself, both ways.
    std::string take_rest() { return std::move(input_); }
    Stream& stream() { return *stream_; }

    Task<Status> send(std::string bytes);
    // A piece of a chunked body; an empty one is its end.
    Task<Status> send_chunk(std::string bytes);
    Task<Status> read_head();

private:
    Task<Status> fill();
    std::unique_ptr<Stream> stream_;
    codec::http1::Parser parser_;
    codec::http1::Head head_;
    std::string input_;   // read, not yet parsed
    std::string values_;  // body bytes of next_value()
    bool ended_ = false;
};

class Engine {
public:
    // `host`: unix:///path or tcp://host:port.
    Engine(Loop& loop, std::string host, codec::http1::Headers extra)
        : loop_(loop), host_(std::move(host)), extra_(std::move(extra)) {}

    struct Call {
        std::string method = "GET";
        std::string path;  // without the version
        codec::Query query;
        std::string body;               // JSON; sent when not empty
        codec::http1::Headers headers;  // more of them
        bool hijack = false;
    };
    // The answer; an error status is an Error whose text is the daemon's with "Error response from
    // daemon: " in front.
    Task<Result<std::unique_ptr<Exchange>>> request(Call call);
    // For a body that is streamed: the head is sent (chunked), the answer not awaited. Then
    // Exchange::send_chunk() until an empty one, and answered(), at the same time if need be.
    Task<Result<std::unique_ptr<Exchange>>> begin(Call call);
    // Waits for the head of its answer; an error status as with request().
    Task<Status> answered(Exchange& exchange);
    // The answer's document (null when it has no body).
    Task<Result<Value>> value(Call call);
    // The bare document.
    Task<Result<std::string>> text(Call call);
    Task<Status> done(Call call);

    // What both sides speak, "1.41"; asked for once.
    Task<Result<std::string>> version();
    // An error when they speak an older one than `what` (a flag) needs.
    Task<Status> needs(std::string what, std::string version);
    Loop& loop() { return loop_; }
    const std::string& host() const { return host_; }

    static constexpr std::string_view newest_version = "1.50";

private:
    Task<Result<std::unique_ptr<Stream>>> connect();
    // Connects and sends the request's head and body.
    Task<Result<std::unique_ptr<Exchange>>> send_call(Call call, std::string prefix, bool streamed);
    Task<Result<std::unique_ptr<Exchange>>> exchange(Call call, std::string prefix);
    Task<Error> refusal(Exchange& exchange);
    Loop& loop_;
    std::string host_;
    codec::http1::Headers extra_;
    std::string version_;
};

// Compares "1.9" and "1.41" by their numbers.
bool older_version(std::string_view a, std::string_view b);
Engine::Call get(std::string path);
Engine::Call post(std::string path);

}  // namespace cli
