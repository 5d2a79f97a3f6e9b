#include "daemon/service.h"

#include "sys/file.h"

#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace lighterd {

namespace {

constexpr int first_passed = 3;  // SD_LISTEN_FDS_START
constexpr std::size_t pid_bytes_max = 64;

int number_in(const char* text) {
    int number = 0;
    if (text == nullptr) return 0;
    auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
    return error == std::errc() ? number : 0;
}

std::string own_program() {
    char path[PATH_MAX] = {};
    ssize_t size = ::readlink("/proc/self/exe", path, sizeof path - 1);
    return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

// A pid file of this engine whose process still runs the same program.
bool is_alive(int pid) {
    if (pid <= 1 || pid == ::getpid() || ::kill(pid, 0) != 0) return false;
    char path[PATH_MAX] = {};
    ssize_t size = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), path, sizeof path - 1);
    if (size <= 0) return false;
    std::string_view name(path, static_cast<std::size_t>(size));
    return name.substr(name.rfind('/') + 1).starts_with("lighterd");
}

}  // namespace

void notify(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::size_t size = std::strlen(path);
    if (size >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path, size);
    if (path[0] == '@') address.sun_path[0] = '\0';
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return;
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    (void)::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&address), length);
}

std::vector<Fd> passed_sockets() {
    std::vector<Fd> sockets;
    int count = number_in(std::getenv("LISTEN_FDS"));
    bool ours = number_in(std::getenv("LISTEN_PID")) == ::getpid();
    ::unsetenv("LISTEN_FDS");
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDNAMES");
    for (int fd = first_passed; ours && fd < first_passed + count; ++fd)
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) sockets.emplace_back(fd);
    return sockets;
}

Result<PidFile> PidFile::create(std::string path) {
    if (auto text = sys::read_file(path, pid_bytes_max); text && is_alive(number_in(text->c_str())))
        return Error(Kind::conflict,
                     fmt::format("failed to start daemon, ensure lighterd is not running or delete "
                                 "{}: process with PID {} is still running",
                                 path, number_in(text->c_str())));
    std::size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    TRY_DO(sys::make_folders(folder, 0755));
    TRY(Fd opened, sys::open_folder(folder));
    TRY_DO(sys::replace_file(opened, path.substr(slash + 1), fmt::format("{}\n", ::getpid()), 0644)
               .context("pid file " + path));
    return PidFile(std::move(path));
}

void PidFile::remove() {
    auto text = sys::read_file(path_, pid_bytes_max);
    if (text && number_in(text->c_str()) == ::getpid()) ::unlink(path_.c_str());
}

Result<std::string> shim_program() {
    if (const char* given = std::getenv("LIGHTER_SHIM")) return std::string(given);
    std::string own = own_program();
    std::string folder = own.substr(0, own.rfind('/'));
    for (const std::string& path : {folder + "/lighter-shim", folder + "/../run/shim/lighter-shim",
                                    folder + "/../libexec/lighter/lighter-shim",
                                    std::string("/usr/libexec/lighter/lighter-shim")})
        if (::access(path.c_str(), X_OK) == 0) return path;
    return Error(Kind::missing, fmt::format("lighter-shim is neither in {} nor in "
                                            "/usr/libexec/lighter",
                                            folder));
}

Result<int> group_number(const std::string& name) {
    int number = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) return number;
    // Read here and not by getgrnam(3): no name service belongs into this process.
    TRY(std::string groups, sys::read_file("/etc/group", 1024 * 1024));
    for (std::size_t at = 0; at < groups.size();) {
        std::size_t end_of_line = std::min(groups.find('\n', at), groups.size());
        std::string_view line(groups.data() + at, end_of_line - at);
        at = end_of_line + 1;
        if (!line.starts_with(name + ":")) continue;
        std::size_t second = line.find(':', name.size() + 1);
        if (second == std::string_view::npos) continue;
        return number_in(
            std::string(line.substr(second + 1, line.find(':', second + 1) - second - 1)).c_str());
    }
    return Error(Kind::missing, fmt::format("group {} not found", name));
}

}  // namespace lighterd
