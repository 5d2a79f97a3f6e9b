// What a daemon owes the system around it: the pid file, the service manager's sockets and
// notifications (sd_notify(3), sd_listen_fds(3); without libsystemd, the protocols are a few
// lines).
#pragma once

#include "base/error.h"
#include "sys/fd.h"

#include <string>
#include <string_view>
#include <vector>

namespace lighterd {

// "READY=1", "STOPPING=1", "RELOADING=1"...; nothing without NOTIFY_SOCKET.
void notify(std::string_view state);

// Sockets passed by the service manager, in order; each call after the first gives none.
std::vector<Fd> passed_sockets();

// Written at start, removed by remove(). conflict when another living engine wrote it.
class PidFile {
public:
    static Result<PidFile> create(std::string path);
    void remove();

private:
    explicit PidFile(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

// lighter-shim: beside this program, in the build tree, or where it is installed.
Result<std::string> shim_program();

// The group's number; missing if there is none.
Result<int> group_number(const std::string& name);

}  // namespace lighterd
