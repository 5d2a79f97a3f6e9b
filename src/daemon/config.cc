#include "daemon/config.h"

#include <charconv>
#include <fmt/core.h>
#include <sys/un.h>

namespace lighterd {

namespace {

constexpr std::string_view default_socket = "/run/lighter.sock";

Result<Host> unix_socket(std::string_view path) {
    if (path.empty()) path = default_socket;
    if (path.size() >= sizeof(sockaddr_un{}.sun_path))
        return Error(Kind::invalid, fmt::format("unix socket path \"{}\" is too long", path));
    return Host{Host::Kind::unix_socket, std::string(path), -1};
}

Result<Host> passed(std::string_view text, std::string_view number) {
    Host host{Host::Kind::passed, {}, -1};
    if (number.empty() || number == "*") return host;
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), host.fd);
    constexpr int first_passed_fd = 3;  // sd_listen_fds(3)
    if (error != std::errc() || end != number.data() + number.size() || host.fd < first_passed_fd)
        return Error(Kind::invalid, fmt::format("Invalid bind address format: {}", text));
    return host;
}

}  // namespace

Result<Host> parse_host(std::string_view text) {
    constexpr std::string_view unix_scheme = "unix://", fd_scheme = "fd://", tcp_scheme = "tcp://";
    if (text.empty()) return unix_socket({});
    if (text.starts_with(unix_scheme)) return unix_socket(text.substr(unix_scheme.size()));
    if (text.starts_with(fd_scheme)) return passed(text, text.substr(fd_scheme.size()));
    if (text.starts_with(tcp_scheme))
        return Error(Kind::unsupported,
                     fmt::format("{}: serving the API by TCP is not implemented by this engine "
                                 "yet: use unix:// or fd://",
                                 text));
    return Error(Kind::invalid, fmt::format("Invalid bind address format: {}", text));
}

std::string Config::pidfile_path() const {
    return pidfile.empty() ? exec_root + ".pid" : pidfile;
}

std::vector<Host> Config::hosts_or_default() const {
    if (!hosts.empty()) return hosts;
    return {Host{Host::Kind::unix_socket, std::string(default_socket), -1}};
}

Config reloaded(const Config& now, const Config& fresh) {
    Config next = now;
    next.debug = fresh.debug;
    next.log_level = fresh.log_level;
    next.labels = fresh.labels;
    next.live_restore = fresh.live_restore;
    next.shutdown_timeout_s = fresh.shutdown_timeout_s;
    next.default_stop_timeout_s = fresh.default_stop_timeout_s;
    next.registries = fresh.registries;
    next.max_concurrent_downloads = fresh.max_concurrent_downloads;
    next.max_concurrent_uploads = fresh.max_concurrent_uploads;
    next.max_download_attempts = fresh.max_download_attempts;
    next.partial_pull = fresh.partial_pull;
    next.limit_rate = fresh.limit_rate;
    next.default_runtime = fresh.default_runtime;
    next.runtimes = fresh.runtimes;
    return next;
}

}  // namespace lighterd
