#include "run/shim_client.h"

#include "base/log.h"
#include "loop/poll.h"
#include "loop/timer.h"
#include "loop/wait.h"
#include "run/failure.h"
#include "run/pidfd.h"
#include "run/shim_socket.h"

#include <deque>
#include <map>
#include <sys/epoll.h>
#include <sys/wait.h>

namespace run {

using namespace protocol;

namespace {

ExitStatus exit_of(int wait_status, Time time) {
    ExitStatus exit;
    exit.time = time;
    if (WIFSIGNALED(wait_status)) {
        exit.signal = WTERMSIG(wait_status);
        exit.code = 128 + exit.signal;
    } else {
        exit.code = WEXITSTATUS(wait_status);
    }
    return exit;
}

Console console_of(ShimReply& message) {
    return Console{message.take(fd_pty), message.take(fd_stdin), message.take(fd_stdout),
                   message.take(fd_stderr)};
}

}  // namespace

// One epoll descriptor stands for all that can bring news: the shim's socket and, for containers
// whose shim died, their pidfds. Whoever waits for news first reads it for everybody (`pump`), so
// no task runs in the background and nothing has to be joined.
struct ShimClient::State {
    State(Loop& owner, ShimPaths where)
        : loop(owner), paths(std::move(where)), news(owner), launching(owner) {}

    struct Starting {
        bool exec = false;
        std::optional<Result<Started>> done;
    };
    struct Running {
        pid_t pid = 0;
        Fd pidfd;
        bool watched = false;  // by pidfd: its shim is gone
    };

    Loop& loop;
    ShimPaths paths;
    Fd socket;
    Fd epoll;
    std::unique_ptr<loop::Poll> poll;
    loop::WaitList news;
    loop::Mutex launching;
    bool pumping = false;
    bool listing = false;
    bool orphans = false;  // a shim died with containers
    Lend lend;
    std::map<std::string, Starting*> starting;
    std::map<std::string, Running> running;
    std::deque<Ended> ended;
    std::vector<Adopted> adopted;
    std::deque<std::pair<Type, std::string>> unsent;

    Status open();
    Task<Status> connect();
    Task<Status> say_hello();
    Task<Status> hand_over();
    template <class Condition> Task<Status> until(Condition condition);
    void read_socket();
    void flush();
    void handle(ShimReply message);
    void adopt(ShimReply message, const std::string& id);
    void finish_start(ShimReply message, const std::string& id, bool good);
    void finish(ShimReply message, const std::string& id);
    void shim_lost();
    void watch_by_pidfd(Running& process);
    Task<void> ended_by_pidfd();
    void tell(Type type, const std::string& id);
};

Status ShimClient::State::open() {
    epoll.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return base::errno_error(errno, "epoll");
    poll = std::make_unique<loop::Poll>(loop, epoll.get());
    return {};
}

// ---- Connecting ----

Task<Status> ShimClient::State::connect() {
    CO_TRY(auto lock, co_await launching.lock());
    constexpr int tries_max = 5;
    Error last(Kind::unavailable, "no shim");
    for (int tries = 0; tries < tries_max && !socket; ++tries) {
        if (tries > 0) CO_TRY_DO(co_await loop::sleep(loop, loop::Milliseconds(20 * tries)));
        auto connected = connect_to_shim(paths);
        if (!connected && connected.error().kind() == Kind::missing) {
            CO_TRY_DO(co_await launch_shim(loop, paths));
            connected = connect_to_shim(paths);
        }
        if (!connected) co_return connected.error();
        socket = std::move(*connected);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = socket.get();
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
        Status said = co_await say_hello();
        if (said) co_return co_await hand_over();
        // It was just about to end by itself, or another engine has it.
        socket.reset();
        last = said.error();
        if (last.kind() == Kind::cancelled) co_return last;
    }
    if (socket) co_return Status();
    co_return std::move(last).context("connecting to " + paths.exec_root + "/shim.sock");
}

Task<Status> ShimClient::State::say_hello() {
    listing = true;
    // Turned away before a word was said, or after it: the same.
    if (send_request(socket, Type::hello, "", {}))
        CO_TRY_DO(co_await until([this] { return !listing || !socket; }));
    if (listing) co_return Error(Kind::unavailable, "another engine is connected to the shim");
    co_return Status();
}

// What the shim before this one held. Not being able to is no failure: ends are seen by pidfd.
Task<Status> ShimClient::State::hand_over() {
    orphans = false;
    std::vector<std::string> ids;
    for (const auto& [id, process] : running)
        if (process.watched) ids.push_back(id);
    for (const std::string& id : ids) {
        std::optional<Console> console = lend ? lend(id) : std::nullopt;
        for (auto at = running.find(id); console && at != running.end() && socket;
             at = running.find(id)) {
            Running& process = at->second;
            Status sent = send_foster(socket, id, process.pid, process.pidfd, *console);
            if (!sent && sent.error().kind() == Kind::unavailable) {
                CO_TRY_DO(co_await loop::sleep(loop, loop::Milliseconds(1)));
                continue;
            }
            if (sent) {
                // From now on the shim tells its end.
                process.watched = false;
                ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, process.pidfd.get(), nullptr);
            }
            break;
        }
    }
    co_return Status();
}

