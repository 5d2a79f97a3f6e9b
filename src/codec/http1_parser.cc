// The glue around llhttp. llhttp finds the parts; three things are ours: a line guard that refuses
// what some parsers forgive (bare CR or LF, folding, control bytes) before llhttp sees it, the
// limits, and the rules of message framing, which llhttp only partly enforces.
#include "base/limits.h"
#include "base/text.h"
#include "codec/http1.h"

#include <array>
#include <cassert>
#include <cstring>
#include <fmt/core.h>
#include <llhttp.h>

namespace codec::http1 {

namespace {

// Chunk framing (sizes, extensions, line ends) may cost this much more than the bytes it frames.
constexpr std::size_t framing_excess_max = 16 * 1024;
constexpr std::size_t framing_per_chunk = 16;
constexpr std::size_t trailer_count_max = 32;

// Watches the bytes of a head or of trailers: every line ends with CRLF, none is folded, no control
// byte but TAB. Finds the empty line that ends it.
class LineGuard {
public:
    // `empty_line_ends`: already the first line may be the empty one (trailers); a head skips empty
    // lines in front of it.
    void start(bool empty_line_ends, bool request_line) {
        single_spaces_ = request_line;
        lines_ = 0;
        last_ = 0;
        state_ = State::line_start;
        ends_ = empty_line_ends;
    }

    // How many bytes belong to the head (all, or up to its end: done); npos: forbidden byte.
    std::size_t scan(std::string_view bytes, bool& done) {
        done = false;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto c = static_cast<unsigned char>(bytes[i]);
            if (state_ == State::after_cr) {
                if (c != '\n') return bytes.npos;
                state_ = State::line_start;
            } else if (state_ == State::after_cr_at_start) {
                if (c != '\n') return bytes.npos;
                state_ = State::line_start;
                if (!ends_) continue;
                done = true;
                return i + 1;
            } else if (c == '\r') {
                state_ = state_ == State::line_start ? State::after_cr_at_start : State::after_cr;
            } else {
                if ((c < ' ' && c != '\t') || c == 0x7f) return bytes.npos;
                // llhttp skips any number of spaces in a request line; others may not.
                if (single_spaces_ && lines_ == 1 && c == ' ' && last_ == ' ') return bytes.npos;
                last_ = c;
                if (state_ == State::line_start) {
                    if (c == ' ' || c == '\t' || c == ':') return bytes.npos;
                    ++lines_;
                    state_ = State::in_line;
                    ends_ = true;
                }
            }
        }
        return bytes.size();
    }

    // A byte of something else than empty lines in front was seen.
    bool begun() const { return ends_; }

private:
    enum class State { line_start, in_line, after_cr, after_cr_at_start };
    State state_ = State::line_start;
    bool ends_ = false;
    bool single_spaces_ = false;
    unsigned lines_ = 0;
    unsigned char last_ = 0;
};

bool is_http_method(unsigned method) {
    // RTSP and ICE words are in llhttp's list too; CONNECT is for proxies, which we are not.
    return method <= HTTP_UNLINK && method != HTTP_CONNECT;
}

}  // namespace

struct Parser::State {
    enum class Phase { head, body, trailers, complete, failed };

    explicit State(Side side) : side(side) { reset(); }

    void reset() {
        llhttp_init(&parser, side == Side::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
        parser.data = this;
        guard.start(false, side == Side::request);
        phase = Phase::head;
        head = Head();
        name.clear();
        value.clear();
        head_bytes = trailer_count = framing_excess = 0;
        remaining = 0;
        in_value = head_complete = message_complete = no_body = tunnel = false;
        last_chunk = false;
        span = {};
        failure = 400;
        failure_text.clear();
    }

    static const llhttp_settings_t& settings();
    static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }

    // Remembers why; returned to llhttp it stops the parse.
    int fail(int status, std::string text) {
        failure = status;
        failure_text = std::move(text);
        return HPE_USER;
    }

    int finish_header();
    int on_headers_complete();
    Status check_framing();
    Status check_request();
    Error refuse(int status, std::string text);
    Result<std::size_t> run(std::string_view bytes);
    Result<Step> feed_lines(std::string_view bytes);
    Result<Step> feed_chunked(std::string_view bytes);

    Side side;
    llhttp_t parser;
    LineGuard guard;
    Phase phase;
    Head head;
    std::string name, value;
    bool in_value;
    std::size_t head_bytes;   // of the head, later of the trailers
    std::uint64_t remaining;  // with Framing::length
    std::size_t trailer_count;
    std::size_t framing_excess;
    bool head_complete, message_complete;
    bool last_chunk;  // the chunk of size 0 was announced: trailers follow
    bool no_body, tunnel;
    std::string_view span;
    int failure;
    std::string failure_text;
};

