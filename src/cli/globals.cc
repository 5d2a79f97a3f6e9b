#include "cli/globals.h"

#include "sys/file.h"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>

namespace cli {

namespace {

constexpr std::string_view default_host = "unix:///run/lighter.sock";
constexpr std::size_t config_bytes_max = 4 * 1024 * 1024;

const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? value : nullptr;
}

void optional_text(FlagSet& flags, std::string name, std::optional<std::string>& target,
                   std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        target = text;
        return {};
    };
    flags.each(std::move(name), 0, "string", std::move(set), std::move(about));
}

void optional_boolean(FlagSet& flags, std::string name, std::optional<bool>& target,
                      std::string about) {
    auto set = [&target](const std::string& text) -> Status {
        TRY(target, parse_bool(text));
        return {};
    };
    flags.each(std::move(name), 0, "", std::move(set), std::move(about));
}

}  // namespace

void add_global_flags(FlagSet& flags, Globals& globals) {
    flags.text("config", 0, globals.config_dir, "Location of client config files");
    flags.text("context", 'c', globals.context, "Name of the context");
    flags.boolean("debug", 'D', globals.debug, "Enable debug mode");
    flags.list("host", 'H', globals.hosts, "Socket of the engine to connect to");
    flags.text("log-level", 'l', globals.log_level, "Set the logging level");
    optional_boolean(flags, "tls", globals.tls, "Use TLS");
    optional_text(flags, "tlscacert", globals.ca, "Trust certificates signed by this CA");
    optional_text(flags, "tlscert", globals.cert, "TLS certificate");
    optional_text(flags, "tlskey", globals.key, "TLS key");
    optional_boolean(flags, "tlsverify", globals.verify, "Use TLS and verify the engine");
    flags.boolean("version", 'v', globals.version, "Print version information and quit");
}

std::string config_folder(const Globals& globals) {
    if (!globals.config_dir.empty()) return globals.config_dir;
    if (const char* set = environment("DOCKER_CONFIG")) return set;
    const char* home = environment("HOME");
    return std::string(home ? home : "") + "/.docker";
}

Value read_config(const Globals& globals) {
    std::string path = config_folder(globals) + "/config.json";
    auto text = sys::read_file(path, config_bytes_max);
    if (!text) return Value();
    auto parsed = codec::parse_value(*text);
    if (parsed) return std::move(parsed).value();
    fail(fmt::format("WARNING: Error loading config file: {}: {}", path, parsed.error().message()));
    return Value();
}

Result<std::string> parse_host(std::string_view text) {
    constexpr std::string_view blanks = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    text = text.substr(0, text.find_last_not_of(blanks) + 1);
    if (text.empty() || text == "unix://") return std::string(default_host);
    if (text.starts_with('/')) return "unix://" + std::string(text);
    if (text.starts_with("unix://")) return std::string(text);
    auto wrong = [&] {
        return Error(Kind::invalid, fmt::format("invalid bind address format: {}", text));
    };
    std::string_view rest = text;
    if (std::size_t scheme = text.find("://"); scheme != text.npos) {
        if (text.substr(0, scheme) != "tcp") return wrong();
        rest.remove_prefix(scheme + 3);
    }
    std::string_view address = rest.substr(0, rest.find('/'));
    std::string_view base = rest.substr(address.size());
    base = base.substr(0, base.find_first_of("?#"));
    address = address.substr(0, address.find_first_of("?#"));
    address.remove_prefix(address.rfind('@') + 1);  // npos + 1: nothing
    std::size_t colon = address.rfind(':');
    std::size_t bracket = address.rfind(']');
    if (colon != address.npos && bracket != address.npos && colon < bracket) colon = address.npos;
    std::string_view port = colon == address.npos ? "2375" : address.substr(colon + 1);
    std::string_view name = address.substr(0, colon);
    if (!std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }))
        return Error(
            Kind::invalid,
            fmt::format("parse \"tcp://{}\": invalid port \":{}\" after host", rest, port));
    if (bracket != address.npos && rest.size() == text.size() && colon == address.npos)
        return wrong();
    return fmt::format("tcp://{}:{}{}", name.empty() ? "localhost" : name,
                       port.empty() ? "2375" : port, base);
}

