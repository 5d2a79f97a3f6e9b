#include "cli/credential_helper.h"

#include "cli/table.h"
#include "codec/gotemplate_value.h"
#include "sys/fd.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace cli {

namespace {

// A pipe takes that much before anybody reads.
constexpr std::size_t input_bytes_max = 48 * 1024;
constexpr std::size_t answer_bytes_max = 1024 * 1024;
constexpr std::string_view not_found = "credentials not found in native keychain";

struct Answer {
    std::string out;    // without blanks around it
    std::string error;  // Go's words, empty: it has gone well
};

std::string read_answer(int fd) {
    std::string out;
    char buffer[4096];
    for (;;) {
        ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return out;
        if (out.size() < answer_bytes_max) out.append(buffer, static_cast<std::size_t>(got));
    }
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) return fmt::format("signal: {}", strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ? "" : fmt::format("exit status {}", WEXITSTATUS(status));
}

// The program with its streams at pipes; 0 when it was started.
int spawn(const std::string& program, const std::string& action, int in, int out, pid_t& child) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, in, 0);
    ::posix_spawn_file_actions_adddup2(&files, out, 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t ours;
    ::sigemptyset(&ours);
    ::sigaddset(&ours, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &ours);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    char* words[] = {const_cast<char*>(program.c_str()), const_cast<char*>(action.c_str()),
                     nullptr};
    int failed = ::posix_spawnp(&child, program.c_str(), &files, &attributes, words, environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    return failed;
}

Result<Answer> call(const std::string& helper, const std::string& action,
                    const std::string& input) {
    std::string program = "docker-credential-" + helper;
    if (input.size() > input_bytes_max) return Error(Kind::too_large, "the secret is too long");
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0) return base::errno_error(errno, "pipe");
    Fd in_read(in[0]), in_write(in[1]);
    if (::pipe2(out, O_CLOEXEC) != 0) return base::errno_error(errno, "pipe");
    Fd out_read(out[0]), out_write(out[1]);
    pid_t child = 0;
    int failed = spawn(program, action, in_read.get(), out_write.get(), child);
    if (failed == ENOENT)
        return Answer{"", fmt::format("exec: \"{}\": executable file not found in $PATH", program)};
    if (failed != 0) return base::errno_error(failed, "exec " + program);
    in_read.reset();
    out_write.reset();
    (void)!::write(in_write.get(), input.data(), input.size());
    in_write.reset();
    Answer answer;
    answer.out = read_answer(out_read.get());
    answer.out.erase(answer.out.find_last_not_of(" \t\r\n") + 1);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    answer.error = how_it_ended(status);
    return answer;
}

Error failure(std::string_view what, const Answer& answer) {
    return Error(Kind::internal, fmt::format("error {} credentials - err: {}, out: `{}`", what,
                                             answer.error, answer.out));
}

}  // namespace

bool has_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::string_view rest = path ? path : "";
    while (!rest.empty()) {
        std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        std::string whole = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
        if (::access(whole.c_str(), X_OK) == 0) return true;
    }
    return false;
}

Result<Secret> get_secret(const std::string& helper, const std::string& server) {
    TRY(Answer answer, call(helper, "get", server));
    if (!answer.error.empty()) {
        if (answer.out == not_found) return Secret();
        return failure("getting", answer);
    }
    TRY(codec::Value told, codec::parse_value(answer.out));
    return Secret{told["Username"].text(), told["Secret"].text()};
}

Status store_secret(const std::string& helper, const std::string& server, const Secret& secret) {
    codec::Value told = codec::Value::object();
    told.set("ServerURL", server).set("Username", secret.username).set("Secret", secret.secret);
    TRY(Answer answer, call(helper, "store", row_json(told)));
    return answer.error.empty() ? Status() : failure("storing", answer);
}

Status erase_secret(const std::string& helper, const std::string& server) {
    TRY(Answer answer, call(helper, "erase", server));
    if (answer.error.empty() || answer.out == not_found) return {};
    return failure("erasing", answer);
}

}  // namespace cli