// A header is complete when the next name begins or the head ends.
int Parser::State::finish_header() {
    if (name.empty()) return 0;
    in_value = false;
    if (phase != Phase::head) {  // a trailer: counted and dropped, nothing of ours uses them
        name.clear();
        value.clear();
        if (++trailer_count > trailer_count_max) return fail(431, "too many trailer lines");
        return 0;
    }
    if (head.headers.size() >= limits::header_count_max) return fail(431, "too many header lines");
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.pop_back();
    head.headers.add(std::move(name), std::move(value));
    name.clear();
    value.clear();
    return 0;
}

Status Parser::State::check_framing() {
    const Headers& headers = head.headers;
    std::size_t lengths = headers.count("Content-Length");
    std::size_t codings = headers.count("Transfer-Encoding");
    if (lengths > 1) return Error(Kind::invalid, "several Content-Length headers");
    if (lengths > 0 && codings > 0)
        return Error(Kind::invalid, "both Content-Length and Transfer-Encoding");
    if (codings > 1 ||
        (codings == 1 && !base::equal_no_case(headers.get("Transfer-Encoding"), "chunked")))
        return Error(Kind::invalid, "unsupported transfer encoding");
    if (codings == 1 && head.minor == 0)
        return Error(Kind::invalid, "Transfer-Encoding in an HTTP/1.0 message");
    if (lengths == 1) {
        // llhttp refuses what is not a number; a value it would skip entirely is refused here.
        std::string_view digits = headers.get("Content-Length");
        if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos)
            return Error(Kind::invalid, "invalid Content-Length");
    }
    bool none = no_body || tunnel ||
                (side == Side::response &&
                 (head.status / 100 == 1 || head.status == 204 || head.status == 304));
    if (none) {
        head.framing = Framing::none;
    } else if (codings == 1) {
        head.framing = Framing::chunked;
    } else if (lengths == 1) {
        head.length = parser.content_length;
        head.framing = head.length == 0 ? Framing::none : Framing::length;
    } else {
        head.framing = side == Side::response ? Framing::until_close : Framing::none;
    }
    return {};
}

Status Parser::State::check_request() {
    if (!is_http_method(parser.method)) return Error(Kind::invalid, "invalid method");
    std::size_t hosts = head.headers.count("Host");
    if (hosts > 1) return Error(Kind::invalid, "too many Host headers");
    if (hosts == 0 && head.minor == 1) return Error(Kind::invalid, "missing required Host header");
    if (!head.target.starts_with('/') && head.target != "*" &&
        head.target.find("://") == head.target.npos)
        return Error(Kind::invalid, "invalid request target");
    return {};
}

int Parser::State::on_headers_complete() {
    if (int error = finish_header()) return error;
    if (parser.http_major != 1 || parser.http_minor > 1)
        return fail(505, "unsupported protocol version");
    head.minor = parser.http_minor;
    if (side == Side::request)
        head.method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
    else
        head.status = parser.status_code;
    if (side == Side::response && (head.status < 100 || head.status > 999))
        return fail(400, "malformed HTTP status code");
    Status fine = side == Side::request ? check_request() : Status();
    if (fine) fine = check_framing();
    if (!fine) return fail(400, fine.error().message());
    head.keep_alive = llhttp_should_keep_alive(&parser) != 0;
    head.upgrade = head.headers.has("Upgrade") && head.headers.has_token("Connection", "upgrade");
    head.expect_continue = base::equal_no_case(head.headers.get("Expect"), "100-continue");
    head_complete = true;
    // 1: no body follows, whatever the headers say.
    return head.framing == Framing::none ? 1 : 0;
}

const llhttp_settings_t& Parser::State::settings() {
    static const llhttp_settings_t shared = [] {
        llhttp_settings_t s;
        llhttp_settings_init(&s);
        s.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
            State& state = of(p);
            if (state.head.target.size() + size > limits::url_bytes_max)
                return state.fail(414, "request URI too long");
            state.head.target.append(at, size);
            return 0;
        };
        s.on_status = [](llhttp_t* p, const char* at, std::size_t size) {
            of(p).head.reason.append(at, size);
            return 0;
        };
        s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
            State& state = of(p);
            if (state.in_value)
                if (int error = state.finish_header()) return error;
            state.name.append(at, size);
            return 0;
        };
        s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
            of(p).value.append(at, size);
            return 0;
        };
        // An empty value never reaches on_header_value, so the name's end is what counts.
        s.on_header_field_complete = [](llhttp_t* p) {
            of(p).in_value = true;
            return 0;
        };
        s.on_headers_complete = [](llhttp_t* p) { return of(p).on_headers_complete(); };
        s.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
            of(p).span = std::string_view(at, size);
            return static_cast<int>(HPE_PAUSED);
        };
        s.on_chunk_header = [](llhttp_t* p) {
            State& state = of(p);
            state.framing_excess -= std::min(state.framing_excess, framing_per_chunk);
            if (p->content_length > 0) return 0;
            state.last_chunk = true;
            return static_cast<int>(HPE_PAUSED);
        };
        s.on_message_complete = [](llhttp_t* p) {
            State& state = of(p);
            if (int error = state.finish_header()) return error;
            state.message_complete = true;
            return static_cast<int>(HPE_PAUSED);
        };
        return s;
    }();
    return shared;
}