// ---- News ----

template <class Condition> Task<Status> ShimClient::State::until(Condition condition) {
    while (!condition()) {
        if (pumping) {
            CO_TRY_DO(co_await news.wait());
            continue;
        }
        pumping = true;
        Status readable = co_await poll->readable();
        if (readable) {
            read_socket();
            co_await ended_by_pidfd();
        }
        pumping = false;
        // Also when we were cancelled: somebody else has to go on reading.
        news.wake_all();
        if (!readable) co_return readable.error();
    }
    co_return Status();
}

void ShimClient::State::read_socket() {
    while (socket) {
        auto message = receive_reply(socket);
        if (message) {
            handle(std::move(*message));
            continue;
        }
        if (message.error().kind() != Kind::missing) shim_lost();
        break;
    }
    flush();
}

void ShimClient::State::handle(ShimReply message) {
    std::string id = message.reply.id;
    switch (message.reply.type) {
    case Type::listed:
        adopt(std::move(message), id);
        break;
    case Type::list_end:
        listing = false;
        break;
    case Type::started:
    case Type::failed: {
        bool good = message.reply.type == Type::started;
        finish_start(std::move(message), id, good);
        break;
    }
    case Type::exited:
        finish(std::move(message), id);
        break;
    default:
        break;
    }
}

void ShimClient::State::adopt(ShimReply message, const std::string& id) {
    Adopted one;
    one.id = id;
    one.pid = message.reply.pid;
    one.pidfd = message.take(fd_pidfd);
    one.console = console_of(message);
    one.spool = message.take(fd_spool);
    one.ended = message.reply.ended != 0;
    if (one.ended)
        one.exit = exit_of(message.reply.wait_status, Time{message.reply.time_ns});
    else if (auto copy = one.pidfd.duplicate())
        running[id] = Running{one.pid, std::move(*copy)};
    adopted.push_back(std::move(one));
}

void ShimClient::State::finish_start(ShimReply message, const std::string& id, bool good) {
    auto waiting = starting.find(id);
    const Reply& reply = message.reply;
    if (good) {
        Fd pidfd = message.take(fd_pidfd);
        // A process that ended at once has none; it still is told as started, then as ended.
        if (auto copy = pidfd.duplicate()) running[id] = Running{reply.pid, std::move(*copy)};
        // Nobody waits any more (cancelled): it runs all the same, and its end will be told.
        if (waiting == starting.end()) return;
        Started started{reply.pid, std::move(pidfd), console_of(message)};
        waiting->second->done.emplace(std::move(started));
    } else if (waiting != starting.end()) {
        waiting->second->done.emplace(
            start_error(reply.step, reply.error, reply.text, waiting->second->exec));
    }
}

void ShimClient::State::finish(ShimReply message, const std::string& id) {
    running.erase(id);
    Ended one{id, exit_of(message.reply.wait_status, Time{message.reply.time_ns}),
              message.take(fd_mount_namespace)};
    ended.push_back(std::move(one));
}

// ---- The shim is gone ----

// What it held is ours alone now: ends are seen by pidfd. Starts that were under way failed.
void ShimClient::State::shim_lost() {
    if (!socket) return;
    socket.reset();
    // While it lists it is not ours yet: another engine's, or about to end.
    orphans = !running.empty();
    if (!listing)
        base::log::error("lighter-shim has gone, containers are watched by pidfd running={}",
                         running.size());
    unsent.clear();
    for (auto& [id, start] : starting)
        start->done.emplace(start_error(Kind::internal, "the shim has gone"));
    for (auto& [id, process] : running)
        if (!process.watched) watch_by_pidfd(process);
}

void ShimClient::State::watch_by_pidfd(Running& process) {
    process.watched = true;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = process.pidfd.get();
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, process.pidfd.get(), &event);
}

