// version and info.
#include "cli/context.h"
#include "cli/go_types.h"
#include "cli/human.h"
#include "cli/platform.h"
#include "codec/gotemplate.h"

#include <fmt/format.h>
#include <optional>

namespace cli {

namespace {

std::string field(std::string_view name, std::string_view value, std::string_view indent = " ") {
    return fmt::format("{}{:<{}}{}\n", indent, std::string(name) + ":", 20 - indent.size(), value);
}

// `name` is what the template is called in its errors.
Result<codec::Template> template_of(const std::string& format, std::string_view name) {
    auto shape = codec::Template::parse(format == "json" ? "{{json .}}" : format, name);
    if (!shape) return std::move(shape).error().context("template parsing error");
    return shape;
}

// What came out before it failed is shown, too.
Status print_through(const codec::Template& shape, const Value& document) {
    std::string out;
    Status done = shape.execute(document, out);
    print(out + "\n");
    return done;
}

std::string server_text(const Value& server) {
    std::string title = server["Platform"]["Name"].text();
    std::string out = "\nServer:" + (title.empty() ? "" : " " + title) + "\n";
    for (const Value& part : server["Components"].items()) {
        const Value& d = part["Details"];
        out += " " + part["Name"].text() + ":\n" + field("Version", part["Version"].text(), "  ");
        if (part["Name"].text() != "Engine") {
            for (const Value::Member& one : d.members())
                out += field(one.name, one.value.text(), "  ");
            continue;
        }
        out += field("API version",
                     fmt::format("{} (minimum version {})", d["ApiVersion"].text(),
                                 d["MinAPIVersion"].text()),
                     "  ");
        if (!d["GoVersion"].text().empty()) out += field("Go version", d["GoVersion"].text(), "  ");
        out += field("Git commit", d["GitCommit"].text(), "  ") +
               field("Built", d["BuildTime"].text(), "  ");
        out += field("OS/Arch", d["Os"].text() + "/" + d["Arch"].text(), "  ");
        out += field("Experimental", d["Experimental"].text(), "  ");
    }
    return out;
}

// What `version` and `info` tell of ourselves.
Value client_version(const Context& context) {
    Value client = Value::object();
    client.at("Platform").set("Name", "Lighter");
    client.set("Version", LIGHTER_VERSION).set("DefaultAPIVersion", Engine::newest_version);
    return client.set("Os", "linux")
        .set("Arch", machine_architecture())
        .set("Context", context.name);
}

}  // namespace

Task<int> run_version(Context& context, Arguments words) {
    std::string format;
    FlagSet flags(context.program, "version [OPTIONS]", "Show version information");
    flags.text("format", 'f', format, "'json' or a Go template");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    std::optional<codec::Template> shape;
    if (!format.empty()) {
        auto made = template_of(format, "version");
        if (!made) co_return fail(made.error(), 64);
        shape = std::move(made).value();
    }
    auto server = co_await context.engine.value(get("/version"));
    auto spoken = co_await context.engine.version();
    std::string version = spoken ? *spoken : std::string(Engine::newest_version);
    if (shape) {
        Value client = client_version(context);
        client.set("ApiVersion", version);
        Value both = Value::object();
        both.set("Client", client).set("Server", server ? *server : Value());
        Status done = print_through(*shape, typed("system.versionInfo", both));
        if (!server) co_return fail(server.error());
        co_return done ? 0 : fail(done.error());
    }
    std::string api = version;
    if (version != Engine::newest_version)
        api += fmt::format(" (downgraded from {})", Engine::newest_version);
    std::string out =
        "Client: Lighter\n" + field("Version", LIGHTER_VERSION) + field("API version", api);
    out += field("OS/Arch", "linux/" + machine_architecture()) + field("Context", context.name);
    if (server) out += server_text(*server);
    print(out);
    co_return server ? 0 : fail(server.error());
}

namespace {

std::string yes(const Value& value) {
    return value.flag() ? "true" : "false";
}

std::string names(const Value& list) {
    std::string out;
    for (const Value& one : list.items())
        out += " " + one.text();
    return out;
}

void add_lists(std::string& out, const Value& info) {
    if (!info["Plugins"].is_null()) {
        out += " Plugins:\n";
        for (const char* kind : {"Volume", "Network", "Authorization", "Log"})
            if (!info["Plugins"][kind].items().empty())
                out += fmt::format("  {}:{}\n", kind, names(info["Plugins"][kind]));
    }
    out += fmt::format(" Swarm: {}\n", info["Swarm"]["LocalNodeState"].text());
    std::string runtimes;
    for (const Value::Member& one : info["Runtimes"].members())
        runtimes += " " + one.name;
    if (!runtimes.empty())
        out +=
            " Runtimes:" + runtimes + "\n Default Runtime: " + info["DefaultRuntime"].text() + "\n";
}

void add_security(std::string& out, const Value& info) {
    if (info["SecurityOptions"].items().empty()) return;
    out += " Security Options:\n";
    for (const Value& option : info["SecurityOptions"].items()) {
        std::string_view rest = option.text();
        while (!rest.empty()) {
            std::string_view pair = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
            std::size_t equals = pair.find('=');
            std::string value(equals == pair.npos ? "" : pair.substr(equals + 1));
            if (pair.starts_with("name="))
                out += "  " + value + "\n";
            else if (pair.starts_with("profile="))
                out += "   Profile: " + value + "\n";
        }
    }
}

std::string info_text(const Value& info) {
    auto number = [&](const char* name) { return info[name].digits(); };
    auto text = [&](const char* name) { return info[name].text(); };
    std::string out = "Server:\n";
    out += fmt::format(" Containers: {}\n  Running: {}\n  Paused: {}\n  Stopped: {}\n Images: {}\n",
                       number("Containers"), number("ContainersRunning"),
                       number("ContainersPaused"), number("ContainersStopped"), number("Images"));
    out += fmt::format(" Server Version: {}\n Storage Driver: {}\n", text("ServerVersion"),
                       text("Driver"));
    for (const Value& pair : info["DriverStatus"].items())
        if (pair.items().size() == 2)
            out += fmt::format("  {}: {}\n", pair.items()[0].text(), pair.items()[1].text());
    out += fmt::format(" Logging Driver: {}\n Cgroup Driver: {}\n", text("LoggingDriver"),
                       text("CgroupDriver"));
    if (!text("CgroupVersion").empty()) out += " Cgroup Version: " + text("CgroupVersion") + "\n";
    add_lists(out, info);
    out += " Init Binary: " + text("InitBinary") + "\n";
    for (auto [name, key] : {std::pair("containerd", "ContainerdCommit"),
                             std::pair("runc", "RuncCommit"), std::pair("init", "InitCommit")})
        if (info[key].is_object())
            out += fmt::format(" {} version: {}\n", name, info[key]["ID"].text());
    add_security(out, info);
    out += fmt::format(
        " Kernel Version: {}\n Operating System: {}\n OSType: {}\n Architecture: {}\n CPUs: {}\n",
        text("KernelVersion"), text("OperatingSystem"), text("OSType"), text("Architecture"),
        number("NCPU"));
    out += fmt::format(
        " Total Memory: {}\n Name: {}\n ID: {}\n Docker Root Dir: {}\n Debug Mode: {}\n",
        binary_size(static_cast<double>(info["MemTotal"].integer())), text("Name"), text("ID"),
        text("DockerRootDir"), yes(info["Debug"]));
    if (!text("HttpProxy").empty()) out += " HTTP Proxy: " + text("HttpProxy") + "\n";
    if (!text("HttpsProxy").empty()) out += " HTTPS Proxy: " + text("HttpsProxy") + "\n";
    if (!text("NoProxy").empty()) out += " No Proxy: " + text("NoProxy") + "\n";
    if (!info["Labels"].items().empty()) {
        out += " Labels:\n";
        for (const Value& label : info["Labels"].items())
            out += "  " + label.text() + "\n";
    }
    out += " Experimental: " + yes(info["ExperimentalBuild"]) + "\n";
    const Value& registry = info["RegistryConfig"];
    if (!registry["InsecureRegistryCIDRs"].items().empty() ||
        !registry["IndexConfigs"].members().empty()) {
        out += " Insecure Registries:\n";
        for (const Value::Member& one : registry["IndexConfigs"].members())
            if (!one.value["Secure"].flag()) out += "  " + one.name + "\n";
        for (const Value& one : registry["InsecureRegistryCIDRs"].items())
            out += "  " + one.text() + "\n";
    }
    if (!registry["Mirrors"].items().empty()) {
        out += " Registry Mirrors:\n";
        for (const Value& one : registry["Mirrors"].items())
            out += "  " + one.text() + "\n";
    }
    return out + " Live Restore Enabled: " + yes(info["LiveRestoreEnabled"]) + "\n\n";
}

}  // namespace

Task<int> run_info(Context& context, Arguments words) {
    std::string format;
    FlagSet flags(context.program, "info [OPTIONS]", "Display system-wide information");
    flags.text("format", 'f', format, "'json' or a Go template");
    Parsed parsed = parse_command(flags, words, {0, 0});
    if (parsed.exit) co_return *parsed.exit;
    auto info = co_await context.engine.value(get("/info"));
    if (!format.empty()) {
        int code = info ? 0 : fail(info.error());
        auto shape = template_of(format, "");
        if (!shape) co_return fail(shape.error(), 64);
        Value document = info ? *info : Value::object();
        Value client = client_version(context);
        client.set("Debug", context.debug).set("Plugins", Value::array());
        document.set("ClientInfo", client);
        Status done = print_through(*shape, typed("system.dockerInfo", document));
        co_return done ? code : fail(done.error());
    }
    print(fmt::format("Client: Lighter\n Version:    {}\n Context:    {}\n Debug Mode: {}\n\n",
                      LIGHTER_VERSION, context.name, context.debug));
    if (!info) {
        print("Server:\n");
        co_return fail(info.error());
    }
    print(info_text(*info));
    for (const Value& warning : (*info)["Warnings"].items())
        fail(warning.text());
    co_return 0;
}

}  // namespace cli
