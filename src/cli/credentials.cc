#include "cli/credentials.h"

#include "cli/credential_helper.h"
#include "codec/base64.h"
#include "codec/json_edit.h"
#include "sys/file.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fmt/format.h>
#include <unistd.h>

namespace cli {

namespace {

constexpr std::size_t config_bytes_max = 4 * 1024 * 1024;
constexpr std::string_view token_user = "<token>";  // of a helper: the secret is a token

std::string helper_of(const Value& config, const std::string& server) {
    std::string helper = config["credHelpers"][server].text();
    return helper.empty() ? config["credsStore"].text() : helper;
}

// An entry of `auths`.
Credentials read_entry(const std::string& server, const Value& entry) {
    Credentials out;
    out.username = entry["username"].text();
    out.password = entry["password"].text();
    out.email = entry["email"].text();
    out.identity_token = entry["identitytoken"].text();
    out.registry_token = entry["registrytoken"].text();
    out.server = server;
    const std::string& auth = entry["auth"].text();
    if (auth.empty()) return out;
    std::string pair = codec::unbase64(auth).value_or("");
    std::size_t colon = pair.find(':');
    if (colon == pair.npos || colon == 0) {
        out.auth = auth;  // the engine may make something of it
        return out;
    }
    out.username = pair.substr(0, colon);
    out.password = pair.substr(colon + 1);
    while (out.password.ends_with('\0'))
        out.password.pop_back();
    return out;
}

Credentials in_auths(const Value& auths, const std::string& server) {
    if (const Value* entry = auths.find(server); entry && entry->is_object())
        return read_entry(server, *entry);
    for (const Value::Member& one : auths.members())
        if (host_of_server(one.name) == server) return read_entry(one.name, one.value);
    return {};
}

// The entry of `auths` that says this much; nothing when a helper keeps the rest.
Value entry_of(const Credentials& credentials, bool with_secrets) {
    Value out = Value::object();
    if (!with_secrets) return out;
    if (!credentials.username.empty())
        out.set("auth", codec::base64(credentials.username + ":" + credentials.password));
    if (!credentials.identity_token.empty()) out.set("identitytoken", credentials.identity_token);
    return out;
}

std::string target_of(const std::string& path) {
    char real[PATH_MAX];
    return ::realpath(path.c_str(), real) != nullptr ? std::string(real) : path;
}

Result<std::string> config_text(const std::string& path) {
    auto text = sys::read_file(path, config_bytes_max);
    if (text) return text;
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::string();
    return std::move(text).error();
}

}  // namespace

Value Credentials::document() const {
    Value out = Value::object();
    auto add = [&](const char* name, const std::string& text) {
        if (!text.empty()) out.set(name, text);
    };
    add("username", username);
    add("password", password);
    add("auth", auth);
    add("email", email);
    add("serveraddress", server);
    add("identitytoken", identity_token);
    add("registrytoken", registry_token);
    return out;
}

std::string host_of_server(std::string_view server) {
    for (std::string_view scheme : {"http://", "https://"})
        if (server.starts_with(scheme)) {
            server.remove_prefix(scheme.size());
            break;
        }
    return std::string(server.substr(0, server.find('/')));
}

Result<Credentials> find_credentials(const Value& config, const std::string& server) {
    if (const char* given = std::getenv("DOCKER_AUTH_CONFIG"); given && *given)
        if (auto parsed = codec::parse_value(given))
            if (Credentials found = in_auths((*parsed)["auths"], server); !found.server.empty())
                return found;
    Credentials found = in_auths(config["auths"], server);
    std::string helper = helper_of(config, server);
    if (helper.empty()) return found;
    TRY(Secret secret, get_secret(helper, server));
    bool token = secret.username == token_user;
    found.username = token ? "" : secret.username;
    found.password = token ? "" : secret.secret;
    found.identity_token = token ? secret.secret : "";
    found.auth.clear();
    found.server = secret.username.empty() && secret.secret.empty() ? "" : server;
    return found;
}

Status write_config(const std::string& path, std::string_view text) {
    constexpr unsigned folder_mode = 0700, file_mode = 0600;
    std::string target = target_of(path);
    std::size_t slash = target.rfind('/');
    std::string folder = slash == target.npos ? "." : target.substr(0, slash);
    if (::access(folder.c_str(), F_OK) != 0) TRY_DO(sys::make_folders(folder, folder_mode));
    TRY(Fd where, sys::open_folder(folder));
    return sys::replace_durably(where, target.substr(slash + 1), text, file_mode);
}

Status keep_credentials(const Context& context, const Credentials& credentials) {
    std::string helper = helper_of(context.config, credentials.server);
    bool token = !credentials.identity_token.empty();
    if (!helper.empty()) {
        Secret secret{token ? std::string(token_user) : credentials.username,
                      token ? credentials.identity_token : credentials.password};
        TRY_DO(store_secret(helper, credentials.server, secret));
    }
    std::string path = context.config_folder + "/config.json";
    const std::string place[] = {"auths", credentials.server};
    TRY(std::string before, config_text(path));
    Value entry = entry_of(credentials, helper.empty());
    auto parsed = codec::parse_value(before);
    const Value* old = parsed ? (*parsed)["auths"].find(credentials.server) : nullptr;
    if (old != nullptr && old->json() == entry.json()) return {};
    TRY(std::string after, codec::set_json(before, place, entry.json()));
    // A store that was found and not configured is configured from now on.
    const std::string& store = context.config["credsStore"].text();
    if (!store.empty() && !(parsed && (*parsed)["credsStore"].is_text())) {
        const std::string where[] = {"credsStore"};
        std::string name;
        codec::append_json_text(name, store);
        TRY(after, codec::set_json(after, where, name));
    }
    TRY_DO(write_config(path, after));
    if (helper.empty() && !credentials.password.empty())
        fail(fmt::format("\nWARNING! Your credentials are stored unencrypted in '{}'.\nConfigure a "
                         "credential helper to remove this warning. "
                         "See\nhttps://docs.docker.com/go/credential-store/\n",
                         path));
    return {};
}

Status forget_credentials(const Context& context, const std::string& server) {
    if (std::string helper = helper_of(context.config, server); !helper.empty())
        TRY_DO(erase_secret(helper, server));
    std::string path = context.config_folder + "/config.json";
    TRY(std::string before, config_text(path));
    if (before.empty()) return {};
    const std::string place[] = {"auths", server};
    TRY(std::string after, codec::erase_json(before, place));
    return after == before ? Status() : write_config(path, after);
}

std::string server_of(std::string_view image) {
    std::string server(registry_of(image));
    return server.empty() || server == "docker.io" ? std::string(hub_server) : server;
}

std::string registry_auth(const Value& config, std::string_view image) {
    std::string server = server_of(image);
    // A helper that fails is passed over: the registry may need nothing.
    auto found = find_credentials(config, server);
    if (!found) found = in_auths(config["auths"], server);
    return codec::base64(found->document().json(), codec::Base64::url);
}

}  // namespace cli