namespace {

Error no_tls() {
    return Error(Kind::unsupported, "TLS towards the engine is not built yet");
}

// Whether TLS is asked for: what cannot be kept secret is not sent in the open instead.
bool wants_tls(const Globals& globals, const std::string& host) {
    if (globals.tls || globals.verify) return true;
    if (globals.ca || globals.cert || globals.key) return host.starts_with("tcp://");
    return host.starts_with("tcp://") &&
           (environment("DOCKER_TLS_VERIFY") || environment("DOCKER_TLS"));
}

// Contexts keep their certificates in a folder of the same name.
bool has_certificates(const std::string& folder, const std::string& id) {
    struct stat about {};
    std::string path = fmt::format("{}/contexts/tls/{}/docker", folder, id);
    return ::stat(path.c_str(), &about) == 0;
}

// The context's meta.json: the folder it is in is named by a hash, so all are looked at.
Result<Value> context_named(const std::string& folder, const std::string& name) {
    constexpr int contexts_max = 1000;
    std::string all = folder + "/contexts/meta";
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(all.c_str()), ::closedir);
    for (int seen = 0; listing && seen < contexts_max; ++seen) {
        const dirent* entry = ::readdir(listing.get());
        if (entry == nullptr) break;
        auto text =
            sys::read_file(fmt::format("{}/{}/meta.json", all, entry->d_name), config_bytes_max);
        if (!text) continue;
        auto parsed = codec::parse_value(*text);
        if (!parsed || (*parsed)["Name"].text() != name) continue;
        if (has_certificates(folder, entry->d_name)) return no_tls();
        return parsed;
    }
    return Error(Kind::missing, fmt::format("context \"{}\": context not found in {}", name, all));
}

Result<Endpoint> resolve(const Globals& globals, const Value& config) {
    if (globals.hosts.size() > 1) return Error(Kind::invalid, "Specify only one -H");
    Endpoint endpoint;
    std::optional<std::string> host;
    std::string context = globals.context;
    if (!globals.hosts.empty())
        host = globals.hosts[0];
    else if (context.empty()) {
        const char* set = environment("LIGHTER_HOST");
        if (!set) set = environment("DOCKER_HOST");
        if (set) host = set;
    }
    if (!host && context.empty() && environment("DOCKER_CONTEXT"))
        context = environment("DOCKER_CONTEXT");
    if (!host && context.empty()) context = config["currentContext"].text();
    if (!host && !context.empty() && context != "default") {
        TRY(Value meta, context_named(config_folder(globals), context));
        host = meta["Endpoints"]["docker"]["Host"].text();
        endpoint.context = context;
    } else if (!host && context == "default") {
        const char* set = environment("LIGHTER_HOST");
        if (!set) set = environment("DOCKER_HOST");
        if (set) host = set;
    }
    TRY(endpoint.host, parse_host(host.value_or("")));
    if (wants_tls(globals, endpoint.host)) return no_tls();
    return endpoint;
}

}  // namespace

Result<Endpoint> find_endpoint(const Globals& globals, const Value& config) {
    static constexpr std::string_view levels[] = {"panic", "fatal",   "error", "warn",
                                                  "info",  "warning", "debug", "trace"};
    if (!globals.log_level.empty() &&
        std::ranges::find(levels, globals.log_level) == std::end(levels))
        return Error(Kind::invalid,
                     fmt::format("Unable to parse logging level: {}", globals.log_level));
    if (!globals.hosts.empty() && !globals.context.empty())
        return Error(Kind::invalid,
                     "conflicting options: cannot specify both --host and --context");
    auto endpoint = resolve(globals, config);
    if (!endpoint)
        return std::move(endpoint).error().context(
            "Failed to initialize: unable to resolve docker endpoint");
    return endpoint;
}

}  // namespace cli