Task<void> ShimClient::State::ended_by_pidfd() {
    bool any = false;
    for (auto& [id, process] : running)
        any = any || (process.watched && process_ended(process.pidfd));
    if (!any) co_return;
    // The kernel knows the exit code once pid 1 has reaped it, which is a moment later.
    (void)co_await loop::sleep(loop, loop::Milliseconds(10));
    for (auto at = running.begin(); at != running.end();) {
        Running& process = at->second;
        if (!process.watched || !process_ended(process.pidfd)) {
            ++at;
            continue;
        }
        constexpr int unknown_exit = 255 << 8;
        int status = wait_status_of(process.pidfd).value_or(unknown_exit);
        ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, process.pidfd.get(), nullptr);
        ended.push_back(Ended{at->first, exit_of(status, base::now()), Fd()});
        at = running.erase(at);
    }
}

// ---- Small requests ----

void ShimClient::State::tell(Type type, const std::string& id) {
    if (!socket) return;
    unsent.emplace_back(type, id);
    flush();
}

void ShimClient::State::flush() {
    while (socket && !unsent.empty()) {
        auto sent = send_request(socket, unsent.front().first, unsent.front().second, {});
        // Full: tried again with the next news, of which a busy shim has some.
        if (!sent && sent.error().kind() == Kind::unavailable) return;
        unsent.pop_front();
    }
}

// ---- The client ----

ShimClient::ShimClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ShimClient::~ShimClient() = default;

Task<Result<std::unique_ptr<ShimClient>>> ShimClient::connect_or_start(Loop& loop,
                                                                       ShimPaths paths) {
    auto state = std::make_unique<State>(loop, std::move(paths));
    CO_TRY_DO(state->open());
    CO_TRY_DO(co_await state->connect());
    co_return std::unique_ptr<ShimClient>(new ShimClient(std::move(state)));
}

void ShimClient::lend_with(Lend lend) {
    state_->lend = std::move(lend);
}

Task<Status> ShimClient::foster(std::string id, pid_t pid, Fd pidfd) {
    State& state = *state_;
    State::Running& process = state.running[id];
    process = State::Running{pid, std::move(pidfd)};
    state.watch_by_pidfd(process);
    if (!state.socket) co_return co_await state.connect();
    CO_TRY(auto lock, co_await state.launching.lock());
    co_return co_await state.hand_over();
}

std::vector<Adopted> ShimClient::take_adopted() {
    return std::exchange(state_->adopted, {});
}

Task<Result<Started>> ShimClient::start(Prepared prepared) {
    State& state = *state_;
    if (state.starting.contains(prepared.id) || state.running.contains(prepared.id))
        co_return Error(Kind::conflict, "container " + prepared.id + " is already running");
    std::vector<int> fds{prepared.spec.get()};
    for (const Fd& fd : prepared.fds)
        fds.push_back(fd.get());
    for (int lost = 0;;) {
        if (!state.socket) CO_TRY_DO(co_await state.connect());
        Status sent = send_request(state.socket, Type::start, prepared.id, fds);
        if (sent) break;
        if (sent.error().kind() == Kind::unavailable) {
            CO_TRY_DO(co_await loop::sleep(state.loop, loop::Milliseconds(1)));
            continue;
        }
        // It died and we are the first to notice: another one takes over.
        state.shim_lost();
        if (++lost == 3) co_return sent.error();
    }
    // Ours are not needed any more: what the container does not hold is free again when it ends.
    prepared.fds.clear();
    prepared.spec.reset();
    State::Starting waiting{.exec = prepared.exec};
    state.starting[prepared.id] = &waiting;
    // Not cancellable: a start that was asked for is one that happens, and its end must find
    // somebody who knows of it. It takes milliseconds.
    Status waited = co_await loop::shield(state.until([&] { return waiting.done.has_value(); }));
    state.starting.erase(prepared.id);
    if (!waited) co_return waited.error();
    co_return std::move(*waiting.done);
}

Task<Result<Ended>> ShimClient::next_ended() {
    State& state = *state_;
    for (;;) {
        CO_TRY_DO(co_await state.until([&] { return !state.ended.empty() || state.orphans; }));
        if (!state.ended.empty()) break;
        // At once, not with the next start: it holds their streams if the daemon dies, too.
        state.orphans = false;
        Status replaced = co_await state.connect();
        if (!replaced) base::log::error("no other lighter-shim: {}", replaced.error().message());
    }
    Ended one = std::move(state.ended.front());
    state.ended.pop_front();
    co_return one;
}

void ShimClient::acknowledge(const std::string& id) {
    state_->tell(Type::acknowledge, id);
}

void ShimClient::close_stdin(const std::string& id) {
    state_->tell(Type::close_stdin, id);
}

}  // namespace run
