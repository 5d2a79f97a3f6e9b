// login and logout.
#include "cli/console.h"
#include "cli/credential_helper.h"
#include "cli/credentials.h"
#include "cli/prompt.h"

#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace cli {

namespace {

struct LoginOptions {
    std::string user, password;
    bool from_stdin = false;
};

constexpr std::string_view register_hint =
    "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you "
    "don't have a Docker ID, head over to https://hub.docker.com/ to create one.\n"
    "You can log in with your password or a Personal Access Token (PAT). Using a limited-scope PAT "
    "grants better security and is required for organizations using SSO. Learn more at "
    "https://docs.docker.com/go/access-tokens/\n\n";

std::string token_hint() {
    bool plain = !is_terminal(2) || getenv("NO_COLOR") != nullptr;
    constexpr std::string_view where = "https://app.docker.com/settings";
    return fmt::format("A Personal Access Token (PAT) can be used instead.\nTo create a PAT, visit "
                       "{}\n\n",
                       plain ? std::string(where) : fmt::format("\x1b[4m{}\x1b[0m", where));
}

// Standard input as a secret: one end of line at its end does not belong to it.
Result<std::string> secret_from_stdin() {
    constexpr std::size_t secret_bytes_max = 64 * 1024;
    std::string all;
    char buffer[4096];
    for (;;) {
        ssize_t got = ::read(0, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::errno_error(errno, "read");
        if (got == 0) break;
        all.append(buffer, static_cast<std::size_t>(got));
        if (all.size() > secret_bytes_max) return Error(Kind::too_large, "the secret is too long");
    }
    if (all.ends_with("\r\n"))
        all.resize(all.size() - 2);
    else if (all.ends_with('\n') || all.ends_with('\r'))
        all.pop_back();
    return all;
}

Status check_flags(const FlagSet& flags, LoginOptions& options) {
    auto wrong = [](const char* text) { return Error(Kind::invalid, text); };
    bool user = false, password = false;
    for (const FlagSet::Given& flag : flags.given()) {
        if (flag.name == "username") user = true;
        if (flag.name == "password") password = true;
    }
    if (options.from_stdin && password)
        return wrong("conflicting options: cannot specify both --password and --password-stdin");
    if (options.from_stdin && !user)
        return wrong("the --password-stdin option requires --username to be set");
    if (user && options.user.empty()) return wrong("username is empty");
    if (password && options.password.empty()) return wrong("password is empty");
    if (password) fail("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
    if (!options.from_stdin) return {};
    TRY(options.password, secret_from_stdin());
    if (trimmed(options.password).empty()) return wrong("password is empty");
    return {};
}

// /auth; what it gives instead of the password takes its place.
Task<Result<std::string>> authenticate(Context& context, Credentials& credentials) {
    Engine::Call call = post("/auth");
    call.body = credentials.document().json();
    CO_TRY(Value answer, co_await context.engine.value(std::move(call)));
    if (const std::string& token = answer["IdentityToken"].text(); !token.empty()) {
        credentials.password.clear();
        credentials.identity_token = token;
    }
    co_return answer["Status"].text();
}

Task<Result<std::string>> login_with_stored(Context& context, Credentials credentials) {
    fail(fmt::format("Authenticating with existing credentials... [Username: {}]",
                     credentials.username));
    note(fmt::format("To login with a different account, run '{} logout' followed by '{} login'",
                     context.program, context.program));
    put(2, "\n\n");
    auto answer = co_await authenticate(context, credentials);
    if (!answer && answer.error().kind() == Kind::unauthorized)
        fail("Stored credentials invalid or expired");
    else if (!answer)
        fail("Login did not succeed, error: " + answer.error().message());
    if (!answer) co_return answer;
    if (auto kept = keep_credentials(context, credentials); !kept)
        co_return std::move(kept).error().context("Error saving credentials");
    co_return answer;
}

// The store that would be used if nothing is configured yet.
void find_store(Value& config) {
    bool configured = !config["credsStore"].text().empty() || !config["auths"].members().empty() ||
                      !config["credHelpers"].members().empty();
    if (configured) return;
    std::string store = has_program("pass") ? "pass" : "secretservice";
    if (!has_program("docker-credential-" + store)) return;
    if (!config.is_object()) config = Value::object();
    config.set("credsStore", store);
}

Task<int> login(Context& context, LoginOptions options, std::string server) {
    Credentials known;
    if (options.user.empty() && options.password.empty())
        known = find_credentials(context.config, server).value_or(Credentials());
    if (!known.username.empty() && !known.password.empty()) {
        known.server = server;
        auto answer = co_await login_with_stored(context, known);
        if (answer) {
            print(*answer + "\n");
            co_return 0;
        }
    }
    if ((options.user.empty() || options.password.empty()) && !is_terminal(0))
        co_return fail("Error: Cannot perform an interactive login from a non TTY device");
    auto credentials = ask_credentials(server, options.user, options.password, known.username);
    if (!credentials) co_return fail(credentials.error());
    auto answer = co_await authenticate(context, *credentials);
    if (!answer) co_return fail(answer.error());
    if (auto kept = keep_credentials(context, *credentials); !kept)
        co_return fail(std::move(kept).error().context("Error saving credentials"));
    print(*answer + "\n");
    co_return 0;
}

}  // namespace

Result<Credentials> ask_credentials(const std::string& server, std::string user,
                                    std::string password, const std::string& known_user) {
    Credentials out;
    out.server = server;
    bool hub = server == hub_server;
    user = trimmed(user);
    password = trimmed(password);
    if (user.empty()) {
        if (hub) print(register_hint);
        std::string question =
            known_user.empty() ? "Username: " : fmt::format("Username ({}): ", known_user);
        TRY(user, ask(question, true));
        if (user.empty()) user = known_user;
        if (user.empty()) return Error(Kind::invalid, "Error: Non-null Username Required");
    }
    if (password.empty()) {
        if (hub) note(token_hint());
        TRY(password, ask("Password: ", false));
        print("\n");
        if (password.empty()) return Error(Kind::invalid, "Error: Password Required");
    }
    out.username = std::move(user);
    out.password = std::move(password);
    return out;
}

Task<int> run_login(Context& context, Arguments words) {
    LoginOptions options;
    FlagSet flags(context.program, "login [OPTIONS] [SERVER]",
                  "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.");
    flags.text("password", 'p', options.password, "Password or Personal Access Token (PAT)");
    flags.boolean("password-stdin", 0, options.from_stdin,
                  "Take the Password or Personal Access Token (PAT) from stdin");
    flags.text("username", 'u', options.user, "Username");
    Parsed parsed = parse_command(flags, words, {0, 1});
    if (parsed.exit) co_return *parsed.exit;
    if (auto fine = check_flags(flags, options); !fine) co_return fail(fine.error());
    std::string server = parsed.arguments.empty() ? "" : parsed.arguments[0];
    if (server.empty() || server == "docker.io") server = hub_server;
    if (server != hub_server) server = host_of_server(server);
    find_store(context.config);
    co_return co_await login(context, std::move(options), std::move(server));
}

Task<int> run_logout(Context& context, Arguments words) {
    FlagSet flags(
        context.program, "logout [SERVER]",
        "Log out from a registry.\nIf no server is specified, the default is Docker Hub.");
    Parsed parsed = parse_command(flags, words, {0, 1});
    if (parsed.exit) co_return *parsed.exit;
    std::string server = parsed.arguments.empty() ? "" : parsed.arguments[0];
    Arguments places;
    std::string shown;
    if (server.empty()) {
        shown = hub_server;
        // Docker's client keeps what its login by browser gave beside the password.
        std::string hub(hub_server);
        places = {hub};
        for (const char* token : {"access-token", "refresh-token"})
            if (auto known = find_credentials(context.config, hub + token);
                known && !known->server.empty())
                places.push_back(hub + token);
    } else {
        shown = host_of_server(server);
        places = {server, shown, "http://" + shown, "https://" + shown};
    }
    print(fmt::format("Removing login credentials for {}\n", shown));
    std::string failures;
    std::size_t failed = 0;
    for (const std::string& place : places)
        if (auto gone = forget_credentials(context, place); !gone) {
            failures += fmt::format("\n{}: {}", place, gone.error().message());
            ++failed;
        }
    if (failed == places.size()) fail("WARNING: could not erase credentials:" + failures);
    co_return 0;
}

}  // namespace cli