Error Parser::State::refuse(int status, std::string text) {
    phase = Phase::failed;
    failure = status;
    failure_text = std::move(text);
    return Error(Kind::invalid, failure_text);
}

// One llhttp_execute, up to its next pause; gives the bytes used and leaves a run of body in
// `span`.
Result<std::size_t> Parser::State::run(std::string_view bytes) {
    span = {};
    llhttp_errno_t outcome = llhttp_execute(&parser, bytes.data(), bytes.size());
    if (outcome == HPE_OK) return bytes.size();
    if (outcome == HPE_PAUSED || outcome == HPE_PAUSED_UPGRADE) {
        auto used = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - bytes.data());
        assert(used <= bytes.size());
        if (outcome == HPE_PAUSED) llhttp_resume(&parser);
        return used;
    }
    if (!failure_text.empty()) return refuse(failure, failure_text);
    const char* reason = llhttp_get_error_reason(&parser);
    return refuse(outcome == HPE_INVALID_VERSION ? 505 : 400,
                  reason && *reason ? reason : "malformed HTTP message");
}

// A head or trailers: only bytes that the guard has passed reach llhttp.
Result<Parser::Step> Parser::State::feed_lines(std::string_view bytes) {
    if (bytes.empty()) return Step();
    bool done = false;
    std::size_t size = guard.scan(bytes, done);
    if (size == bytes.npos) return refuse(400, "malformed line in HTTP header");
    head_bytes += size;
    if (head_bytes > limits::header_bytes_max) return refuse(431, "HTTP header too large");
    TRY(std::size_t used, run(bytes.substr(0, size)));
    bool complete = phase == Phase::head ? head_complete : message_complete;
    if (complete != done || used != size) return refuse(400, "malformed HTTP header");
    if (!done) return Step{.used = size};
    if (phase == Phase::trailers) {
        phase = Phase::complete;
        return Step{.event = Event::end, .used = size};
    }
    phase = head.framing == Framing::none ? Phase::complete : Phase::body;
    remaining = head.length;
    return Step{.event = Event::head, .used = size};
}

Result<Parser::Step> Parser::State::feed_chunked(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
        TRY(std::size_t step, run(bytes.substr(used)));
        used += step;
        framing_excess += step - span.size();
        framing_excess -= std::min(framing_excess, 2 * span.size());
        if (framing_excess > framing_excess_max)
            return refuse(400, "chunked encoding is too wordy");
        if (!span.empty()) return Step{.event = Event::body, .used = used, .body = span};
        if (last_chunk) {
            phase = Phase::trailers;
            head_bytes = 0;
            guard.start(true, false);
            TRY(Step rest, feed_lines(bytes.substr(used)));
            rest.used += used;
            return rest;
        }
    }
    return Step{.used = used};
}

Result<Parser::Step> Parser::feed(std::string_view bytes) {
    State& s = *state_;
    switch (s.phase) {
    case State::Phase::head:
    case State::Phase::trailers:
        return s.feed_lines(bytes);
    case State::Phase::complete:
        return Step{.event = Event::end};
    case State::Phase::failed:
        return Error(Kind::invalid, s.failure_text);
    case State::Phase::body:
        break;
    }
    if (s.head.framing == Framing::chunked) return s.feed_chunked(bytes);
    if (bytes.empty()) return Step();
    // Counted and endless bodies need no parser: the bytes are the body.
    if (s.head.framing == Framing::length) {
        if (bytes.size() > s.remaining) bytes = bytes.substr(0, s.remaining);
        s.remaining -= bytes.size();
        if (s.remaining == 0) s.phase = State::Phase::complete;
    }
    return Step{.event = Event::body, .used = bytes.size(), .body = bytes};
}

Status Parser::finish() {
    State& s = *state_;
    switch (s.phase) {
    case State::Phase::complete:
        return {};
    case State::Phase::failed:
        return Error(Kind::invalid, s.failure_text);
    case State::Phase::head:
        if (idle()) return {};
        break;
    case State::Phase::body:
        if (s.head.framing == Framing::until_close) {
            s.phase = State::Phase::complete;
            return {};
        }
        break;
    case State::Phase::trailers:
        break;
    }
    return s.refuse(400, "unexpected EOF");
}

Parser::Parser(Side side) : state_(std::make_unique<State>(side)) {}
Parser::~Parser() = default;
Parser::Parser(Parser&&) noexcept = default;
Parser& Parser::operator=(Parser&&) noexcept = default;

Head& Parser::head() {
    return state_->head;
}
void Parser::expect_no_body() {
    state_->no_body = true;
}
void Parser::expect_tunnel() {
    state_->tunnel = true;
}
bool Parser::idle() const {
    return state_->phase == State::Phase::head && !state_->guard.begun();
}
void Parser::next() {
    state_->reset();
}
int Parser::failure_status() const {
    return state_->failure;
}

}  // namespace codec::http1
