// HTTP/1.x heads as values, the strict parser that makes them (llhttp inside), and the writers that
// turn them back into bytes. Pure: bytes in, values out; connections live in http/.
#pragma once

#include "base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace codec::http1 {

// Header lines in their order. Names compare without case.
class Headers {
public:
    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string, std::string>> lines) : lines_(lines) {}

    // The first line of that name; empty when there is none (has() tells them apart).
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const { return count(name) > 0; }
    std::size_t count(std::string_view name) const;
    std::vector<std::string_view> all(std::string_view name) const;
    // Whether a comma-separated list like Connection holds `token` (no case).
    bool has_token(std::string_view name, std::string_view token) const;

    void add(std::string name, std::string value) {
        lines_.emplace_back(std::move(name), std::move(value));
    }
    // Replaces every line of that name.
    void set(std::string name, std::string value);
    void remove(std::string_view name);

    bool empty() const { return lines_.empty(); }
    std::size_t size() const { return lines_.size(); }
    auto begin() const { return lines_.begin(); }
    auto end() const { return lines_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

// How the end of a body is known.
enum class Framing {
    none,    // there is no body
    length,  // Content-Length
    chunked,
    until_close,  // responses only: everything until the connection ends
};

struct Head {
    std::string method;  // requests
    std::string target;  // requests: as on the line, encoded
    int status = 0;      // responses
    std::string reason;  // responses
    int minor = 1;       // HTTP/1.<minor>
    Headers headers;
    Framing framing = Framing::none;
    std::uint64_t length = 0;  // with Framing::length
    bool keep_alive = true;    // the peer is willing to go on after this message
    bool upgrade = false;      // Connection: upgrade together with an Upgrade header
    bool expect_continue = false;
};

enum class Side { request, response };

// Reads one message after the other. feed() is called again and again with what has not been used
// yet; each call ends at the first event. Anything the grammar forbids (both length and chunked,
// several lengths, bare CR or LF, folded lines, NUL, bad chunk sizes, unknown codings), and
// anything over a limit, is an error, and the connection is to be closed: its position is lost.
class Parser {
public:
    explicit Parser(Side side);
    ~Parser();
    Parser(Parser&&) noexcept;
    Parser& operator=(Parser&&) noexcept;

    enum class Event {
        more,  // all bytes used, nothing complete yet
        head,  // head() is complete; ask before_body() of responses
        body,  // `body` is a run of body bytes inside the bytes given
        end,   // the message is complete; what follows belongs to the next (or, after an upgrade,
               // to the other protocol)
    };
    struct Step {
        Event event = Event::more;
        std::size_t used = 0;   // bytes of the input consumed, `body` included
        std::string_view body;  // points into the input
    };
    Result<Step> feed(std::string_view bytes);
    // The stream ended. Fine between messages and in a body until close, which completes with it
    // (the next feed() gives Event::end); in the middle of a message it is an error.
    Status finish();

    // Valid from Event::head until next().
    Head& head();
    // Responses: the request was HEAD, or CONNECT that succeeded; there is no body whatever the
    // headers say. To be called before the first feed of that message.
    void expect_no_body();
    void expect_tunnel();
    // True when nothing of the message has been seen yet.
    bool idle() const;
    // After Event::end: make ready for the next message.
    void next();

    // The status a server answers when feed() failed: 400, 414, 431, 501 or 505.
    int failure_status() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// "OK" for 200. Docker's own words where they differ ("UPGRADED" for 101).
std::string_view reason_phrase(int status);

// The bytes of a head, up to and including the empty line. CR, LF and NUL in values become spaces:
// no value can add a line.
std::string write_request_head(std::string_view method, std::string_view target,
                               const Headers& headers);
std::string write_response_head(int status, const Headers& headers);
// "1f4\r\n"; the data and "\r\n" follow it. The last chunk is "0\r\n\r\n".
std::string chunk_head(std::size_t size);
inline constexpr std::string_view chunk_tail = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace codec::http1
