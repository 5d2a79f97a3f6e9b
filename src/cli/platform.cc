#include "cli/platform.h"

#include "base/text.h"
#include "cli/run_parts.h"
#include "codec/gotemplate.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/utsname.h>

namespace cli {

namespace {

constexpr std::string_view systems[] = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios", "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "windows", "zos"};
constexpr std::string_view architectures[] = {
    "386",     "amd64",   "amd64p32", "arm",    "armbe",  "arm64",    "arm64be",   "ppc64",
    "ppc64le", "loong64", "mips",     "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le",
    "ppc",     "riscv",   "riscv64",  "s390",   "s390x",  "sparc",    "sparc64",   "wasm"};

Error wrong(std::string_view text, std::string_view what) {
    return Error(Kind::invalid,
                 fmt::format("{}: {}: invalid argument", codec::go_quote(text), what));
}

bool is_component(std::string_view text, std::string_view more) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               more.contains(c);
    });
}

std::string system_named(std::string_view text) {
    std::string os = base::lowered(text);
    return os == "macos" ? "darwin" : os;
}

// Sets architecture and variant from the spellings there are.
void name_architecture(Platform& platform, std::string_view text, std::string_view variant) {
    platform.architecture = base::lowered(text);
    platform.variant = base::lowered(variant);
    std::string& arch = platform.architecture;
    std::string& kind = platform.variant;
    if (arch == "i386") {
        arch = "386";
        kind.clear();
    } else if (arch == "x86_64" || arch == "x86-64" || arch == "amd64") {
        arch = "amd64";
        if (kind == "v1") kind.clear();
    } else if (arch == "aarch64" || arch == "arm64") {
        arch = "arm64";
        if (kind == "8" || kind == "v8") kind.clear();
    } else if (arch == "armhf") {
        arch = "arm";
        kind = "v7";
    } else if (arch == "armel") {
        arch = "arm";
        kind = "v6";
    } else if (arch == "arm") {
        if (kind.empty() || kind == "7")
            kind = "v7";
        else if (kind == "5" || kind == "6" || kind == "8")
            kind = "v" + kind;
    }
}

// "windows(10.0.1)": the system and its version.
Status read_system(Platform& platform, std::string_view part, std::string_view whole) {
    std::size_t open = part.find('(');
    std::string_view name = part.substr(0, open);
    std::string_view version;
    bool good = is_component(name, "_-");
    if (open != part.npos) {
        good = good && part.ends_with(')');
        version = part.substr(open + 1, part.size() - open - 2);
        good = good && (version.empty() || is_component(version, "_.-"));
    }
    if (!good)
        return Error(
            Kind::invalid,
            fmt::format("{} is an invalid OS component of {}: OSAndVersion specifier "
                        "component must match {}: invalid argument",
                        codec::go_quote(part), codec::go_quote(whole),
                        codec::go_quote(R"(^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$)")));
    platform.os = system_named(name);
    platform.os_version = std::string(version);
    return {};
}

// One word: a system or an architecture.
Result<Platform> from_word(std::string_view word, Platform platform) {
    if (std::ranges::find(systems, platform.os) != std::end(systems)) {
        platform.architecture = machine_architecture();
        if (platform.architecture == "arm") platform.variant = "v7";
        return platform;
    }
    platform.os_version.clear();
    name_architecture(platform, word, "");
    if (platform.architecture == "arm" && platform.variant == "v7") platform.variant.clear();
    if (std::ranges::find(architectures, platform.architecture) == std::end(architectures))
        return wrong(word, "unknown operating system or architecture");
    platform.os = "linux";
    return platform;
}

}  // namespace

std::string machine_architecture() {
    utsname name{};
    uname(&name);
    Platform here;
    name_architecture(here, name.machine, "");
    return here.architecture.starts_with("armv") ? "arm" : here.architecture;
}

std::string Platform::text() const {
    std::string out = os_version.empty() ? os : fmt::format("{}({})", os, os_version);
    for (const std::string* part : {&architecture, &variant})
        if (!part->empty()) out += "/" + *part;
    return out;
}

std::string Platform::json() const {
    codec::Value out = codec::Value::object();
    out.set("architecture", architecture).set("os", os);
    if (!os_version.empty()) out.set("os.version", os_version);
    if (!variant.empty()) out.set("variant", variant);
    return out.json();
}

Result<Platform> parse_platform(std::string_view text) {
    if (text.contains('*')) return wrong(text, "wildcards not yet supported");
    Arguments parts = split(text, '/');
    Platform platform;
    TRY_DO(read_system(platform, parts[0], text));
    for (const std::string& part : Arguments(parts.begin() + 1, parts.end()))
        if (!is_component(part, "_.-"))
            return Error(Kind::invalid,
                         fmt::format("{} is an invalid component of {}: platform specifier "
                                     "component must match {}: invalid argument",
                                     codec::go_quote(part), codec::go_quote(text),
                                     codec::go_quote("^[A-Za-z0-9_.-]+$")));
    if (parts.size() == 1) return from_word(parts[0], std::move(platform));
    if (parts.size() > 3) return wrong(text, "cannot parse platform specifier");
    name_architecture(platform, parts[1], parts.size() == 3 ? parts[2] : "");
    if (parts.size() == 2 && platform.architecture == "arm" && platform.variant == "v7")
        platform.variant.clear();
    if (parts.size() == 3 && platform.architecture == "arm64" && platform.variant.empty())
        platform.variant = "v8";
    return platform;
}

}  // namespace cli
