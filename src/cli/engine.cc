#include "cli/engine.h"

#include "loop/net.h"

#include <cstdlib>
#include <fmt/format.h>

namespace cli {

namespace http1 = codec::http1;

bool older_version(std::string_view a, std::string_view b) {
    auto parts = [](std::string_view text) {
        std::string copy(text);
        char* end = nullptr;
        long major = std::strtol(copy.c_str(), &end, 10);
        long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
        return std::pair(major, minor);
    };
    return parts(a) < parts(b);
}

Engine::Call get(std::string path) {
    Engine::Call call;
    call.path = std::move(path);
    return call;
}

Engine::Call post(std::string path) {
    Engine::Call call;
    call.method = "POST";
    call.path = std::move(path);
    return call;
}

Exchange::Exchange(std::unique_ptr<Stream> stream, bool head_only)
    : stream_(std::move(stream)), parser_(http1::Side::response) {
    if (head_only) parser_.expect_no_body();
}

Task<Status> Exchange::send(std::string bytes) {
    co_return co_await stream_->write(Slice::copy_of(bytes));
}

// Reads on; at the end of the connection the parser decides whether that is fine.
Task<Status> Exchange::fill() {
    CO_TRY(Slice slice, co_await stream_->read());
    if (!slice.empty()) {
        input_ += slice.view();
        co_return Status();
    }
    auto finished = parser_.finish();
    if (!finished) co_return Error(Kind::unavailable, "unexpected EOF");
    co_return Status();
}

Task<Status> Exchange::read_head() {
    for (;;) {
        CO_TRY(http1::Parser::Step step, parser_.feed(input_));
        input_.erase(0, step.used);
        if (step.event == http1::Parser::Event::head) break;
        if (step.event == http1::Parser::Event::more) CO_TRY_DO(co_await fill());
    }
    head_ = parser_.head();
    co_return Status();
}

Task<Status> Exchange::send_chunk(std::string bytes) {
    std::string framed = bytes.empty() ? std::string(http1::last_chunk)
                                       : std::string(http1::chunk_head(bytes.size())) + bytes +
                                             std::string(http1::chunk_tail);
    co_return co_await send(std::move(framed));
}

Task<Result<std::string>> Exchange::read() {
    while (!ended_) {
        CO_TRY(http1::Parser::Step step, parser_.feed(input_));
        std::string body(step.body);
        input_.erase(0, step.used);
        if (step.event == http1::Parser::Event::end) ended_ = true;
        if (!body.empty()) co_return body;
        if (step.event == http1::Parser::Event::more) CO_TRY_DO(co_await fill());
    }
    co_return std::string();
}

Task<Result<std::string>> Exchange::read_all(std::size_t bytes_max) {
    std::string all;
    for (;;) {
        CO_TRY(std::string some, co_await read());
        if (some.empty()) co_return all;
        all += some;
        if (all.size() > bytes_max) co_return Error(Kind::too_large, "the answer is too large");
    }
}

// Documents are separated by line ends; every engine writes one a line.
Task<Result<Value>> Exchange::next_value() {
    for (;;) {
        std::size_t end = values_.find('\n');
        if (end == std::string::npos) {
            CO_TRY(std::string some, co_await read());
            if (!some.empty()) {
                values_ += some;
                continue;
            }
            end = values_.size();
        }
        std::string line = values_.substr(0, end);
        values_.erase(0, end + 1);
        if (line.find_first_not_of(" \r\x1e") != std::string::npos)
            co_return codec::parse_value(line);
        if (values_.empty() && ended_) co_return Value();
    }
}

Task<Result<std::unique_ptr<Stream>>> Engine::connect() {
    std::string_view host = host_;
    if (host.starts_with("unix://"))
        co_return co_await loop::connect_unix(loop_, std::string(host.substr(7)));
    if (!host.starts_with("tcp://"))
        co_return Error(Kind::invalid,
                        fmt::format("unable to reach {}: only unix:// and tcp:// are "
                                    "built yet",
                                    host));
    host.remove_prefix(6);
    CO_TRY(auto address, codec::parse_host_port(host.substr(0, host.find('/')), 2375));
    CO_TRY(auto found, co_await loop::resolve(loop_, address.first, address.second));
    Error last(Kind::unavailable, "no address");
    for (const loop::SocketAddress& one : found) {
        loop::SocketAddress to = one;
        auto stream = co_await loop::connect_tcp(loop_, std::move(to));
        if (stream) co_return stream;
        last = std::move(stream).error();
    }
    co_return last;
}

Task<Result<std::unique_ptr<Exchange>>> Engine::send_call(Call call, std::string prefix,
                                                          bool streamed) {
    auto stream = co_await connect();
    if (!stream) {
        if (stream.error().kind() == Kind::invalid || stream.error().kind() == Kind::cancelled)
            co_return std::move(stream).error();
        if (stream.error().kind() == Kind::denied)
            co_return Error(
                Kind::denied,
                fmt::format("permission denied while trying to connect to the engine at "
                            "{}: run as root or as a member of the group docker",
                            host_));
        co_return Error(Kind::unavailable,
                        fmt::format("Cannot connect to the engine at {}. Start one with `lighterd` "
                                    "(or `systemctl start lighter`), or name another with -H.",
                                    host_));
    }
    auto made = std::make_unique<Exchange>(std::move(stream).value(), call.method == "HEAD");
    http1::Headers headers{{"Host", "lighter"}, {"User-Agent", "lighter/" LIGHTER_VERSION}};
    for (const auto& [name, value] : extra_)
        headers.set(name, value);
    for (const auto& [name, value] : call.headers)
        headers.set(name, value);
    if (call.hijack) {
        headers.set("Connection", "Upgrade");
        headers.set("Upgrade", "tcp");
    }
    if (!call.body.empty()) headers.set("Content-Type", "application/json");
    if (streamed)
        headers.set("Transfer-Encoding", "chunked");
    else if (call.method == "POST")
        headers.set("Content-Length", std::to_string(call.body.size()));
    // "tcp://host:port/base": an engine behind a proxy.
    std::size_t base = host_.starts_with("tcp://") ? host_.find('/', 6) : host_.npos;
    std::string target = prefix + call.path;
    if (base != host_.npos) target.insert(0, host_, base, host_.find_last_not_of('/') + 1 - base);
    if (!call.query.empty()) target += "?" + call.query.encode();
    std::string bytes = http1::write_request_head(call.method, target, headers) + call.body;
    CO_TRY_DO(co_await made->send(std::move(bytes)));
    co_return made;
}

Task<Result<std::unique_ptr<Exchange>>> Engine::exchange(Call call, std::string prefix) {
    CO_TRY(auto made, co_await send_call(std::move(call), std::move(prefix), false));
    CO_TRY_DO(co_await made->read_head());
    co_return made;
}

Task<Result<std::string>> Engine::version() {
    if (!version_.empty()) co_return version_;
    if (const char* pinned = std::getenv("DOCKER_API_VERSION"); pinned && *pinned) {
        version_ = pinned;
        co_return version_;
    }
    Call ping = get("/_ping");
    ping.method = "HEAD";
    CO_TRY(auto answer, co_await exchange(std::move(ping), ""));
    std::string theirs(answer->headers().get("Api-Version"));
    if (theirs.empty()) theirs = "1.24";
    version_ = older_version(theirs, newest_version) ? theirs : std::string(newest_version);
    co_return version_;
}

Task<Status> Engine::needs(std::string what, std::string least) {
    CO_TRY(std::string spoken, co_await version());
    if (!older_version(spoken, least)) co_return Status();
    co_return Error(Kind::unsupported,
                    fmt::format("\"{}\" requires API version {}, but the Docker daemon API "
                                "version is {}",
                                what, least, spoken));
}

namespace {

Kind kind_of(int status) {
    switch (status) {
    case 304:
        return Kind::unchanged;
    case 400:
        return Kind::invalid;
    case 401:
        return Kind::unauthorized;
    case 403:
        return Kind::denied;
    case 404:
        return Kind::missing;
    case 409:
        return Kind::conflict;
    case 501:
        return Kind::unsupported;
    case 503:
        return Kind::unavailable;
    default:
        return Kind::internal;
    }
}

}  // namespace

Task<Result<std::unique_ptr<Exchange>>> Engine::request(Call call) {
    CO_TRY(std::string spoken, co_await version());
    bool hijack = call.hijack;
    CO_TRY(auto answer, co_await exchange(std::move(call), "/v" + spoken));
    int status = answer->status();
    if (hijack ? status == 101 : status < 300) co_return answer;
    co_return co_await refusal(*answer);
}

Task<Result<std::unique_ptr<Exchange>>> Engine::begin(Call call) {
    CO_TRY(std::string spoken, co_await version());
    co_return co_await send_call(std::move(call), "/v" + spoken, true);
}

Task<Status> Engine::answered(Exchange& exchange) {
    CO_TRY_DO(co_await exchange.read_head());
    if (exchange.status() < 300) co_return Status();
    co_return co_await refusal(exchange);
}

// What the daemon says with an error status.
Task<Error> Engine::refusal(Exchange& exchange) {
    int status = exchange.status();
    auto read = co_await exchange.read_all();
    if (!read) co_return std::move(read).error();
    std::string body = std::move(*read);
    auto parsed = codec::parse_value(body);
    std::string message = parsed && parsed->is_object() ? (*parsed)["message"].text() : body;
    while (!message.empty() && (message.back() == '\n' || message.back() == '\r'))
        message.pop_back();
    if (message.empty())
        message = fmt::format("request returned {} {}", status, http1::reason_phrase(status));
    co_return Error(kind_of(status), "Error response from daemon: " + message);
}

Task<Result<std::string>> Engine::text(Call call) {
    CO_TRY(auto answer, co_await request(std::move(call)));
    co_return co_await answer->read_all();
}

Task<Result<Value>> Engine::value(Call call) {
    CO_TRY(std::string body, co_await text(std::move(call)));
    if (body.empty()) co_return Value();
    co_return codec::parse_value(body);
}

Task<Status> Engine::done(Call call) {
    CO_TRY([[maybe_unused]] std::string body, co_await text(std::move(call)));
    co_return Status();
}

}  // namespace cli
