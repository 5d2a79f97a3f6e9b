// The user's end of a container's terminal: raw mode, window size, and the pumps between our
// standard streams and a hijacked connection.
#pragma once

#include "cli/engine.h"

#include <optional>
#include <string>
#include <termios.h>
#include <utility>

namespace cli {

bool is_terminal(int fd);
// Rows and columns of standard output's terminal; zeros when there is none.
std::pair<unsigned, unsigned> window_size();

// Standard input's terminal in raw mode until dropped.
class RawTerminal {
public:
    RawTerminal() = default;
    void enter();
    void leave();
    ~RawTerminal() { leave(); }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

private:
    std::optional<termios> before_;
};

// Everything to standard output (1) or error (2), whatever mode the descriptor is in.
void put(int fd, std::string_view bytes);

// The sequence that leaves a container running: "ctrl-p,ctrl-q", single letters and ctrl-x.
Result<std::string> parse_detach_keys(std::string_view text);

struct AttachPlan {
    std::string container;
    std::string detach_keys;  // as the user wrote them; empty: the default
    bool stdin_ = false;
    bool stdout_ = true;
    bool stderr_ = true;
    bool tty = false;
    bool logs = false;
    std::string exec = "";       // id: the exec is started and not the container attached to
    std::string exec_body = "";  // then: of the start
};

// How a session ended.
enum class AttachEnd { output_closed, detached };

// An attached container: opened before start, pumped after it.
class Session {
public:
    Session(Engine& engine, AttachPlan plan) : engine_(engine), plan_(std::move(plan)) {}
    ~Session();
    // POST attach, or the exec's start, and the upgrade.
    Task<Status> open();
    // Copies both ways until the output ends or the user detaches; puts the terminal in raw mode
    // when the container has one.
    Task<Result<AttachEnd>> pump();

private:
    Result<Engine::Call> call();
    Task<void> pump_in();
    Task<Status> pump_out();
    Engine& engine_;
    AttachPlan plan_;
    std::unique_ptr<Exchange> exchange_;
    std::unique_ptr<Stream> input_;
    RawTerminal terminal_;
    std::string keys_;
    std::size_t matched_ = 0;
    bool detached_ = false;
};

// Splits docker's frames: appends whole payloads to what put() writes. Keeps a partial frame.
class FrameWriter {
public:
    // False on a daemon error frame, whose text is then in error().
    bool feed(std::string_view bytes);
    const std::string& error() const { return error_; }

private:
    std::string pending_;
    std::string error_;
};

// Sends the window's size once, retried while the process is not there yet. `path`:
// "/containers/<id>" or "/exec/<id>".
Task<void> resize(Engine& engine, std::string path);
// Until stopped: SIGWINCH resizes (when `tty`), other signals are passed on (when `proxy`).
Task<void> watch_signals(Engine& engine, std::string path, bool tty, bool proxy);

}  // namespace cli
