// lighterd: flags, the parts of the engine, the listeners, and the signals that end or reload it.
#include "api/api.h"
#include "base/log.h"
#include "daemon/config.h"
#include "daemon/engine_parts.h"
#include "daemon/flags.h"
#include "daemon/idle.h"
#include "daemon/service.h"
#include "http/server.h"
#include "loop/net.h"
#include "loop/signal.h"
#include "sys/file.h"

#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using lighterd::CommandLine;
using lighterd::Config;
using lighterd::Host;

// Few arenas and an early return of memory: what a pull needed goes back to the system.
void tune_memory() {
    ::mallopt(M_ARENA_MAX, 2);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

// One descriptor per connection, container stream, pidfd and layer being written.
void raise_limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void set_log_level(const Config& config) {
    base::log::set_level(config.debug ? base::log::Level::debug : config.log_level);
}

// -1: root's, as the default group need not exist; one that was named must.
Result<int> socket_group(const Config& config) {
    auto group = lighterd::group_number(config.group);
    if (group || config.group != Config().group) return group;
    if (config.group_given) base::log::warn("{}", group.error().message());
    return -1;
}

Result<std::unique_ptr<loop::Listener>> listen_on(Loop& loop, const Host& host,
                                                  std::vector<Fd>& passed, int group) {
    constexpr unsigned socket_mode = 0660;
    if (host.kind == Host::Kind::unix_socket) {
        TRY_DO(sys::make_folders(host.path.substr(0, host.path.rfind('/') + 1), 0755));
        return loop::Listener::on_unix(loop, host.path, socket_mode, group);
    }
    for (Fd& fd : passed)
        if (fd && (host.fd < 0 || fd.get() == host.fd))
            return loop::Listener::on_fd(loop, std::move(fd));
    return Error(Kind::missing, "no sockets found via socket activation: make sure the service was "
                                "started by systemd");
}

Status listen_all(Loop& loop, http::Server& server, const Config& config) {
    std::vector<Fd> passed = lighterd::passed_sockets();
    TRY(int group, socket_group(config));
    for (const Host& host : config.hosts_or_default()) {
        // fd:// alone stands for all that were passed.
        bool all = host.kind == Host::Kind::passed && host.fd < 0;
        std::size_t count = all ? std::max<std::size_t>(passed.size(), 1) : 1;
        for (std::size_t i = 0; i < count; ++i) {
            TRY(std::unique_ptr<loop::Listener> listener, listen_on(loop, host, passed, group));
            server.listen(std::move(listener), http::Peer::Kind::unix_socket);
            base::log::info("API listen on {}", all ? "a passed socket" : host.path);
        }
    }
    return {};
}

struct Daemon {
    Loop& loop;
    std::vector<std::string> arguments;
    Config config;

    void reload(lighterd::EngineParts& parts) {
        // Type=notify-reload wants to know when (sd_notify(3)).
        lighterd::notify(
            fmt::format("RELOADING=1\nMONOTONIC_USEC={}", base::monotonic_ns() / 1000));
        Config environment;
        environment.proxy = http::ProxyConfig::from_environment();
        Result<CommandLine> fresh = lighterd::read_command_line(arguments, environment);
        Config before = config;
        if (fresh) config = lighterd::reloaded(config, fresh->config);
        Status done = fresh ? parts.reload() : Status(fresh.error());
        if (done) {
            set_log_level(config);
            base::log::info("configuration reloaded file={}", config.config_file);
        } else {
            config = std::move(before);
            base::log::error("configuration not reloaded: {}", done.error().message());
        }
        lighterd::notify("READY=1");
    }

    // Until a signal ends it. True: containers are to be stopped.
    Task<bool> follow_signals(loop::Signals& signals, lighterd::EngineParts& parts,
                              const http::Server& server) {
        for (;;) {
            auto number = co_await signals.next();
            if (!number) co_return false;
            if (*number == SIGHUP) {
                reload(parts);
            } else if (*number == SIGUSR1) {
                parts.log_state();
                base::log::info("state connections={}", server.connections());
            } else {
                base::log::info("Processing signal '{}'", strsignal(*number));
                co_return !config.live_restore;
            }
        }
    }

    // While the engine stops. Whoever asks for the third time means now; containers run on.
    static Task<void> insist(loop::Signals& signals) {
        constexpr int forced_at = 3;
        for (int asked = 1;;) {
            auto number = co_await signals.next();
            if (!number) co_return;
            if ((*number != SIGTERM && *number != SIGINT) || ++asked < forced_at) continue;
            base::log::error("Forcing daemon shutdown without cleanup: {} interrupts received",
                             forced_at);
            constexpr int by_signal = 128;
            ::_exit(by_signal + *number);
        }
    }

    Task<Status> serve(lighterd::EngineParts& parts) {
        loop::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP, SIGUSR1});
        Status opened = co_await parts.open();
        if (!opened) {
            co_await parts.close();
            co_return opened;
        }
        api::Api api(parts.engine());
        http::ServerOptions options;
        options.error_reply = api::Api::refuse;
        lighterd::Idle idle(parts.workers, *parts.store);
        http::Server server(
            loop,
            [&api, &idle](http::Request& request) -> Task<Result<http::Reply>> {
                Result<http::Reply> reply = co_await api.handle(request);
                idle.touch();
                co_return reply;
            },
            std::move(options));
        Status listening = listen_all(loop, server, config);
        bool stop_containers = false;
        if (listening) {
            parts.containers->begin_restarts();
            base::log::info("Daemon has completed initialization version={}", LIGHTER_VERSION);
            lighterd::notify("READY=1");
            stop_containers = co_await follow_signals(signals, parts, server);
            lighterd::notify("STOPPING=1");
        }
        Scope insisting(loop);
        insisting.spawn(insist(signals));
        server.stop_listening();
        if (stop_containers) co_await parts.containers->stop_all();
        parts.events.close();
        co_await server.close();
        co_await idle.close();
        co_await parts.close();
        co_await insisting.close();
        co_return listening;
    }
};

Result<int> start(std::vector<std::string> arguments) {
    Config environment;
    environment.proxy = http::ProxyConfig::from_environment();
    TRY(CommandLine line, lighterd::read_command_line(arguments, environment));
    if (line.action == CommandLine::Action::print) {
        std::fputs(line.text.c_str(), stdout);
        return 0;
    }
    if (::geteuid() != 0)
        return Error(Kind::denied, "lighterd needs to be started with root privileges. To run "
                                   "lighterd as an unprivileged user is not possible yet.");
    set_log_level(line.config);
    ::umask(022);
    ::signal(SIGPIPE, SIG_IGN);
    raise_limits();
    TRY(lighterd::PidFile pidfile, lighterd::PidFile::create(line.config.pidfile_path()));
    Status served;
    {
        TRY_DO(sys::make_folders(line.config.exec_root, 0700));
        Loop loop;
        Daemon daemon{loop, std::move(arguments), std::move(line.config)};
        {
            lighterd::EngineParts parts(loop, daemon.config);
            served = loop.run_value(daemon.serve(parts));
        }
    }
    pidfile.remove();
    TRY_DO(std::move(served));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    tune_memory();
    Result<int> code = start({argv + 1, argv + argc});
    if (code) return *code;
    std::fprintf(stderr, "%s\n", code.error().message().c_str());
    return 1;
}
