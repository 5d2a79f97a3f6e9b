#include "cli/console.h"

#include "loop/scope.h"
#include "loop/signal.h"
#include "loop/timer.h"

#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace cli {

bool is_terminal(int fd) {
    return isatty(fd) == 1;
}

std::pair<unsigned, unsigned> window_size() {
    winsize size{};
    if (ioctl(1, TIOCGWINSZ, &size) != 0) return {0, 0};
    return {size.ws_row, size.ws_col};
}

void RawTerminal::enter() {
    termios now{};
    if (before_ || tcgetattr(0, &now) != 0) return;
    before_ = now;
    cfmakeraw(&now);
    tcsetattr(0, TCSANOW, &now);
}

void RawTerminal::leave() {
    if (before_) tcsetattr(0, TCSANOW, &*before_);
    before_.reset();
}

void put(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return;  // the reader has gone; the container is not to notice
        }
    }
}

Result<std::string> parse_detach_keys(std::string_view text) {
    if (text.empty()) text = "ctrl-p,ctrl-q";
    std::string out;
    for (std::string_view rest = text;;) {
        std::string_view key = rest.substr(0, rest.find(','));
        if (key.size() == 1) {
            out += key[0];
        } else {
            char c = key.starts_with("ctrl-") && key.size() == 6 ? key[5] : '\0';
            bool letter = c >= 'a' && c <= 'z';
            if (c == '\0' || (!letter && !std::string_view("@[\\]^_").contains(c)))
                return Error(Kind::invalid, fmt::format("invalid detach keys ({})", text));
            out += static_cast<char>(letter ? c - 'a' + 1 : c - '@');
        }
        if (key.size() == rest.size()) return out;
        rest.remove_prefix(key.size() + 1);
    }
}

bool FrameWriter::feed(std::string_view bytes) {
    pending_ += bytes;
    std::size_t at = 0;
    while (pending_.size() - at >= 8) {
        auto byte = [&](std::size_t i) { return static_cast<unsigned char>(pending_[at + i]); };
        std::size_t size =
            static_cast<std::size_t>(byte(4)) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7);
        if (pending_.size() - at - 8 < size) break;
        std::string_view payload = std::string_view(pending_).substr(at + 8, size);
        if (byte(0) == 3) {
            error_ = std::string(payload);
            return false;
        }
        put(byte(0) == 2 ? 2 : 1, payload);
        at += 8 + size;
    }
    pending_.erase(0, at);
    return true;
}

Session::~Session() = default;

Result<Engine::Call> Session::call() {
    if (!plan_.exec.empty()) {
        Engine::Call call = post("/exec/" + plan_.exec + "/start");
        call.body = plan_.exec_body;
        return call;
    }
    Engine::Call call = post("/containers/" + plan_.container + "/attach");
    call.query.add("stream", "1");
    if (!plan_.detach_keys.empty()) call.query.add("detachKeys", plan_.detach_keys);
    if (plan_.logs) call.query.add("logs", "1");
    if (plan_.stdin_) call.query.add("stdin", "1");
    if (plan_.stdout_) call.query.add("stdout", "1");
    if (plan_.stderr_) call.query.add("stderr", "1");
    return call;
}

Task<Status> Session::open() {
    CO_TRY(keys_, parse_detach_keys(plan_.detach_keys));
    CO_TRY(Engine::Call wanted, call());
    wanted.hijack = true;
    CO_TRY(exchange_, co_await engine_.request(std::move(wanted)));
    co_return Status();
}

// The keys are looked at on our side too: the engine ends the connection, but only here is it known
// that the user wanted that.
Task<void> Session::pump_in() {
    for (;;) {
        auto slice = co_await input_->read();
        if (!slice) co_return;
        if (slice->empty()) break;
        for (char c : slice->view()) {
            if (!plan_.tty) break;
            matched_ = c == keys_[matched_] ? matched_ + 1 : c == keys_[0] ? 1 : 0;
            if (matched_ == keys_.size()) {
                detached_ = true;
                matched_ = 0;
            }
        }
        auto sent = co_await exchange_->stream().write(*slice);
        if (!sent) co_return;
    }
    // The end of our input is the end of the container's: half a close, output goes on.
    (void)co_await exchange_->stream().shutdown();
}

Task<Status> Session::pump_out() {
    FrameWriter frames;
    std::string bytes = exchange_->take_rest();
    for (;;) {
        if (plan_.tty) {
            put(1, bytes);
        } else if (!frames.feed(bytes)) {
            co_return Error(Kind::internal, "Error response from daemon: " + frames.error());
        }
        CO_TRY(Slice slice, co_await exchange_->stream().read());
        if (slice.empty()) co_return Status();
        bytes = slice.text();
    }
}

Task<Result<AttachEnd>> Session::pump() {
    Scope scope(engine_.loop(), co_await loop::this_stop());
    if (plan_.stdin_) {
        auto fd = loop::reopen_stdio(0, false);
        if (fd) {
            input_ = loop::stream_of(engine_.loop(), std::move(fd).value());
            if (plan_.tty && is_terminal(0)) terminal_.enter();
            scope.spawn(pump_in());
        }
    }
    Status out = co_await pump_out();
    co_await scope.close();
    terminal_.leave();
    if (!out) co_return std::move(out).error();
    co_return detached_ ? AttachEnd::detached : AttachEnd::output_closed;
}

namespace {

Engine::Call resize_call(const std::string& path, unsigned rows, unsigned columns) {
    Engine::Call call = post(path + "/resize");
    call.query.add("h", std::to_string(rows));
    call.query.add("w", std::to_string(columns));
    return call;
}

std::string signal_name(int number) {
    const char* name = sigabbrev_np(number);
    return name ? name : std::to_string(number);
}

}  // namespace

Task<void> resize(Engine& engine, std::string path) {
    for (int attempt = 0; attempt < 10; ++attempt) {
        auto [rows, columns] = window_size();
        if (rows == 0 && columns == 0) co_return;
        if (co_await engine.done(resize_call(path, rows, columns))) co_return;
        if (!co_await loop::sleep(engine.loop(), loop::Milliseconds(10 * (attempt + 1)))) co_return;
    }
}

Task<void> watch_signals(Engine& engine, std::string path, bool tty, bool proxy) {
    std::vector<int> numbers;
    if (tty) numbers.push_back(SIGWINCH);
    if (proxy)
        for (int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT})
            numbers.push_back(number);
    loop::Signals signals(engine.loop(), std::move(numbers));
    constexpr int patience = 3;
    int asked = 0;
    for (;;) {
        auto number = co_await signals.next();
        if (!number) co_return;
        // The container may not care; who asks a third time wants the client gone.
        if ((*number == SIGINT || *number == SIGTERM) && ++asked == patience) {
            put(2, "\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n");
            _exit(1);
        }
        if (*number == SIGWINCH) {
            auto [rows, columns] = window_size();
            (void)co_await engine.done(resize_call(path, rows, columns));
            continue;
        }
        Engine::Call call = post(path + "/kill");
        call.query.add("signal", signal_name(*number));
        (void)co_await engine.done(std::move(call));
    }
}

}  // namespace cli
